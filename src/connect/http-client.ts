import type { ConnectorSettings, ConnectorStatus, RestartPlan } from '../core/model.ts';
import { readAllSettings, readStatuses } from './bulk.ts';
import type { ConnectClient, ConnectClientOptions, ReadResult, RestartResult } from './client.ts';
import { parseBody, parseInfo, parseSettings, parseStatus } from './parse.ts';
import { type ReadSpec, read, type Wire } from './read.ts';
import { Restart } from './restart.ts';
import { connectorFor } from './tls.ts';
import { RestartApiMemory } from './version.ts';
import { Workers } from './workers.ts';

/** Bulk status of a large cluster: thousands of connectors, each failed task with a trace. */
const STATUSES_LIMIT_BYTES = 256 * 1024 * 1024;
/** Status of one connector: hundreds of failed tasks, each with its trace, are more than a megabyte. */
const STATUS_LIMIT_BYTES = 16 * 1024 * 1024;
const ANSWER_LIMIT_BYTES = 1024 * 1024;
/** For a TCP connection and, with TLS, its handshake; three seconds outlast one lost packet each way. */
const CONNECT_TIMEOUT_AT_MOST_MS = 3_000;
/** The version only chooses between two kinds of restart call: it may not cost much of their time. */
const VERSION_TIMEOUT_AT_MOST_MS = 2_000;

/** Kafka Connect's REST API over HTTP. */
export function createConnectClient(
  options: ConnectClientOptions,
  monotonic: () => number = () => performance.now(),
): ConnectClient {
  return new HttpConnectClient(options, monotonic);
}

class HttpConnectClient implements ConnectClient {
  readonly cluster: string;
  readonly #wire: Wire;
  readonly #memory: RestartApiMemory;
  readonly #hash: ConnectClientOptions['hash'];
  #closing: Promise<void> | null = null;

  constructor(options: ConnectClientOptions, monotonic: () => number) {
    const { requestTimeoutMs, authorization, onRequest } = options;
    const connectTimeoutMs = Math.ceil(Math.min(CONNECT_TIMEOUT_AT_MOST_MS, requestTimeoutMs / 2));
    const workers = new Workers(options.urls, connectorFor(options.tls, connectTimeoutMs), monotonic);
    this.cluster = options.cluster;
    this.#hash = options.hash;
    this.#wire = { workers, requestTimeoutMs, authorization, onRequest, monotonic };
    const versionTimeoutMs = Math.min(VERSION_TIMEOUT_AT_MOST_MS, requestTimeoutMs / 2);
    this.#memory = new RestartApiMemory(() => this.#info(versionTimeoutMs), monotonic);
  }

  async statuses(): Promise<ReadResult<ReadonlyMap<string, ConnectorStatus | null>>> {
    const result = await read(this.#wire, {
      operation: 'status',
      path: '/connectors?expand=status',
      bodyLimitBytes: STATUSES_LIMIT_BYTES,
      parse: readStatuses,
    });
    // So that no restart has to wait for the version first.
    if (result.outcome === 'ok') void this.#memory.get();
    return result;
  }

  status(connector: string): Promise<ReadResult<ConnectorStatus>> {
    return this.#status(connector);
  }

  settings(connector: string): Promise<ReadResult<ConnectorSettings | 'missing'>> {
    return this.#readOne<ConnectorSettings | 'missing'>(connector, '', {
      operation: 'settings',
      bodyLimitBytes: ANSWER_LIMIT_BYTES,
      parse: (body) => parseBody(body, (json) => parseSettings(connector, json, this.#hash)),
      missing: 'missing',
    });
  }

  allSettings(): Promise<ReadResult<ReadonlyMap<string, ConnectorSettings>>> {
    return read(this.#wire, {
      operation: 'settings',
      path: '/connectors?expand=info',
      bodyLimitBytes: STATUSES_LIMIT_BYTES,
      parse: (body) => readAllSettings(body, this.#hash),
    });
  }

  async restart(
    connector: string,
    plan: RestartPlan,
    status: ConnectorStatus,
    statusAgeMs = 0,
  ): Promise<RestartResult> {
    const base = pathOf(connector);
    if (base === null) return { outcome: 'refused', detail: UNADDRESSABLE };
    if (this.#closing !== null) return { outcome: 'refused', detail: 'this client is closed' };
    const readStatus = (totalMs: number): Promise<ReadResult<ConnectorStatus>> =>
      this.#status(connector, totalMs);
    return new Restart(this.#wire, this.#memory, { base, plan, status, statusAgeMs, readStatus }).run();
  }

  info(): Promise<ReadResult<{ version: string; kafkaClusterId: string | null }>> {
    return this.#info();
  }

  /** What is under way is finished first; it ends by its own deadline. */
  close(): Promise<void> {
    this.#closing ??= this.#wire.workers.close();
    return this.#closing;
  }

  #status(connector: string, totalMs?: number): Promise<ReadResult<ConnectorStatus>> {
    return this.#readOne(connector, '/status', {
      operation: 'status',
      bodyLimitBytes: STATUS_LIMIT_BYTES,
      parse: (body) => parseBody(body, (json) => parseStatus(connector, json)),
      ...(totalMs !== undefined && { totalMs }),
    });
  }

  #info(totalMs?: number): Promise<ReadResult<{ version: string; kafkaClusterId: string | null }>> {
    return read(this.#wire, {
      operation: 'info',
      path: '/',
      bodyLimitBytes: ANSWER_LIMIT_BYTES,
      parse: (body) => parseBody(body, parseInfo),
      ...(totalMs !== undefined && { totalMs }),
    });
  }

  async #readOne<T>(
    connector: string,
    below: string,
    spec: Omit<ReadSpec<T>, 'path'>,
  ): Promise<ReadResult<T>> {
    const base = pathOf(connector);
    if (base === null) return { outcome: 'nonsense', detail: UNADDRESSABLE };
    return read(this.#wire, { ...spec, path: base + below });
  }
}

const UNADDRESSABLE = 'its name cannot be put into a URL';

/**
 * `/connectors/{c}`, or null for a name that no URL can carry (half a surrogate pair).
 *
 * A name of one or two dots is encoded as well, since it would otherwise be a path segment with a meaning of its own; undici
 * sends it as it is. Servers differ in what they make of `%2E` and `%2F`: Connect 4.3 answers 400 (see URL_NOT_ACCEPTED), and
 * where one takes them for `.` and `/`, its answer is about something else, which is seen by the name in it.
 */
function pathOf(connector: string): string | null {
  if (!connector.isWellFormed()) return null;
  const name = encodeURIComponent(connector);
  return `/connectors/${name === '.' || name === '..' ? name.replaceAll('.', '%2E') : name}`;
}
