/** Redis goes away, and comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareRedis, startRedis } from '../redis/server.ts';
import { waitFor } from '../stack/process.ts';
import {
  fakeConnect,
  later,
  moreThan,
  ONCE,
  ready,
  restartedOnce,
  running,
  SOON_MS,
  until,
} from './given.ts';
import { named } from './replicas.ts';
import { Stream } from './stream.ts';

export function redisMayGoAway(): void {
  test('a Redis that hangs under a stream of webhooks costs no accepted one, and no restart is made twice', async (t) => {
    const connect = await fakeConnect(t);
    const redis = until(t, await startRedis());
    const clusters = { default: connect };
    const replicas = await running(t, { count: 2, ledgerUrl: redis.url, clusters, policy: ONCE });
    const stream = new Stream(replicas, connect);
    later(t, () => stream.end());
    await waitFor('restarts', () => connect.restarts.length >= 50, SOON_MS);

    redis.freeze();
    await waitFor('every replica to be not ready', ready(replicas, 503), SOON_MS);
    await waitFor('refused webhooks', () => stream.refused.length >= 100, SOON_MS);
    redis.thaw();
    const thawedAtMs = performance.now();
    await waitFor('every replica to be ready', ready(replicas, 200), SOON_MS);
    const before = stream.accepted.length;
    await waitFor('webhooks', () => stream.accepted.length >= before + 50, SOON_MS);
    await stream.end();
    assert.deepEqual(stream.strange, []);
    // What was claimed by a call whose answer was lost waits until that lease is over.
    await replicas.waitForAll(stream.accepted, restartedOnce, 2 * SOON_MS);
    const tookMs = Math.round(performance.now() - thawedAtMs);
    assert.deepEqual(moreThan(1, connect.counts()), []);
    t.diagnostic(
      `accepted ${stream.accepted.length}, refused ${stream.refused.length}; all at rest ${tookMs} ms after the hang`,
    );
  });

  test('a Redis killed under a stream of webhooks costs no accepted one, and nothing is restarted meanwhile', async (t) => {
    const connect = await fakeConnect(t);
    const redis = until(t, await startRedis({ appendonly: 'always' }));
    const clusters = { default: connect };
    const replicas = await running(t, { count: 2, ledgerUrl: redis.url, clusters, policy: ONCE });
    const stream = new Stream(replicas, connect);
    later(t, () => stream.end());
    await waitFor('restarts', () => connect.restarts.length >= 50, SOON_MS);

    await redis.kill9();
    await waitFor('every replica to be not ready', ready(replicas, 503), SOON_MS);
    const refusedBefore = stream.refused.length;
    await waitFor('refused webhooks', () => stream.refused.length >= refusedBefore + 20, SOON_MS);
    const [acceptedThen, restartsThen] = [stream.accepted.length, connect.restarts.length];
    await replicas.goOn([connect], SOON_MS);
    for (const replica of replicas.all) assert.equal(await replica.status('/livez'), 200);
    assert.equal(stream.accepted.length, acceptedThen, 'nothing is accepted while the ledger is down');
    assert.equal(connect.restarts.length, restartsThen, 'nothing is restarted while the ledger is down');

    await redis.start();
    await waitFor('every replica to be ready', ready(replicas, 200), SOON_MS);
    await waitFor('webhooks', () => stream.accepted.length >= acceptedThen + 50, SOON_MS);
    await stream.end();
    assert.deepEqual(stream.strange, []);
    await replicas.waitForAll(stream.accepted, restartedOnce, 2 * SOON_MS);

    // Alertmanager sends again what was refused.
    await Promise.all(stream.refused.map((connector) => replicas.at(0).deliver([connector], SOON_MS)));
    await replicas.waitForAll([...stream.accepted, ...stream.refused], restartedOnce, 2 * SOON_MS);
    await replicas.goOn([connect], SOON_MS);
    const counts = connect.counts();
    assert.deepEqual(moreThan(1, counts), []);
    const never = [...counts].filter(([, count]) => count === 0).length;
    t.diagnostic(
      `accepted ${stream.accepted.length}, refused ${stream.refused.length}; written down, but never called: ${never}`,
    );
  });

  test('a service that starts before its Redis is alive and not ready, and works once Redis is there', async (t) => {
    const connect = await fakeConnect(t);
    const redis = until(t, await prepareRedis());
    const clusters = { default: connect };
    const replicas = await running(t, {
      count: 1,
      ledgerUrl: redis.url,
      clusters,
      policy: ONCE,
      upAt: '/livez',
    });
    const connectors = named('early', 5);
    connect.show(connectors, 'FAILED');
    const replica = replicas.at(0);
    assert.equal(await replica.status('/readyz'), 503);
    assert.equal(await replica.post(connectors), 503);
    await redis.start();
    await waitFor('it to be ready', ready(replicas, 200), SOON_MS);
    assert.equal(await replica.post(connectors), 202);
    await replicas.waitForAll(connectors, restartedOnce, SOON_MS);
    assert.deepEqual(connect.counts(), new Map(connectors.map((connector) => [connector, 1])));
  });
}
