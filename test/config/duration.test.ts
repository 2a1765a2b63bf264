import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('a duration', () => {
  const accepted: [string, number][] = [
    ['250ms', 250],
    ['5s', 5 * SECOND],
    ['2m', 2 * MINUTE],
    ['1h', HOUR],
    ['1d', DAY],
    ['1h30m', HOUR + 30 * MINUTE], // combined
    ['1d2h3m4s5ms', DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND + 5], // every unit
    ['2m5ms', 2 * MINUTE + 5], // m beside ms
    ['0s', 0],
    ['0ms', 0],
    ['0d', 0],
    ['007s', 7 * SECOND], // leading zeros are no octal
    ['90m', 90 * MINUTE], // more than the next unit holds
    ['9007199254740991ms', Number.MAX_SAFE_INTEGER], // the longest
  ];
  for (const [text, ms] of accepted) {
    it(`${text} is ${ms} ms`, () => assert.deepEqual(parseDuration(text), { ok: true, ms }));
  }

  const refused: [string, string][] = [
    ['', 'it is empty'],
    ['0', 'with a unit'], // even nothing has one
    ['5', 'with a unit'],
    ['-5s', 'without a sign'],
    ['+5s', 'without a sign'],
    ['1.5h', 'in whole numbers (1h30m, not 1.5h)'],
    ['1,5h', 'in whole numbers (1h30m, not 1.5h)'],
    ['5x', 'in the units d, h, m, s and ms'],
    ['5w', 'in the units d, h, m, s and ms'], // Prometheus has weeks; a year is 365d here
    ['5S', 'in the units d, h, m, s and ms'], // as in Prometheus, small letters
    ['5 s', 'in the units d, h, m, s and ms'],
    [' 5s', 'in the units d, h, m, s and ms'],
    ['s', 'in the units d, h, m, s and ms'],
    ['1h30', 'in the units d, h, m, s and ms'], // thirty of what?
    ['P1D', 'in the units d, h, m, s and ms'],
    ['off', 'in the units d, h, m, s and ms'], // a word only where something can be off
    ['30m1h', 'with each unit once, from large to small'],
    ['1h1h', 'with each unit once, from large to small'],
    ['9007199254740992ms', 'that is not so long'], // one more than the longest
    ['999999999999999d', 'that is not so long'],
    ['1'.repeat(41), 'it is too long'],
    ['٣s', 'in the units d, h, m, s and ms'], // digits of other scripts
  ];
  for (const [text, why] of refused) {
    it(`${JSON.stringify(text)} is refused: ${why}`, () =>
      assert.deepEqual(parseDuration(text), { ok: false, why }));
  }

  it('is read back as it was written, for every span', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (ms) =>
        assert.deepEqual(parseDuration(formatDuration(ms)), { ok: true, ms }),
      ),
    );
  });

  it('is written with the largest units first, and nothing is 0s', () => {
    assert.equal(formatDuration(0), '0s');
    assert.equal(formatDuration(90 * MINUTE), '1h30m');
    assert.equal(formatDuration(DAY + 5), '1d5ms');
  });

  for (const ms of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`${ms} cannot be written`, () => assert.throws(() => formatDuration(ms), RangeError));
  }

  it('reads any text without throwing', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const reading = parseDuration(text);
        assert.ok(!reading.ok || Number.isSafeInteger(reading.ms));
      }),
    );
  });
});
