/** Loopback servers that answer as they are told to, and know nothing of Kafka Connect. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import type { TestContext } from 'node:test';
import type { ConnectClient, ConnectClientOptions } from '../../src/connect/client.ts';
import { createConnectClient } from '../../src/connect/http-client.ts';
import type { ConnectorStatus, ConnectState } from '../../src/core/model.ts';

/** A request timeout for servers that never answer: long enough for everything else to be over on a busy machine. */
export const SHORT_MS = 400;
export const SHORT = { requestTimeoutMs: SHORT_MS };

/** One scripted answer. */
export type Reply = (...args: Parameters<RequestListener>) => void;

export interface FakeWorker {
  readonly url: string;
  /** `host:port`. */
  readonly label: string;
  /** Every request as `METHOD target`, the target as it came. */
  readonly requests: string[];
  readonly headers: IncomingMessage['headers'][];
  /** Connections accepted so far. */
  readonly connections: () => number;
}

/** Answers by `METHOD target`, or `METHOD *`; a list is used up one by one, its last stays. Anything else: 500 `unscripted`. */
export type Script = Readonly<Record<string, Reply | readonly Reply[]>>;

export async function worker(t: TestContext, script: Script): Promise<FakeWorker> {
  const used = new Map<string, number>();
  const { listener, requests, headers } = recorder((key, ...args) => {
    const found = key in script ? key : `${key.split(' ')[0]} *`;
    const entry = script[found];
    const n = used.get(found) ?? 0;
    used.set(found, n + 1);
    const reply = Array.isArray(entry) ? entry[Math.min(n, entry.length - 1)] : entry;
    (reply ?? json(500, { error_code: 500, message: 'unscripted' }))(...args);
  });
  const server = createServer(listener);
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  const label = await listen(t, server);
  return { url: `http://${label}`, label, requests, headers, connections: () => connections };
}

export function recorder(answer: (key: string, ...args: Parameters<RequestListener>) => void): {
  listener: RequestListener;
  requests: string[];
  headers: IncomingMessage['headers'][];
} {
  const requests: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const listener: RequestListener = (request, response) => {
    const key = `${request.method} ${request.url}`;
    requests.push(key);
    headers.push(request.headers);
    answer(key, request, response);
  };
  return { listener, requests, headers };
}

/** Accepts connections and says nothing, whatever comes. */
export async function silent(t: TestContext): Promise<{ label: string; connections: () => number }> {
  const sockets: { destroy: () => void }[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.resume();
  });
  const label = await listen(t, server, () => {
    for (const socket of sockets) socket.destroy();
  });
  return { label, connections: () => sockets.length };
}

/** A port at which nobody listens. */
export async function refusing(): Promise<string> {
  const server = createTcpServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

export async function listen(t: TestContext, server: Server | TcpServer, end?: () => void): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    end?.();
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function json(status: number, body: unknown): Reply {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}

export function connectError(status: number, message: string): Reply {
  return json(status, { error_code: status, message });
}

export function empty(status: number, headers: Record<string, string> = {}): Reply {
  return (_request, response) => {
    response.writeHead(status, headers).end();
  };
}

/** What Jetty says to every path while a worker starts. */
export function html(status: number): Reply {
  return (_request, response) => {
    response
      .writeHead(status, { 'content-type': 'text/html;charset=iso-8859-1' })
      .end(`<html><body><h2>HTTP ERROR ${status}</h2></body></html>`);
  };
}

/** Writes these bytes and then ends the connection, resets it, or leaves it open. */
export function raw(bytes: string, then: 'end' | 'reset' | 'hang'): Reply {
  return (request) => {
    const { socket } = request;
    if (then === 'end') socket.end(bytes);
    else
      socket.write(bytes, () => {
        if (then === 'reset') socket.resetAndDestroy();
      });
  };
}

export const hang: Reply = () => {};
export const hangInHeaders = raw('HTTP/1.1 200 OK\r\ncontent-ty', 'hang');
export const garbage = raw('\u0000\u0001\u0002 these are not the bytes\r\n\r\n', 'end');
export const reset: Reply = (request) => {
  request.socket.resetAndDestroy();
};
/** A status line, half a body, and then nothing, or a reset. */
export function half(status: number, then: 'hang' | 'reset'): Reply {
  return raw(`HTTP/1.1 ${status} X\r\ncontent-length: 100\r\n\r\n{"connector":`, then);
}

export interface Asked {
  readonly client: ConnectClient;
  /** Every call of `onRequest`, as `operation outcome`. */
  readonly seen: string[];
}

/** A client for these URLs; closed with the test. */
export function ask(
  t: TestContext,
  urls: readonly string[],
  over: Partial<ConnectClientOptions> = {},
  monotonic?: () => number,
): Asked {
  const seen: string[] = [];
  const client = createConnectClient(
    {
      cluster: 'test',
      urls,
      requestTimeoutMs: 10_000,
      authorization: null,
      tls: null,
      hash: () => null,
      onRequest: (operation, outcome) => seen.push(`${operation} ${outcome}`),
      ...over,
    },
    monotonic,
  );
  t.after(() => client.close());
  return { client, seen };
}

/** A status with these states, tasks numbered from 0. */
export function states(connector: ConnectState, ...tasks: ConnectState[]): ConnectorStatus {
  const part = (state: ConnectState) => ({ state, workerId: 'w:8083', trace: null });
  return { connector: part(connector), tasks: tasks.map((state, id) => ({ id, ...part(state) })) };
}

/** The same as Connect writes it. */
export function statusBody(name: string, connector: ConnectState, ...tasks: ConnectState[]): unknown {
  return {
    name,
    connector: { state: connector, worker_id: 'w:8083' },
    tasks: tasks.map((state, id) => ({ id, state, worker_id: 'w:8083' })),
    type: 'sink',
  };
}
