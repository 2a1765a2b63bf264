/**
 * Kafka Connect's REST API as far as connect-medic asks for it, in the test's own process. It shows the states that the
 * test has set, writes down each restart, and after an accepted one shows what the test says: it knows nothing else.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type Shown = 'FAILED' | 'RUNNING';

export interface RestartSeen {
  readonly connector: string;
  /** When its request came, in milliseconds that never go backwards. */
  readonly atMs: number;
}

const RESTART = /^\/connectors\/([^/?]+)\/restart\?includeTasks=true&onlyFailed=true$/;
const STATUS = /^\/connectors\/([^/?]+)\/status$/;
const ONE = /^\/connectors\/([^/?]+)$/;

export class FakeConnect {
  /** Each restart that came, in order. */
  readonly restarts: RestartSeen[] = [];
  /** Bulk reads answered so far: how a test sees that the services go on. */
  bulkReads = 0;
  /** What a restarted connector shows. */
  afterRestart: Shown = 'FAILED';
  /** What one restarted connector shows, where that differs. */
  afterRestartOf: (connector: string) => Shown = () => this.afterRestart;
  /** How long the answer to a restart takes, in milliseconds. */
  restartTakesMs: () => number = () => 0;
  /** Told of each request as it comes, before anything is done about it. */
  onRequest: (what: 'read' | 'restart') => void = () => {};
  /** Awaited while a restart is under way. */
  duringRestart: (connector: string) => Promise<void> = async () => {};
  /** Told of each restart that is carried out and not answered yet. */
  onRestarted: (connector: string) => void = () => {};
  /** Connectors that got a restart while another one of theirs was under way. */
  readonly overlapping: string[] = [];
  readonly #states = new Map<string, Shown>();
  readonly #underWay = new Map<string, ServerResponse>();
  readonly #server = createServer((request, response) => {
    void this.#answer(request, response);
  });

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  show(connectors: readonly string[], state: Shown): void {
    for (const connector of connectors) this.#states.set(connector, state);
  }

  /** Restarts of one connector, in order. */
  restartsOf(connector: string): readonly RestartSeen[] {
    return this.restarts.filter((seen) => seen.connector === connector);
  }

  /** How many restarts each connector got; every connector is in it. */
  counts(): Map<string, number> {
    const counts = new Map([...this.#states.keys()].map((connector) => [connector, 0]));
    for (const { connector } of this.restarts) counts.set(connector, (counts.get(connector) ?? 0) + 1);
    return counts;
  }

  /** Ends the connections that there are; whoever comes anew is served. */
  hangUp(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    response.on('error', () => {}); // A service that was killed takes no answer.
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    this.onRequest(method === 'POST' ? 'restart' : 'read');
    if (method === 'GET' && url === '/') return json(200, { version: '4.3.0', kafka_cluster_id: 'test' });
    if (method === 'GET' && url === '/connectors?expand=status') {
      this.bulkReads += 1;
      const all = [...this.#states].map(([name, state]) => [name, { status: statusOf(name, state) }]);
      return json(200, Object.fromEntries(all));
    }
    const [, name = ''] = RESTART.exec(url) ?? STATUS.exec(url) ?? ONE.exec(url) ?? [];
    const connector = decodeURIComponent(name);
    const state = this.#states.get(connector);
    if (state === undefined)
      return json(404, { error_code: 404, message: `No status found for ${connector}` });
    if (method === 'POST' && RESTART.test(url)) {
      this.restarts.push({ connector, atMs: performance.now() });
      const other = this.#underWay.get(connector);
      // A caller that was killed is not there any more.
      if (other !== undefined && !other.destroyed && !other.writableEnded) this.overlapping.push(connector);
      this.#underWay.set(connector, response);
      const takesMs = this.restartTakesMs();
      if (takesMs > 0) await sleep(takesMs);
      await this.duringRestart(connector);
      const after = this.afterRestartOf(connector);
      this.#states.set(connector, after);
      this.onRestarted(connector);
      return json(202, statusOf(connector, after));
    }
    if (method === 'GET' && STATUS.test(url)) return json(200, statusOf(connector, state));
    if (method === 'GET') return json(200, { name: connector, config: {}, tasks: [], type: 'sink' });
    return json(405, { error_code: 405, message: 'HTTP 405 Method Not Allowed' });
  }
}

function statusOf(name: string, state: Shown): unknown {
  const worker = { worker_id: '127.0.0.1:8083' };
  const trace = state === 'FAILED' ? { trace: 'java.lang.IllegalStateException: as the test says' } : {};
  return {
    name,
    connector: { state: 'RUNNING', ...worker },
    tasks: [{ id: 0, state, ...worker, ...trace }],
    type: 'sink',
  };
}
