/**
 * Kafka Connect's REST API as far as connect-medic asks for it, in a thread of its own: neither the one who sends the load
 * nor the service waits for its event loop. It shows what it was told to show, and counts.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { connectorName } from './alerts.ts';
import type { ConnectScript, FromConnect, ToConnect } from './connect.ts';

const RESTART = /^\/connectors\/([^/?]+)\/restart\?includeTasks=true&onlyFailed=true$/;
const STATUS = /^\/connectors\/([^/?]+)\/status$/;
const ONE = /^\/connectors\/([^/?]+)$/;

const port = parentPort;
if (port === null) throw new Error('this file is run as a worker thread');
let script = workerData as ConnectScript;
const counts = { bulkReads: 0, reads: 0, settings: 0, allSettings: 0, restarts: 0 };
/** Entries of the bulk answer, and the answer as long as none of them has changed. */
let entries = new Map<string, Buffer>();
let bulk: Buffer | null = null;

const tell = (message: FromConnect): void => port.postMessage(message);

function show(next: ConnectScript): void {
  script = next;
  entries = new Map();
  for (let index = 0; index < next.connectors; index += 1) {
    const name = connectorName(index);
    setEntry(name, index < next.failed);
  }
}

function setEntry(name: string, isFailed: boolean): void {
  entries.set(name, Buffer.from(JSON.stringify(statusOf(name, isFailed))));
  bulk = null;
}

function statusOf(name: string, isFailed: boolean): unknown {
  const worker = { worker_id: '10.0.0.17:8083', version: '4.3.0' };
  const failed = isFailed ? { state: 'FAILED', trace: script.trace } : { state: 'RUNNING' };
  return {
    name,
    connector: { state: 'RUNNING', ...worker },
    tasks: Array.from({ length: script.tasks }, (_, id) => ({ id, ...failed, ...worker })),
    type: 'sink',
  };
}

function bulkAnswer(): Buffer {
  if (bulk !== null) return bulk;
  const parts: Buffer[] = [];
  let before = '{';
  for (const [name, entry] of entries) {
    parts.push(Buffer.from(`${before}${JSON.stringify(name)}:{"status":`), entry, Buffer.from('}'));
    before = ',';
  }
  parts.push(Buffer.from(entries.size === 0 ? '{}' : '}'));
  bulk = Buffer.concat(parts);
  return bulk;
}

function settingsOf(name: string): unknown {
  const config = { 'connector.class': 'org.example.BenchSink', 'tasks.max': String(script.tasks), name };
  return { name, config, tasks: [], type: 'sink' };
}

function answer(method: string, url: string): { status: number; body: Buffer | string } {
  const ok = (value: unknown) => ({ status: 200, body: JSON.stringify(value) });
  if (url === '/') return ok({ version: '4.3.0', kafka_cluster_id: 'bench' });
  if (url === '/connectors?expand=status') {
    counts.bulkReads += 1;
    return { status: 200, body: bulkAnswer() };
  }
  if (url === '/connectors?expand=info') {
    counts.allSettings += 1;
    return ok(Object.fromEntries([...entries.keys()].map((name) => [name, { info: settingsOf(name) }])));
  }
  const [, name = ''] = RESTART.exec(url) ?? STATUS.exec(url) ?? ONE.exec(url) ?? [];
  const entry = entries.get(name);
  if (entry === undefined) {
    return { status: 404, body: JSON.stringify({ error_code: 404, message: `there is no ${name}` }) };
  }
  if (method === 'POST') {
    counts.restarts += 1;
    tell({ kind: 'restart', connector: name, atMs: nowMs() });
    setEntry(name, script.afterRestart === 'FAILED');
    return { status: 202, body: entry };
  }
  if (STATUS.test(url)) {
    counts.reads += 1;
    return { status: 200, body: entry };
  }
  counts.settings += 1;
  return ok(settingsOf(name));
}

/** The same clock in all threads and processes of a machine. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

show(script);
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  response.on('error', () => {}); // A service that was stopped takes no answer.
  request.resume();
  const send = (): void => {
    const { status, body } = answer(request.method ?? '', request.url ?? '');
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  };
  if (script.latencyMs === 0) send();
  else setTimeout(send, script.latencyMs);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
port.on('message', (message: ToConnect) => {
  if (message.kind === 'show') show(message.script);
  if (message.kind === 'some') {
    for (let index = message.from; index < message.to; index += 1) {
      setEntry(connectorName(index), message.failed);
    }
  }
  if (message.kind === 'afterRestart') script = { ...script, afterRestart: message.state };
  if (message.kind === 'reset')
    for (const name of Object.keys(counts)) counts[name as keyof typeof counts] = 0;
  tell({ kind: 'counts', counts: { ...counts } });
});
tell({ kind: 'listening', port: (server.address() as AddressInfo).port });
