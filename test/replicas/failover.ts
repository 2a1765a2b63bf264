/** A primary dies, and a replica of it takes over. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startCluster } from '../redis/cluster.ts';
import { startSentinel } from '../redis/sentinel.ts';
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
import type { ReplicasOptions } from './replicas.ts';
import { Stream } from './stream.ts';

/** An acknowledged write that a failover loses can cost one restart (docs: `ledger.replicas`). */
const LOST_AT_MOST = 1;

export function redisMayFailOver(): void {
  test('a Sentinel failover under a stream of webhooks heals by itself, for at most one restart too many', async (t) => {
    const group = until(t, await startSentinel({ password: 'sesame' }));
    const [first, second] = group.servers;
    await failOver(t, { ledgerUrl: group.url }, LOST_AT_MOST, async () => {
      await first.kill9();
      await waitFor('the failover', async () => (await group.primary()) === second, SOON_MS, 50);
    });
  });

  test('with ledger.replicas: 1 a Sentinel failover costs no restart and no accepted webhook', async (t) => {
    const group = until(t, await startSentinel());
    const [first, second] = group.servers;
    await failOver(t, { ledgerUrl: group.url, ledgerReplicas: 1 }, 0, async (stream) => {
      await first.kill9();
      await waitFor('the failover', async () => (await group.primary()) === second, SOON_MS, 50);
      // The new primary has no replica yet, and without one nothing may be accepted.
      const before = stream.accepted.length;
      const refused = stream.refused.length;
      await waitFor('refused webhooks', () => stream.refused.length >= refused + 20, SOON_MS);
      assert.equal(stream.accepted.length, before);
      await first.start();
    });
  });

  test('a failover in a Redis Cluster under a stream of webhooks heals by itself, for at most one restart too many', async (t) => {
    const cluster = until(t, await startCluster({ replica: true }));
    const [first] = cluster.primaries;
    const { replica } = cluster;
    assert.ok(first && replica);
    // All of a ledger is on one node: here on the one that has a replica.
    const keyPrefix = await prefixOn(first.cli.bind(first));
    await failOver(t, { ledgerUrl: cluster.url, keyPrefix }, LOST_AT_MOST, async () => {
      await first.kill9();
      const promoted = async (): Promise<boolean> => (await replica.info('role')) === 'master';
      await waitFor('the failover', promoted, SOON_MS, 50);
    });
  });
}

async function failOver(
  t: TestContext,
  ledger: Pick<ReplicasOptions, 'ledgerUrl' | 'ledgerReplicas' | 'keyPrefix'>,
  tooManyAtMost: number,
  fail: (stream: Stream) => Promise<void>,
): Promise<void> {
  const connect = await fakeConnect(t);
  const clusters = { default: connect };
  const replicas = await running(t, { count: 2, clusters, policy: ONCE, ...ledger });
  const stream = new Stream(replicas, connect);
  later(t, () => stream.end());
  await waitFor('restarts', () => connect.restarts.length >= 50, SOON_MS);
  const failedAtMs = performance.now();
  await fail(stream);
  await waitFor('every replica to be ready', ready(replicas, 200), SOON_MS);
  const readyAfterMs = Math.round(performance.now() - failedAtMs);
  const before = stream.accepted.length;
  await waitFor('webhooks', () => stream.accepted.length >= before + 50, SOON_MS);
  await stream.end();
  assert.deepEqual(stream.strange, []);
  if (tooManyAtMost === 0) await replicas.waitForAll(stream.accepted, restartedOnce, 2 * SOON_MS);

  // Alertmanager sends again what was refused, and in time what was accepted: a failover may lose the last writes.
  const all = [...stream.accepted, ...stream.refused];
  await Promise.all(all.map((connector) => replicas.at(0).deliver([connector], SOON_MS)));
  await replicas.waitForAll(all, restartedOnce, 2 * SOON_MS);
  await replicas.goOn([connect], SOON_MS);
  const counts = connect.counts();
  const restarted = [...counts.values()].filter((count) => count > 0).length;
  const tooMany = connect.restarts.length - restarted;
  t.diagnostic(
    `ready after ${readyAfterMs} ms; accepted ${stream.accepted.length}, refused ${stream.refused.length}, restarts too many: ${tooMany}`,
  );
  assert.ok(tooMany <= tooManyAtMost, `${tooMany} restarts too many: ${moreThan(1, counts).join(', ')}`);
}

/** A key prefix whose hash tag falls into the first third of the slots. */
async function prefixOn(cli: (...args: readonly string[]) => Promise<string>): Promise<string> {
  for (let number = 1; ; number += 1) {
    const prefix = `medic-${number}`;
    if (Number(await cli('cluster', 'keyslot', prefix)) < 16_384 / 3 - 1) return prefix;
  }
}
