import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Breaker, openForMs, TIMED_OUT } from '../../src/remediator/breaker.ts';

const SECOND = 1_000;

describe('the breaker', () => {
  it('opens after three calls in a row whose fate is unknown, not after two', () => {
    const breaker = new Breaker(TIMED_OUT);
    assert.equal(breaker.settled('badly', 0), false);
    assert.equal(breaker.settled('badly', 0), false);
    assert.equal(breaker.admit(0), null);
    assert.equal(breaker.settled('badly', 0), true);
    assert.deepEqual(breaker.admit(0), { waitMs: 10 * SECOND });
  });

  it('counts anew after a call that ended well', () => {
    const breaker = new Breaker(TIMED_OUT);
    for (let times = 0; times < 10; times += 1) {
      breaker.settled('badly', 0);
      breaker.settled('badly', 0);
      assert.equal(breaker.settled('well', 0), false);
    }
    assert.equal(breaker.admit(0), null);
  });

  it('lets one call through when its time is over, in the millisecond and not before, and no second one', () => {
    const breaker = opened();
    assert.deepEqual(breaker.admit(10 * SECOND - 1), { waitMs: 1 });
    assert.equal(breaker.admit(10 * SECOND), null);
    assert.deepEqual(breaker.admit(10 * SECOND), { waitMs: 0 });
    breaker.unused();
    assert.equal(breaker.admit(10 * SECOND), null);
  });

  it('closes when that call ends well, and opens for twice as long when it does not', () => {
    const breaker = opened();
    breaker.admit(10 * SECOND);
    breaker.settled('badly', 15 * SECOND);
    assert.deepEqual(breaker.admit(15 * SECOND), { waitMs: 20 * SECOND });
    breaker.admit(35 * SECOND);
    assert.equal(breaker.settled('well', 36 * SECOND), true);
    assert.equal(breaker.admit(36 * SECOND), null);
  });

  it('is not opened for longer by calls that were under way when it opened', () => {
    const breaker = opened();
    for (let times = 0; times < 7; times += 1) breaker.settled('badly', 9 * SECOND);
    assert.equal(breaker.admit(10 * SECOND), null);
  });

  it('is open for 10s, 20s, 40s, 80s, then 160s each time', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 1_000].map(openForMs),
      [10, 20, 40, 80, 160, 160, 160].map((seconds) => seconds * SECOND),
    );
  });

  it('always lets a call through again within its longest time (P7)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('well', 'badly', 'unused'), fc.nat({ max: 30_000 })), {
          maxLength: 60,
        }),
        (steps) => {
          const breaker = new Breaker(TIMED_OUT);
          let nowMs = 0;
          for (const [end, ms] of steps) {
            nowMs += ms;
            if (breaker.admit(nowMs) !== null) continue;
            if (end === 'unused') breaker.unused();
            else breaker.settled(end, nowMs);
          }
          assert.equal(breaker.admit(nowMs + 160 * SECOND), null);
        },
      ),
    );
  });
});

function opened(): Breaker {
  const breaker = new Breaker(TIMED_OUT);
  for (let times = 0; times < 3; times += 1) breaker.settled('badly', 0);
  return breaker;
}
