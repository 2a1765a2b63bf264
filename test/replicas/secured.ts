/** A Redis that asks for TLS and a password. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startRedis, temporaryDirectory } from '../redis/server.ts';
import { makeTls } from '../redis/tls.ts';
import { waitFor } from '../stack/process.ts';
import { fakeConnect, later, ONCE, restartedOnce, running, SOON_MS, until } from './given.ts';
import { named, type Replicas } from './replicas.ts';

export function redisMayBeSecured(): void {
  test('with TLS of an authority of its own and a password the ledger works', async (t) => {
    const directory = await temporaryDirectory();
    later(t, async () => directory.remove());
    const tls = await makeTls(directory.path);
    const redis = until(t, await startRedis({ tls, password: 'open sesame/7%@' }));
    const connect = await fakeConnect(t);
    const clusters = { default: connect };
    const replicas = await running(t, { count: 1, ledgerUrl: redis.url, clusters, policy: ONCE });
    const connectors = named('secured', 5);
    connect.show(connectors, 'FAILED');
    await replicas.at(0).deliver(connectors, SOON_MS);
    await replicas.waitForAll(connectors, restartedOnce, SOON_MS);
    assert.deepEqual(connect.counts(), new Map(connectors.map((connector) => [connector, 1])));
    assert.doesNotMatch(await textOf(replicas), /sesame/);
  });

  test('a wrong password, and an authority that is not trusted, are said without the password', async (t) => {
    const directory = await temporaryDirectory();
    later(t, async () => directory.remove());
    const tls = await makeTls(directory.path);
    const other = await makeTls(await mkdtemp(join(directory.path, 'other-')));
    const redis = until(t, await startRedis({ tls, password: 'open-sesame-7' }));
    const clusters = { default: await fakeConnect(t) };
    for (const [ledgerUrl, said] of [
      [redis.url.replace('open-sesame-7', 'shut-sesame-8'), /refuses the user or the password/],
      [redis.url.replace(':open-sesame-7@', ''), /asks for a password/],
      [
        redis.url.replace(encodeURIComponent(tls.caFile), encodeURIComponent(other.caFile)),
        /self[- ]signed|unable to verify|certificate/i,
      ],
    ] as const) {
      const replicas = await running(t, { count: 1, ledgerUrl, clusters, policy: ONCE, upAt: '/livez' });
      assert.equal(await replicas.at(0).status('/readyz'), 503);
      assert.equal(await replicas.at(0).post(['any']), 503);
      await waitFor(`a log line like ${said}`, async () => said.test(await textOf(replicas)), SOON_MS);
      const text = await textOf(replicas);
      t.diagnostic(text.split('\n').find((line) => said.test(line)) ?? '');
      assert.doesNotMatch(text, /sesame/);
      await replicas.stop();
    }
  });
}

/** Everything that the replicas have written. */
async function textOf(replicas: Replicas): Promise<string> {
  const files = replicas.all.map(({ service }) => readFile(service.logFile, 'utf8'));
  return (await Promise.all(files)).join('\n');
}
