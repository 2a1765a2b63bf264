import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  fixedLoop,
  guardian,
  humanAlone,
  oracle,
  strimzi,
  strimziBackOffMinutes,
  strimziForgets,
  strimziRestarts,
} from '../../lab/peers.ts';
import { HOUR, MINUTE, SECOND } from '../../lab/scenario.ts';
import type { Actor } from '../../lab/world.ts';
import { alone, incident, START } from './given.ts';

describe("Strimzi's formula", () => {
  it('waits n² + n minutes, at most 60', () => {
    const waits = Array.from({ length: 10 }, (_, restarts) => strimziBackOffMinutes(restarts));
    assert.deepEqual(waits, [0, 2, 6, 12, 20, 30, 42, 56, 60, 60]);
  });

  for (const { restarts, minutes } of [
    { restarts: 1, minutes: 2 },
    { restarts: 2, minutes: 6 },
    { restarts: 6, minutes: 42 },
    { restarts: 7, minutes: 56 },
    { restarts: 8, minutes: 60 },
  ]) {
    it(`restarts after ${restarts} restarts once ${minutes} whole minutes have passed, and forgets a minute later`, () => {
      assert.equal(strimziRestarts(restarts, minutes * MINUTE - 1, null), false);
      assert.equal(strimziRestarts(restarts, minutes * MINUTE, null), true);
      assert.equal(strimziForgets(restarts, (minutes + 1) * MINUTE - 1), false);
      assert.equal(strimziForgets(restarts, (minutes + 1) * MINUTE), true);
    });
  }

  it('restarts at once the first time, and no more at the maximum', () => {
    assert.equal(strimziRestarts(0, 0, 7), true);
    assert.equal(strimziRestarts(6, 42 * MINUTE, 7), true);
    assert.equal(strimziRestarts(7, 24 * HOUR, 7), false);
    assert.equal(strimziRestarts(7, 24 * HOUR, null), true);
  });
});

describe('an outage of 100 minutes', () => {
  const outage = incident({ kind: 'outage', endMs: START + 100 * MINUTE });
  const rows: readonly (readonly [actor: () => Actor, restarts: number, downMinutes: number, why: string])[] =
    [
      // The page comes at 30 min: the human looks after 60 and 90 min, and restarts what is FAILED after 120.
      [() => strimzi(7), 7, 112, '0, 2, 8, 20, 40, 70 and 112 min; the last heals'],
      [() => strimzi(null), 7, 112, 'the same'],
      [guardian, 6, 120, '0, 5, 10, 20, 40 and 80 min; the human comes before 160 min'],
      [humanAlone, 0, 125, 'paged at 5 min; there at 35, 65, 95 and 125 min'],
      [oracle, 1, 100, 'at the end of the outage'],
    ];
  for (const [actor, restarts, downMinutes, why] of rows) {
    it(`costs ${actor().name} ${restarts} restarts and ${downMinutes} minutes: ${why}`, () => {
      const tally = alone(actor(), outage);
      assert.equal(tally.restarts, restarts);
      assert.equal(tally.downMs / MINUTE, downMinutes);
    });
  }

  it('is over for the 30 s loop after its attempts, until the human comes', () => {
    const tally = alone(fixedLoop(), outage);
    assert.equal(tally.downMs / MINUTE, 120);
    assert.equal(tally.restarts, tally.futile);
    assert.ok(tally.restarts >= 3);
  });
});

describe('a connector that runs five to eight minutes after each restart, for a day', () => {
  it('is restarted by Strimzi all day, whatever the maximum, and nobody is told', () => {
    const flapping = incident({
      kind: 'flapping',
      endMs: START + 24 * HOUR,
      mendMs: 30 * MINUTE,
      runMs: 6.5 * MINUTE,
    });
    const tally = alone(strimzi(7), flapping, START + 24 * HOUR);
    assert.ok(tally.restarts > 150, `${tally.restarts} restarts`);
    assert.equal(tally.pages, 0);
    assert.equal(tally.futile, 0);
  });
});

describe('a watch in the morning', () => {
  it('leaves what was given up at night until nine, and the half hour that a human takes', () => {
    const outage = incident({ kind: 'outage', endMs: START + 5 * HOUR });
    const tally = alone(strimzi(7), outage, 24 * HOUR, 'morning');
    assert.deepEqual(tally, { downMs: 9.5 * HOUR - START, restarts: 7, futile: 7, pages: 1 });
  });

  it('changes nothing where there is no automation to trust', () => {
    const outage = incident({ kind: 'outage', endMs: START + 5 * HOUR });
    const [alert, morning] = (['alert', 'morning'] as const).map((watch) =>
      alone(humanAlone(), outage, 24 * HOUR, watch),
    );
    assert.deepEqual(alert, morning);
  });
});

describe('a permanent cause, mended an hour after the page', () => {
  const permanent = incident({ kind: 'permanent', mendMs: HOUR }, 1, 'permanent');

  it('is down for the alert and the mending, however often it is restarted', () => {
    for (const actor of [strimzi(7), strimzi(null), guardian(), fixedLoop()]) {
      const tally = alone(actor, permanent);
      assert.equal(tally.downMs / MINUTE, 90, actor.name);
      assert.equal(tally.futile, tally.restarts, actor.name);
      assert.equal(tally.pages, 1, actor.name);
    }
  });

  it('costs Strimzi the restarts at 0, 2, 8, 20, 40 and 70 minutes', () => {
    assert.equal(alone(strimzi(7), permanent).restarts, 6);
  });

  it('is down for the mending alone where a human is called at once', () => {
    assert.equal(alone(oracle(), permanent).downMs, HOUR);
  });
});

describe('a rebalance', () => {
  it('costs everybody its own time, and nobody a restart', () => {
    const rebalance = incident({ kind: 'rebalance', endMs: START + 90 * SECOND }, 3);
    for (const actor of [strimzi(7), guardian(), fixedLoop(), humanAlone(), oracle()]) {
      const tally = alone(actor, rebalance);
      assert.deepEqual(tally, { downMs: 3 * 90 * SECOND, restarts: 0, futile: 0, pages: 0 }, actor.name);
    }
  });
});
