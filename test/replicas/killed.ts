/** Replicas that die at any moment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../redis/server.ts';
import type { LogLine } from '../stack/service.ts';
import { fakeConnect, moreThan, running, several, until } from './given.ts';
import { random } from './random.ts';
import { named, type Replica } from './replicas.ts';

const REPLICAS = 3;
const KILLS_EACH = 7;
const CONNECTORS = 100;
/** With the first webhooks; the others come during the kills. */
const AT_ONCE = 37;
const DELAYS = ['0s', '2s', '2s', '2s'];
/** After a replica is ready (again). */
const KILLED_WITHIN_MS = 700;
const RESTART_TAKES_AT_MOST_MS = 300;
/** After the last kill a lease runs for a minute yet, and every connector has up to four restarts to go. */
const END_WITHIN_MS = 150_000;
const DELIVER_WITHIN_MS = 60_000;

export function replicasMayDie(): void {
  test('replicas killed at random moments of a storm make no attempt twice, and all comes to its end', async (t) => {
    const dice = random();
    t.diagnostic(`seed ${dice.seed}: REPLICAS_SEED=${dice.seed} draws the same moments again`);
    const connect = await fakeConnect(t);
    const moments = Array.from({ length: REPLICAS }, () =>
      Array.from({ length: KILLS_EACH }, () => dice.below(KILLED_WITHIN_MS)),
    );
    connect.restartTakesMs = () => dice.below(RESTART_TAKES_AT_MOST_MS);
    const redis = until(t, await startRedis());
    const replicas = await running(t, {
      count: REPLICAS,
      ledgerUrl: redis.url,
      clusters: { default: connect },
      policy: several(DELAYS),
    });
    const connectors = named('storm', CONNECTORS);
    connect.show(connectors, 'FAILED');
    const others = connectors.slice(AT_ONCE);
    const deliver = (replica: Replica, some: readonly string[]): Promise<unknown> =>
      Promise.all(some.map((connector) => replica.deliver([connector], DELIVER_WITHIN_MS)));

    const delivered = [deliver(replicas.at(0), connectors.slice(0, AT_ONCE))];
    const killAndKill = async (replica: Replica, index: number): Promise<void> => {
      for (const moment of moments[index] ?? []) {
        delivered.push(deliver(replica, others.splice(0, CONNECTORS / (REPLICAS * KILLS_EACH))));
        // The moment is what the test is about.
        await sleep(moment);
        await replica.process.kill9();
        await replica.process.start();
      }
    };
    await Promise.all(replicas.all.map(killAndKill));
    delivered.push(deliver(replicas.at(0), others.splice(0)));
    await Promise.all(delivered);

    const ended = await replicas.waitForAll(
      connectors,
      ({ state }) => state === 'escalated' || state === 'recovered',
      END_WITHIN_MS,
    );
    assert.deepEqual(repeated(await Promise.all(replicas.all.map(({ service }) => service.log()))), []);
    const attempts = new Map(ended.map((one) => [one.connector, one.attempts]));
    const counts = connect.counts();
    t.diagnostic(`${connect.restarts.length} restarts of at most ${CONNECTORS * DELAYS.length}`);
    assert.deepEqual(moreThan(DELAYS.length, counts), []);
    for (const [connector, count] of counts) {
      assert.ok(
        count <= (attempts.get(connector) ?? 0),
        `${connector}: ${count} restarts were not all written down`,
      );
      const times = connect.restartsOf(connector).map(({ atMs }) => atMs);
      for (const [index, atMs] of times.slice(1).entries()) {
        const spanMs = atMs - (times[index] ?? 0);
        assert.ok(spanMs >= 1_500, `${connector}: ${spanMs} ms between two restarts`);
      }
    }
  });
}

/** Attempts of which more than one call is in the logs of all replicas. */
function repeated(logs: readonly (readonly LogLine[])[]): string[] {
  const calls = logs.flat().filter(({ msg }) => msg === 'restart call: accepted');
  const attempts = calls.map(({ connector, attempt }) => `${connector}, attempt ${attempt}`);
  return attempts.filter((one, index) => attempts.indexOf(one) !== index);
}
