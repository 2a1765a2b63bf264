import { Pool } from 'undici';
import type { Clock } from '../clock.ts';
import { oneLine, said } from '../connect/detail.ts';
import { type Exchange, exchange, type Fault } from '../connect/exchange.ts';
import { type Parsed, parseJson } from '../connect/parse.ts';
import { readCredentials } from '../connect/read.ts';
import { connectorFor } from '../connect/tls.ts';
import { maskCredentials } from '../core/diagnosis.ts';
import type {
  AlertmanagerClient,
  AlertmanagerClientOptions,
  AlertmanagerOperation,
  AlertmanagerResult,
  AlertsQuery,
} from './client.ts';
import { parseAlertmanagerStatus, parseAlerts, parseSilences } from './parse.ts';

const REQUEST_TIMEOUT_MS = 5_000;
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
/** For a TCP connection and, with TLS, its handshake. */
const CONNECT_TIMEOUT_AT_MOST_MS = 3_000;
/** Alerts and silences at once, and as many for the pull path. */
const CONNECTIONS = 4;
/** After a 503 the same is asked once more, after this long and up to as long again. */
const RETRY_AFTER_MS = 250;
/** A longer error body is no sentence for a human. */
const ERROR_BODY_AT_MOST = 4_096;

/** Alertmanager's API v2 over HTTP. Throws a TypeError for what is no http or https URL. */
export function createAlertmanagerClient(
  options: AlertmanagerClientOptions,
  clock: Pick<Clock, 'sleep'>,
  random: () => number = Math.random,
): AlertmanagerClient {
  return new HttpAlertmanagerClient(options, clock, random);
}

interface Call<T> {
  readonly operation: AlertmanagerOperation;
  readonly path: string;
  readonly parse: (json: unknown) => Parsed<T>;
}

type Failure = Exclude<AlertmanagerResult<never>, { outcome: 'ok' }>;

class HttpAlertmanagerClient implements AlertmanagerClient {
  readonly name: string;
  readonly #options: AlertmanagerClientOptions;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #random: () => number;
  readonly #pool: Pool;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #closed = new AbortController();
  #closing: Promise<void> | null = null;

  constructor(options: AlertmanagerClientOptions, clock: Pick<Clock, 'sleep'>, random: () => number) {
    const url = new URL(options.url);
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.name = `${url.host}${this.#prefix}`;
    this.#timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const connectTimeoutMs = Math.ceil(Math.min(CONNECT_TIMEOUT_AT_MOST_MS, this.#timeoutMs / 2));
    const connect = connectorFor(options.tls, connectTimeoutMs);
    // The call's own deadline covers headers and body.
    this.#pool = new Pool(url.origin, {
      connect,
      connections: CONNECTIONS,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  alerts({ filter, active }: AlertsQuery) {
    const query = new URLSearchParams({ active: String(active), silenced: 'true', inhibited: 'true' });
    for (const matcher of filter) query.append('filter', matcher);
    return this.#read({ operation: 'alerts', path: `/api/v2/alerts?${query}`, parse: parseAlerts });
  }

  silences() {
    return this.#read({ operation: 'silences', path: '/api/v2/silences', parse: parseSilences });
  }

  status() {
    return this.#read({ operation: 'status', path: '/api/v2/status', parse: parseAlertmanagerStatus });
  }

  close(): Promise<void> {
    this.#closed.abort();
    this.#closing ??= this.#pool.close();
    return this.#closing;
  }

  async #read<T>(call: Call<T>): Promise<AlertmanagerResult<T>> {
    const first = await this.#readOnce(call);
    if (first.outcome !== 'overloaded') return first;
    // Jitter keeps replicas that were turned away together from coming back together.
    await this.#clock.sleep(RETRY_AFTER_MS * (1 + this.#random()), this.#closed.signal);
    return this.#closed.signal.aborted ? first : this.#readOnce(call);
  }

  async #readOnce<T>(call: Call<T>): Promise<AlertmanagerResult<T>> {
    const credentials = readCredentials(this.#options);
    if ('fault' in credentials) return { outcome: 'unauthorized', detail: credentials.fault };
    const { authorization } = credentials;
    const answer = await exchange(this.#pool, {
      method: 'GET',
      path: this.#prefix + call.path,
      authorization,
      timeoutMs: this.#timeoutMs,
      bodyLimitBytes: this.#options.bodyLimitBytes ?? BODY_LIMIT_BYTES,
    });
    const result = classify(answer, call.parse, authorization);
    this.#options.onRequest(call.operation, result.outcome);
    return result;
  }
}

/** What an answer of Alertmanager, or of Prometheus, whose API is made alike, comes down to. */
export function classify<T>(
  answer: Exchange,
  parse: (json: unknown) => Parsed<T>,
  authorization: string | null,
): AlertmanagerResult<T> {
  if (answer.kind === 'none') return faulty(answer.fault);
  const { status, body } = answer;
  const whole = Buffer.isBuffer(body);
  // The status line says enough, also where the rest of the answer was lost.
  const detail = whole && status >= 400 ? `${status}${wordsOf(body, authorization)}` : String(status);
  if (status === 401 || status === 403) return { outcome: 'unauthorized', detail };
  if (status === 503 || status === 429) return { outcome: 'overloaded', detail };
  if (status >= 500) return { outcome: 'server_error', detail };
  if (status >= 300 && status < 400) {
    return { outcome: 'nonsense', detail: `${detail}, a redirect, which is not followed: check the URL` };
  }
  if (status === 404) return { outcome: 'nonsense', detail: `${detail}: check the URL and its path prefix` };
  if (!whole) return faulty(body, `${status}, then `);
  if (status !== 200) return { outcome: 'nonsense', detail };
  const json = parseJson(body);
  if (json === null) return { outcome: 'nonsense', detail: '200, but not JSON' };
  const parsed = parse(json.value);
  if ('value' in parsed) return { outcome: 'ok', value: parsed.value };
  return { outcome: 'nonsense', detail: `200, but ${parsed.fault}` };
}

/** What the error body says: Alertmanager writes a JSON text or a plain line; of a page of a proxy nothing is shown. */
function wordsOf(body: Buffer, authorization: string | null): string {
  if (body.length > ERROR_BODY_AT_MOST) return '';
  const json = parseJson(body)?.value;
  const inside = messageIn(json);
  const plain = body.toString('utf8').trim();
  const text = typeof inside === 'string' ? inside : json === undefined && !/^[<{[]/.test(plain) ? plain : '';
  return text === '' ? '' : ` ${maskCredentials(said(text, authorization))}`;
}

/** Alertmanager says `message`, Prometheus `error`. */
function messageIn(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if ('message' in json) return json.message;
  return 'error' in json ? json.error : json;
}

function faulty(fault: Fault, before = ''): Failure {
  const detail = oneLine(before + fault.text);
  switch (fault.cause) {
    case 'timeout':
      return { outcome: 'timeout', detail };
    case 'nonsense':
      return { outcome: 'nonsense', detail };
    case 'network':
    case 'stale':
      return { outcome: 'unreachable', detail };
    default:
      return fault.cause satisfies never;
  }
}
