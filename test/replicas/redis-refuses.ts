/** A Redis that answers, can be read, and takes no writes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startRedis } from '../redis/server.ts';
import { waitFor } from '../stack/process.ts';
import { fakeConnect, ONCE, ready, restartedOnce, running, SOON_MS, until } from './given.ts';
import { named } from './replicas.ts';

export function redisMayRefuseWrites(): void {
  for (const { refusal, begin, end, said } of [
    {
      refusal: 'out of memory',
      begin: ['config', 'set', 'maxmemory', '1'],
      end: ['config', 'set', 'maxmemory', '0'],
      said: 'Redis is out of memory',
    },
    {
      refusal: 'made a replica',
      begin: ['replicaof', '127.0.0.1', '1'],
      end: ['replicaof', 'no', 'one'],
      said: 'Redis is a replica now',
    },
  ]) {
    test(`a Redis that is ${refusal} is noticed and named while nothing is due, and used again (P6)`, async (t) => {
      const redis = until(t, await startRedis());
      const connect = await fakeConnect(t);
      const clusters = { default: connect };
      const replicas = await running(t, { count: 1, ledgerUrl: redis.url, clusters, policy: ONCE });
      const one = replicas.at(0);
      const logged = async (): Promise<boolean> =>
        (await readFile(one.service.logFile, 'utf8')).includes(said);
      const up = async (): Promise<string> => {
        const text = await (await one.service.get('/metrics')).text();
        return /^connect_medic_ledger_up (\d)$/m.exec(text)?.[1] ?? 'missing';
      };
      const connectors = named('refused', 3);
      connect.show(connectors, 'FAILED');
      await redis.cli(...begin);
      // Nobody asks /readyz, and no webhook comes: the loop alone finds out.
      await waitFor('the log to say so', logged, SOON_MS);
      const reads = connect.bulkReads + 3;
      await waitFor('a few turns', async () => connect.bulkReads >= reads, SOON_MS);
      assert.equal(await up(), '0');
      assert.equal(await one.post(connectors), 503);
      assert.equal(await one.status('/readyz'), 503);
      assert.deepEqual(connect.restarts, []);
      await redis.cli(...end);
      await waitFor('readiness', ready(replicas, 200), SOON_MS);
      await one.deliver(connectors, SOON_MS);
      await replicas.waitForAll(connectors, restartedOnce, SOON_MS);
      assert.equal(await up(), '1');
      assert.deepEqual(connect.counts(), new Map(connectors.map((connector) => [connector, 1])));
    });
  }
}
