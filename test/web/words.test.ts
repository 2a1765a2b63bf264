import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { escalationReasons, holdReasons, reasons, states } from '../../src/core/model.ts';

interface Words {
  stateWords(state: string): readonly [string, string];
  reasonWords(reason: string): string;
  holdWords(reason: string): string;
  escalationWords(reason: string): string;
  standing(one: { state: string; reason: string; hold: null; nextAt: null }): string;
  causeWords(cause: { verdict: string; because?: string }): string;
  span(ms: number): string;
}

const file = new URL('../../src/web/static/words.js', import.meta.url);
const words = (await import(file.href)) as Words;

describe('the words of the status page', () => {
  it('say every state, reason, hold and escalation in plain words', () => {
    for (const state of states) {
      assert.notEqual(words.stateWords(state)[1], undefined);
      assert.match(
        words.standing({ state, reason: 'off', hold: null, nextAt: null }),
        /^[A-Z].* ?.*\.$/,
        state,
      );
    }
    for (const reason of reasons) assert.notEqual(words.reasonWords(reason), reason);
    for (const reason of holdReasons) assert.match(words.holdWords(reason), / /, reason);
    for (const reason of escalationReasons) assert.match(words.escalationWords(reason), / /, reason);
  });

  it('show what they do not know as the API says it', () => {
    assert.equal(words.reasonWords('something_new'), 'something_new');
    assert.deepEqual(words.stateWords('dozing'), ['dozing', 'rest']);
  });

  it('take the words of a diagnosis rule where there are some', () => {
    assert.equal(
      words.causeWords({ verdict: 'permanent', because: 'The broker refused.' }),
      'The broker refused.',
    );
    assert.equal(words.causeWords({ verdict: 'permanent' }), 'A restart cannot help.');
  });

  for (const [ms, text] of [
    [-5_000, '0s'],
    [9_400, '9s'],
    [59_499, '59s'],
    [59_500, '1m 00s'],
    [245_000, '4m 05s'],
    [3_599_000, '59m 59s'],
    [3_600_000, '1h 00m'],
    [90_000_000, '1d 1h'],
  ] as const) {
    it(`count ${ms} ms as ${text}`, () => {
      assert.equal(words.span(ms), text);
    });
  }
});
