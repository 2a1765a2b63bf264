import type { ConnectClientOptions, ReadOutcome, ReadResult } from './client.ts';
import { joined, oneLine, said, URL_NOT_ACCEPTED } from './detail.ts';
import { type Exchange, exchange, type Fault } from './exchange.ts';
import { type Parsed, parseError } from './parse.ts';
import type { Workers } from './workers.ts';

/** What every call of a client shares. */
export interface Wire {
  readonly workers: Workers;
  readonly requestTimeoutMs: number;
  readonly authorization: ConnectClientOptions['authorization'];
  readonly onRequest: ConnectClientOptions['onRequest'];
  /** Milliseconds that never go backwards. */
  readonly monotonic: () => number;
}

/** One kind of read. */
export interface ReadSpec<T> {
  readonly operation: 'status' | 'settings' | 'info';
  /** Below the worker's prefix. */
  readonly path: string;
  readonly bodyLimitBytes: number;
  readonly parse: (body: Buffer) => Parsed<T> | Promise<Parsed<T>>;
  /** The value of Connect's own 404, where that is an answer. */
  readonly missing?: T;
  /** For all workers together; without it each worker gets the request timeout. */
  readonly totalMs?: number;
}

type Failure = Exclude<ReadResult<never>, { outcome: 'ok' }>;

/** Other workers would say the same, or be asked in vain. */
const FINAL: ReadonlySet<ReadOutcome> = new Set(['ok', 'unauthorized', 'conflict', 'not_found']);
/** Where all workers failed, the outcome that tells most comes first: an answer tells more than silence. */
const TELLING = ['server_error', 'nonsense', 'timeout', 'unreachable'] as const;

/**
 * Asks the workers in turn until one gives an answer that counts. Each gets `requestTimeoutMs`, so that the one that hangs
 * takes nothing from the others.
 */
export async function read<T>(wire: Wire, spec: ReadSpec<T>): Promise<ReadResult<T>> {
  const untilMs = wire.monotonic() + (spec.totalMs ?? Number.POSITIVE_INFINITY);
  const failures: { readonly label: string; readonly failure: Failure }[] = [];
  for (const worker of wire.workers.inOrder()) {
    const timeoutMs = Math.ceil(Math.min(wire.requestTimeoutMs, untilMs - wire.monotonic()));
    if (timeoutMs <= 0) break;
    const credentials = readCredentials(wire);
    if ('fault' in credentials) return { outcome: 'unauthorized', detail: credentials.fault };
    const { authorization } = credentials;
    const answer = await exchange(worker.reads, {
      method: 'GET',
      path: worker.prefix + spec.path,
      authorization,
      timeoutMs,
      bodyLimitBytes: spec.bodyLimitBytes,
    });
    const result = await classify(answer, spec, authorization);
    wire.onRequest(spec.operation, result.outcome);
    if (result.outcome === 'timeout') wire.workers.timedOut(worker);
    if (FINAL.has(result.outcome)) wire.workers.worked(worker);
    if (result.outcome === 'ok') return result;
    if (FINAL.has(result.outcome)) return { ...result, detail: `${worker.label}: ${result.detail}` };
    failures.push({ label: worker.label, failure: result });
  }
  if (failures.length === 0) return { outcome: 'timeout', detail: 'no time was left to ask' };
  const telling = TELLING.find((outcome) => failures.some(({ failure }) => failure.outcome === outcome));
  return {
    outcome: telling ?? 'unreachable',
    detail: joined(failures.map(({ label, failure }) => `${label}: ${failure.detail}`)),
  };
}

async function classify<T>(
  answer: Exchange,
  spec: ReadSpec<T>,
  authorization: string | null,
): Promise<ReadResult<T>> {
  if (answer.kind === 'none') return faulty(answer.fault);
  const { status, body } = answer;
  const whole = Buffer.isBuffer(body);
  const error = whole && status >= 400 ? parseError(body) : null;
  const detail = `${status}${error === null ? '' : ` ${said(error.message, authorization)}`}`;
  // The status line says enough, also where the rest of the answer was lost.
  if (status === 401 || status === 403) return { outcome: 'unauthorized', detail };
  if (status === 409) return { outcome: 'conflict', detail };
  if (status >= 500) return { outcome: 'server_error', detail };
  if (!whole) return faulty(body, `${status}, then `);
  if (status === 404) {
    if (error === null) {
      return { outcome: 'unreachable', detail: "404 without Connect's error body: is the worker starting?" };
    }
    if (error.noSuchPath) {
      return { outcome: 'nonsense', detail: `${detail}: no such path, check the URL and the name` };
    }
    if (spec.missing !== undefined) return { outcome: 'ok', value: spec.missing };
    return { outcome: 'not_found', detail };
  }
  if (status === 400 && error === null) return { outcome: 'nonsense', detail: URL_NOT_ACCEPTED };
  if (status !== 200) return { outcome: 'nonsense', detail };
  const parsed = await spec.parse(body);
  if ('value' in parsed) return { outcome: 'ok', value: parsed.value };
  return { outcome: 'nonsense', detail: `200, but ${parsed.fault}` };
}

function faulty(fault: Fault, before = ''): Failure {
  const detail = before + fault.text;
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

/** The header value for the next request, or why there is none: a secret file may be gone or hold a line break. */
export function readCredentials(
  wire: Pick<Wire, 'authorization'>,
): { readonly authorization: string | null } | { readonly fault: string } {
  if (wire.authorization === null) return { authorization: null };
  try {
    const authorization = wire.authorization();
    // undici would refuse it as well, but as if it were the connection's fault.
    if (/^[\t\x20-\x7e\x80-\xff]+$/.test(authorization)) return { authorization };
    return { fault: 'the credentials hold characters that no header may hold' };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return { fault: oneLine(`the credentials cannot be read${code}`) };
  }
}
