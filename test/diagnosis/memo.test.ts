import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Memo } from '../../src/diagnosis/memo.ts';

describe('a memo', () => {
  it('computes once a key, null included, and forgets the key used longest ago', () => {
    const computed: string[] = [];
    const memo = new Memo<string | null>(2);
    const get = (key: string) =>
      memo.get(key, () => {
        computed.push(key);
        return null;
      });
    for (const key of ['a', 'b', 'a', 'b', 'a', 'c', 'a', 'b']) get(key);
    assert.deepEqual(computed, ['a', 'b', 'c', 'b']);
  });
});
