import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Medic } from '../../lab/medic.ts';
import { strimzi } from '../../lab/peers.ts';
import { DAY, HOUR, type Incident, MINUTE, SECOND } from '../../lab/scenario.ts';
import { World } from '../../lab/world.ts';
import { defaultPolicy } from '../../src/core/policy.ts';
import { alone, incident, pack, START } from './given.ts';

const medic = (alertAfterMs: number | null = null): Medic =>
  new Medic({ pack, policy: { ...defaultPolicy, jitter: 0 }, alertAfterMs });

describe('connect-medic in the lab', () => {
  it('heals what is over with one restart, as soon as the alert has come', () => {
    const tally = alone(medic(), incident({ kind: 'outage', endMs: START }));
    assert.equal(tally.restarts, 1);
    assert.equal(tally.futile, 0);
    assert.ok(tally.downMs >= 70 * SECOND && tally.downMs <= 100 * SECOND, `${tally.downMs} ms`);
  });

  it('keeps to its delays in an outage of 100 minutes: seven restarts, the last heals', () => {
    const tally = alone(medic(), incident({ kind: 'outage', endMs: START + 100 * MINUTE }));
    assert.deepEqual([tally.restarts, tally.futile, tally.pages], [7, 6, 0]);
    // 0, 2, 6, 12, 20, 30, 42 min after the signal.
    assert.ok(tally.downMs >= 112 * MINUTE + 70 * SECOND, `${tally.downMs / MINUTE} min`);
    assert.ok(tally.downMs <= 112 * MINUTE + 100 * SECOND, `${tally.downMs / MINUTE} min`);
  });

  it('calls a human for a permanent cause after one restart, within minutes', () => {
    const tally = alone(medic(), incident({ kind: 'permanent', mendMs: HOUR }, 1, 'permanent'));
    assert.deepEqual([tally.restarts, tally.futile, tally.pages], [1, 1, 1]);
    // Signal, restart, at most a minute until it fails again, and the next look.
    assert.ok(
      tally.downMs <= HOUR + 100 * SECOND + 60 * SECOND + 15 * SECOND,
      `${tally.downMs / MINUTE} min`,
    );
  });

  it('calls a connector unstable that always heals and always fails again, within its rolling budget', () => {
    const cause = { kind: 'flapping', endMs: START + 23 * HOUR, mendMs: HOUR, runMs: 20 * MINUTE } as const;
    const tally = alone(medic(), incident(cause));
    assert.equal(tally.restarts, defaultPolicy.budget.restarts);
    assert.equal(tally.pages, 1);
  });

  it('shares its probes in an outage of forty connectors, and brings all of them back within minutes of its end', () => {
    const outage = incident({ kind: 'outage', endMs: START + 3 * HOUR }, 40);
    const tally = alone(medic(), outage);
    const others = alone(strimzi(null), outage);
    assert.ok(tally.futile <= 3 * 60, `${tally.futile} futile restarts`);
    assert.ok(tally.restarts < others.restarts / 2, `${tally.restarts} of ${others.restarts} restarts`);
    assert.ok(tally.downMs <= 40 * (3 * HOUR + 25 * MINUTE), `${tally.downMs / HOUR} h`);
    assert.equal(tally.pages, 0);
  });

  it('hears of the shipped alert too, where somebody listens to it', () => {
    const outage = incident({ kind: 'outage', endMs: START + 3 * HOUR }, 40);
    assert.equal(alone(medic(30 * MINUTE), outage).pages, 1);
  });

  it('calls a human again where another cause has come to an escalated connector', () => {
    const cause = {
      kind: 'flapping',
      endMs: START + 23 * HOUR,
      mendMs: 10 * HOUR,
      runMs: 20 * MINUTE,
    } as const;
    const first = incident(cause);
    const laterMs = START + 12 * HOUR;
    const second: Incident = {
      ...incident({ kind: 'permanent', mendMs: HOUR }, 1, 'permanent'),
      id: 1,
      startMs: laterMs,
      victims: [{ connector: 0, atMs: laterMs }],
    };
    const scenario = { seed: 1, connectors: 1, endMs: 2 * DAY, incidents: [first, second] };
    const world = new World(scenario, medic());
    world.run();
    assert.deepEqual(
      [...world.tallies.values()].map(({ pages }) => pages),
      [1, 1],
    );
    assert.equal(world.failed.size, 0);
  });

  it('does nothing in a rebalance, and waits for its end where something failed in it', () => {
    const tally = alone(medic(), incident({ kind: 'rebalance', endMs: START + 4 * MINUTE }, 3));
    assert.deepEqual(tally, { downMs: 12 * MINUTE, restarts: 0, futile: 0, pages: 0 });
  });
});
