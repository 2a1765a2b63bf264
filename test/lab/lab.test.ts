import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Medic } from '../../lab/medic.ts';
import { Queue } from '../../lab/queue.ts';
import { drawOf, seeded } from '../../lab/random.ts';
import { compare } from '../../lab/run.ts';
import { DAY, mixedMonth } from '../../lab/scenario.ts';
import { asMarkdown, asText, byClass, cells, summary, TOTAL, tallyOf, worst } from '../../lab/table.ts';
import { allTraces } from '../../lab/traces.ts';
import { diagnose } from '../../src/core/diagnosis.ts';
import { pack } from './given.ts';

const mix = { seed: 7, days: 3, connectors: 60 };
const table = (seed: number): string => {
  const comparison = compare(mixedMonth({ ...mix, seed }), [new Medic({ pack })]);
  return `${asText(summary(comparison))}\n${asMarkdown(byClass(comparison, cells.restarts))}`;
};

describe('the lab', () => {
  it('prints the same table for the same seed, and another for another', () => {
    assert.equal(table(7), table(7));
    assert.notEqual(table(7), table(8));
  });

  it('shows each policy the same world: nobody is down for less than the bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), (seed) => {
        const scenario = mixedMonth({ seed, days: 2, connectors: 40 });
        const { outcomes, bound } = compare(scenario, [new Medic({ pack })]);
        const { downMs: least } = tallyOf(bound, TOTAL);
        for (const outcome of outcomes) {
          const { downMs, restarts, futile } = tallyOf(outcome, TOTAL);
          // Flapping ends by another restart in each world, so the bound is one up to a run's length.
          assert.ok(downMs >= least * 0.99, `${outcome.name}: ${downMs} < ${least}`);
          assert.ok(futile <= restarts);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('names the classes in which it is worse than every peer', () => {
    const comparison = compare(mixedMonth({ ...mix, seed: 7 }), []);
    const [first] = comparison.peers;
    assert.ok(first);
    const blip = { downMs: 1_000 * DAY, restarts: 0, futile: 0, pages: 0 };
    const bad = { name: 'bad', tallies: { ...first.tallies, blip } };
    const found = worst({ ...comparison, outcomes: [bad, ...comparison.peers] });
    assert.equal(found.length, 1);
    assert.match(found[0] ?? '', /^blip \(downtime, × \d/);
  });

  it('shows traces that the shipped diagnosis judges as the scenario means them', () => {
    for (const { sort, trace } of allTraces()) {
      const verdict = diagnose([{ trace }], null, pack)?.verdict;
      if (sort === 'transient') assert.notEqual(verdict, 'permanent', trace);
      else assert.equal(verdict, sort === 'permanent' ? 'permanent' : 'unknown', trace);
    }
  });
});

describe('its randomness', () => {
  it('is even, and repeats itself', () => {
    const random = seeded(1);
    const tenths = new Array<number>(10).fill(0);
    for (let index = 0; index < 10_000; index += 1) {
      const tenth = Math.floor(random() * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) assert.ok(count > 900 && count < 1_100, String(count));
    assert.equal(seeded(5)(), seeded(5)());
    assert.equal(drawOf(1, 2, 3), drawOf(1, 2, 3));
    assert.notEqual(drawOf(1, 2, 3), drawOf(1, 3, 2));
  });
});

describe('the queue', () => {
  it('gives back everything in the order of time, and of coming where times are equal', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (times) => {
        const queue = new Queue();
        const seen: string[] = [];
        for (const [index, atMs] of times.entries()) queue.at(atMs, () => seen.push(`${atMs}/${index}`));
        for (let event = queue.next(); event !== undefined; event = queue.next()) event.act();
        const sorted = times.map((atMs, index) => ({ atMs, index })).sort((a, b) => a.atMs - b.atMs);
        assert.deepEqual(
          seen,
          sorted.map(({ atMs, index }) => `${atMs}/${index}`),
        );
      }),
    );
  });
});
