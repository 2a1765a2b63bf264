/** A process that has no file descriptor left. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeConnect, later, ONCE, ready, restartedOnce, running, SOON_MS } from '../replicas/given.ts';
import { named, webhook } from '../replicas/replicas.ts';
import { waitFor } from '../stack/process.ts';
import { noLimits, setLimit, softLimit } from './limits.ts';

/** Descriptors 0 to 2 are taken: nothing can be opened any more, whatever is closed meanwhile. */
const NO_MORE = 3;
const FLOOD = 100;

export function descriptorsMayRunOut(): void {
  test('out of file descriptors the process stays, loses and charges nothing, says why, and heals when there are some again', async (t) => {
    if (noLimits !== null) return t.skip(noLimits);
    const directory = mkdtempSync(join(tmpdir(), 'connect-medic-descriptors-'));
    later(t, () => rm(directory, { recursive: true, force: true }));
    const connect = await fakeConnect(t);
    const replicas = await running(t, {
      count: 1,
      ledgerUrl: `sqlite:${join(directory, 'ledger.db')}`,
      clusters: { default: connect },
      policy: ONCE,
    });
    const one = replicas.at(0);
    const connectors = named('starved', 3);
    connect.show(connectors, 'FAILED');
    const line = oldLine(t, one.service.url);
    assert.equal((await line('GET', '/livez')).status, 200);

    const { pid } = one.process;
    const before = softLimit(pid, 'nofile');
    setLimit(pid, 'nofile', NO_MORE);
    // Over a connection that it has kept it could go on restarting.
    connect.hangUp();
    const flood = await floodOf(t, one.service.url);
    // Whoever was connected before is served: what it sends is durable, and nothing more.
    const taken = await line('POST', '/webhook', webhook(connectors, 'default'));
    assert.equal(taken.status, 202);
    await waitFor(
      'the log to say why nothing is restarted',
      async () => (await one.service.log()).some((said) => /EMFILE/.test(String(said['detail']))),
      SOON_MS,
    );
    const shown = JSON.parse((await line('GET', '/api/v1/remediations')).text) as {
      remediations: { connector: string; attempts: number; hold: { reason: string } | null }[];
    };
    assert.deepEqual(
      shown.remediations.map(({ connector, attempts }) => [connector, attempts]).sort(),
      connectors.map((connector) => [connector, 0]),
    );
    assert.ok(one.process.running);
    assert.deepEqual(connect.restarts, []);

    setLimit(pid, 'nofile', before);
    for (const socket of flood) socket.destroy();
    await waitFor('readiness', ready(replicas, 200), SOON_MS);
    await replicas.waitForAll(connectors, restartedOnce, SOON_MS);
    await replicas.goOn([connect], SOON_MS);
    assert.deepEqual(connect.counts(), new Map(connectors.map((connector) => [connector, 1])));
  });
}

type Line = (method: string, path: string, body?: unknown) => Promise<{ status: number; text: string }>;

/** Requests one after the other over one connection that is kept. */
function oldLine(t: TestContext, url: string): Line {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  later(t, async () => agent.destroy());
  return async (method, path, body) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const sent = request(url + path, { agent, method, headers });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const [answer] = await once(sent, 'response');
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += piece;
    return { status: answer.statusCode ?? 0, text };
  };
}

/** Connections that say nothing; those that the service cannot take are closed by it or wait. */
async function floodOf(t: TestContext, url: string): Promise<readonly Socket[]> {
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: FLOOD }, () => dial({ host: hostname, port: Number(port) }));
  later(t, async () => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(
    sockets.map(async (socket) => {
      socket.on('error', () => {});
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    }),
  );
  return sockets;
}
