import {
  type ConnectorSettings,
  type ConnectorStatus,
  type ConnectState,
  connectStates,
  type PartStatus,
} from '../core/model.ts';

/**
 * Kafka Connect's JSON as connect-medic needs it: strict on what decisions rest on, tolerant of everything else, since
 * versions add fields (4.x: `version`; `expand=info`: `info`). Shapes: Kafka's `ConnectorStateInfo`, `ConnectorInfo`,
 * `ServerInfo` and `ErrorMessage` in `org.apache.kafka.connect.runtime.rest.entities`. Nothing here throws.
 */

/** A value, or what is wrong with the JSON in a few words that quote none of it. */
export type Parsed<T> = { readonly value: T } | { readonly fault: string };

/** UTF-16 units kept of one trace. Java prints the outermost exception first and the root cause last: both ends count. */
export const TRACE_AT_MOST = 64 * 1024;

type Json = Readonly<Record<string, unknown>>;

/** `GET /connectors/{c}/status`; an answer about another connector is none. */
export function parseStatus(connector: string, json: unknown): Parsed<ConnectorStatus> {
  if (isObject(json) && typeof json['name'] === 'string' && json['name'] !== connector) {
    return { fault: 'the status of another connector' };
  }
  return parseConnectorStatus(json);
}

/** In a connector's configuration: `false` keeps connect-medic's hands off it. */
const ENABLED_KEY = 'connect.medic.enabled';

const NO: ReadonlySet<string> = new Set(['false', 'no', 'off', '0']);

/** `GET /connectors/{c}`. `hash` makes of a configuration what may be kept of it. */
export function parseSettings(
  connector: string,
  json: unknown,
  hash: (text: string) => string | null,
): Parsed<ConnectorSettings> {
  if (!isObject(json) || json['name'] !== connector) return { fault: 'not a description of this connector' };
  const { config } = json;
  if (!isObject(config)) return { fault: 'no configuration of the connector' };
  const enabled = Object.hasOwn(config, ENABLED_KEY) ? config[ENABLED_KEY] : null;
  const connectorClass = config['connector.class'];
  return {
    value: {
      // Connect keeps all values as text, as they were typed. Who wrote `no` meant it.
      optedOut: enabled === false || (typeof enabled === 'string' && NO.has(enabled.trim().toLowerCase())),
      connectorClass: typeof connectorClass === 'string' ? connectorClass : null,
      // In one order: Connect's map has none.
      configHash: hash(
        JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))),
      ),
    },
  };
}

/** `GET /`. */
export function parseInfo(json: unknown): Parsed<{ version: string; kafkaClusterId: string | null }> {
  if (!isObject(json) || typeof json['version'] !== 'string') return { fault: 'no version' };
  const kafkaClusterId = json['kafka_cluster_id'];
  return {
    value: {
      version: json['version'],
      kafkaClusterId: typeof kafkaClusterId === 'string' ? kafkaClusterId : null,
    },
  };
}

/** Connect's own error body. */
export interface ConnectError {
  readonly message: string;
  /**
   * The JAX-RS layer's words for a path that no resource serves: a wrong path prefix, or a name that does not survive the
   * way through a server's URL parsing. They say nothing about a connector.
   */
  readonly noSuchPath: boolean;
}

/** Connect's error body, or null for anything else: Jetty's HTML, a proxy's page, nothing. */
export function parseError(body: Buffer): ConnectError | null {
  const json = parseJson(body);
  if (json === null || !isObject(json.value) || typeof json.value['error_code'] !== 'number') return null;
  const text = json.value['message'];
  const message = typeof text === 'string' ? text : '';
  return { message, noSuchPath: message === 'HTTP 404 Not Found' };
}

/** What a body says, read in one go. */
export function parseBody<T>(body: Buffer, parse: (json: unknown) => Parsed<T>): Parsed<T> {
  const json = parseJson(body);
  return json === null ? { fault: 'not JSON' } : parse(json.value);
}

/** The JSON of a body; null where it is none. */
export function parseJson(body: Buffer): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    // Not JSON, or longer than a string can be: the caller says what that means.
    return null;
  }
}

/** What `GET /connectors/{c}/status` says, of whichever connector. */
export function parseConnectorStatus(json: unknown): Parsed<ConnectorStatus> {
  if (!isObject(json)) return { fault: 'not a status' };
  const connector = parsePart(json['connector']);
  if (connector === null) return { fault: 'no readable state of the connector' };
  if (!Array.isArray(json['tasks'])) return { fault: 'no tasks' };
  const tasks: (PartStatus & { readonly id: number })[] = [];
  const ids = new Set<number>();
  for (const entry of json['tasks'] as readonly unknown[]) {
    const part = parsePart(entry);
    if (part === null || !isObject(entry)) return { fault: 'no readable state of a task' };
    const id = entry['id'];
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
      return { fault: 'a task without an id' };
    if (ids.has(id)) return { fault: 'a task twice' };
    ids.add(id);
    tasks.push({ id, ...part });
  }
  return { value: { connector, tasks } };
}

function parsePart(json: unknown): PartStatus | null {
  if (!isObject(json) || !isConnectState(json['state'])) return null;
  const { worker_id: workerId, trace } = json;
  return {
    state: json['state'],
    workerId: typeof workerId === 'string' ? workerId : '',
    trace: typeof trace === 'string' ? cutTrace(trace) : null,
  };
}

/** The first and the last half of what is kept, cut at line ends. */
function cutTrace(trace: string): string {
  if (trace.length <= TRACE_AT_MOST) return trace;
  const half = TRACE_AT_MOST / 2 - 32;
  const head = trace.slice(0, half);
  const tail = trace.slice(-half);
  const headEnd = head.lastIndexOf('\n');
  const tailStart = tail.indexOf('\n');
  const kept = [
    headEnd < 0 ? head : head.slice(0, headEnd),
    '\t... cut ...',
    tailStart < 0 ? tail : tail.slice(tailStart + 1),
  ].join('\n');
  // A slice keeps the whole trace in memory; through a buffer it becomes a string of its own.
  return Buffer.from(kept, 'utf16le').toString('utf16le');
}

function isConnectState(value: unknown): value is ConnectState {
  return typeof value === 'string' && (connectStates as readonly string[]).includes(value);
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
