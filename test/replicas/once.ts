/** Many replicas act as one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCluster } from '../redis/cluster.ts';
import { startRedis } from '../redis/server.ts';
import { provisionFaketime } from '../stack/redis-parts.ts';
import { fakeConnect, ONCE, restartedOnce, running, SOON_MS, several, until } from './given.ts';
import { named } from './replicas.ts';

export function replicasActAsOne(): void {
  test('three replicas that get the same hundred webhooks restart each connector exactly once', async (t) => {
    const connect = await fakeConnect(t);
    const redis = until(t, await startRedis());
    const clusters = { default: connect };
    const replicas = await running(t, { count: 3, ledgerUrl: redis.url, clusters, policy: ONCE });
    const connectors = named('connector', 100);
    connect.show(connectors, 'FAILED');
    const posts = replicas.all.flatMap((replica) =>
      connectors.map((connector) => replica.deliver([connector], SOON_MS)),
    );
    await Promise.all(posts);
    await replicas.waitForAll(connectors, restartedOnce, SOON_MS);
    await replicas.goOn([connect], SOON_MS);
    assert.deepEqual(connect.counts(), new Map(connectors.map((connector) => [connector, 1])));
  });

  test('on a Redis Cluster replicas of several Connect clusters restart each connector exactly once', async (t) => {
    const redis = until(t, await startCluster());
    const clusters = { east: await fakeConnect(t), north: await fakeConnect(t), west: await fakeConnect(t) };
    const replicas = await running(t, { count: 3, ledgerUrl: redis.url, clusters, policy: ONCE });
    const byCluster = Object.entries(clusters).map(([cluster, connect]) => {
      const connectors = named(cluster, 15);
      connect.show(connectors, 'FAILED');
      return { cluster, connect, connectors };
    });
    const posts = byCluster.flatMap(({ cluster, connectors }) =>
      replicas.all.flatMap((replica) =>
        connectors.map((connector) => replica.deliver([connector], SOON_MS, cluster)),
      ),
    );
    await Promise.all(posts);
    const all = byCluster.flatMap(({ connectors }) => connectors);
    await replicas.waitForAll(all, restartedOnce, SOON_MS);
    await replicas.goOn(Object.values(clusters), SOON_MS);
    for (const { connect, connectors } of byCluster) {
      assert.deepEqual(connect.counts(), new Map(connectors.map((connector) => [connector, 1])));
    }
  });

  for (const [offset, how] of [
    ['+300s', 'five minutes fast'],
    ['-300s', 'five minutes slow'],
  ] as const) {
    test(`a replica whose clock is ${how} neither acts early nor twice`, async (t) => {
      const faketime = await provisionFaketime();
      const connect = await fakeConnect(t);
      const redis = until(t, await startRedis());
      const replicas = await running(t, {
        count: 2,
        ledgerUrl: redis.url,
        clusters: { default: connect },
        policy: several(['0s', '3s', '3s']),
        // The clock that measures spans stays true, as it does on a machine whose clock is wrong.
        env: (index) =>
          index === 0 ? { LD_PRELOAD: faketime, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1' } : {},
      });
      const connectors = named('skewed', 20);
      connect.show(connectors, 'FAILED');
      await Promise.all(
        connectors.map((connector, index) => replicas.at(index % 2).deliver([connector], SOON_MS)),
      );
      await replicas.waitForAll(connectors, ({ state }) => state === 'escalated', SOON_MS);
      await replicas.goOn([connect], SOON_MS);
      assert.deepEqual(connect.counts(), new Map(connectors.map((connector) => [connector, 3])));
      for (const connector of connectors) {
        const times = connect.restartsOf(connector).map(({ atMs }) => atMs);
        for (const [index, atMs] of times.slice(1).entries()) {
          const spanMs = atMs - (times[index] ?? 0);
          assert.ok(spanMs >= 2_500, `${connector}: ${spanMs} ms between two restarts`);
        }
      }
      const [skewed, right] = await Promise.all(replicas.all.map(({ service }) => service.log()));
      const calls = (log: typeof skewed) => log?.filter(({ msg }) => msg.startsWith('restart call')) ?? [];
      t.diagnostic(
        `restarts by the skewed one: ${calls(skewed).length}, by the other: ${calls(right).length}`,
      );
      assert.ok(calls(skewed).length > 0, 'the skewed replica took part');
      const skewMs = Date.parse(skewed?.[0]?.time ?? '') - Date.parse(right?.[0]?.time ?? '');
      assert.ok(Math.abs(skewMs) > 200_000, `its clock was shifted, by ${skewMs} ms`);
    });
  }
}
