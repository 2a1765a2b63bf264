import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { afterRefusalMs, firstHold, pausedBy } from '../../src/core/holds.ts';
import { holdReasons, type Pause } from '../../src/core/model.ts';

const pause = (cluster: string | null, connector: string | null, untilMs: number | null = 5_000): Pause => ({
  cluster,
  connector,
  reason: 'work',
  untilMs,
  by: 'ada',
  atMs: 0,
});
const target = { cluster: 'a', connector: 'c' };

describe('pauses', () => {
  it('cover everything, their cluster or their connector, and nothing else', () => {
    for (const one of [pause(null, null), pause('a', null), pause('a', 'c')]) {
      assert.equal(pausedBy([one], target)?.reason, 'paused');
    }
    for (const one of [pause('b', null), pause('a', 'd'), pause('b', 'c')]) {
      assert.equal(pausedBy([one], target), null);
    }
  });

  it('say what they cover', () => {
    assert.equal(pausedBy([pause(null, null)], target)?.detail, 'ada paused everything: work');
    assert.equal(pausedBy([pause('a', null)], target)?.detail, 'ada paused this cluster: work');
    assert.equal(pausedBy([pause('a', 'c')], target)?.detail, 'ada paused this connector: work');
  });

  it('show the one that ends last; of two that end together the first', () => {
    const until = (...all: readonly Pause[]): number | null | undefined => pausedBy(all, target)?.untilMs;
    assert.equal(until(pause('a', 'c', 5_000), pause('a', null, 9_000)), 9_000);
    assert.equal(until(pause('a', 'c', 9_000), pause('a', null, 5_000)), 9_000);
    assert.equal(until(pause('a', 'c', 9_000), pause('a', null, null)), null);
    assert.equal(
      pausedBy([pause(null, null, null), pause('a', 'c', null)], target)?.detail,
      'ada paused everything: work',
    );
  });
});

describe('of several holds', () => {
  it('the first in the order of the reasons is shown, whatever order they were found in', () => {
    const all = holdReasons.map((reason) => ({ reason, detail: null, untilMs: null }));
    assert.equal(firstHold([]), null);
    for (let from = 0; from < all.length; from += 1) {
      assert.equal(firstHold(all.slice(from))?.reason, holdReasons[from]);
      assert.equal(firstHold(all.slice(from).reverse())?.reason, holdReasons[from]);
    }
  });

  it('of two with one reason the one that was found first is shown', () => {
    const found = ['first', 'second'].map((detail) => ({
      reason: 'silenced' as const,
      detail,
      untilMs: null,
    }));
    assert.equal(firstHold(found)?.detail, 'first');
  });
});

it('Connect is asked again 1, 2, 4 … 60 seconds after it refused', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 1_000].map(afterRefusalMs),
    [1, 1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000),
  );
});
