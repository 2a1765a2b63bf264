/** What the tests of `--check` share: findings as lines, scripted servers, statuses of Connect. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type CheckOptions, check } from '../../src/check/check.ts';
import { Findings, lineOf } from '../../src/check/findings.ts';
import type { Config } from '../../src/config/config.ts';
import type { ConnectorStatus, ConnectState } from '../../src/core/model.ts';

/** The lines that a judgement prints. */
export function linesOf(judge: (findings: Findings) => void): string[] {
  const findings = new Findings();
  judge(findings);
  return findings.list.map(lineOf);
}

/** Runs the whole check. */
export async function run(
  config: Config,
  options: CheckOptions = {},
): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const code = await check(config, 'medic.yml', [], (line) => lines.push(line), options);
  return { code, lines };
}

/** What a scripted server answers: JSON or text with a status; `hang`: nothing, ever. */
export type Answer = { readonly status?: number; readonly body: unknown } | 'hang';

/** A server on loopback that answers each path (without its query, which `request.url` has) as `answers` says now; 404 else. Closed with the test. */
export async function serve(
  t: Pick<TestContext, 'after'>,
  answers: (path: string, request: IncomingMessage) => Answer | undefined,
): Promise<{ readonly url: string; readonly port: number }> {
  const server = createServer((request, response) => {
    const answer = answers((request.url ?? '').split('?', 1)[0] ?? '', request);
    if (answer === 'hang') return;
    const { status = 200, body } = answer ?? { status: 404, body: 'nothing here' };
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {});
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}

/** The status of a connector. */
export function statusOf(connector: ConnectState, ...tasks: ConnectState[]): ConnectorStatus {
  return {
    connector: { state: connector, workerId: 'w:1', trace: null },
    tasks: tasks.map((state, id) => ({ id, state, workerId: 'w:1', trace: null })),
  };
}

/** A Connect worker with these connectors: each `[connector, ...tasks]` by state. */
export function worker(connectors: () => Readonly<Record<string, readonly ConnectState[]>>) {
  return (path: string): Answer | undefined => {
    if (path === '/') return { body: { version: '4.3.0', commit: 'x', kafka_cluster_id: 'k' } };
    if (path !== '/connectors') return undefined;
    const entries = Object.entries(connectors()).map(([name, [state, ...tasks]]) => [
      name,
      {
        status: {
          name,
          connector: { state, worker_id: 'w:1' },
          tasks: tasks.map((task, id) => ({ id, state: task, worker_id: 'w:1' })),
          type: 'sink',
        },
      },
    ]);
    return { body: Object.fromEntries(entries) };
  };
}
