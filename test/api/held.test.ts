import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Held } from '../../src/api/held.ts';

describe('what slow readers hold', () => {
  const given = () => {
    const cut: string[] = [];
    const held = new Held<{ page: number }>(2);
    const read = (page: { page: number }, who: string) => held.read(page, () => cut.push(who));
    return { cut, read };
  };
  const [one, two, three, four] = [{ page: 1 }, { page: 2 }, { page: 3 }, { page: 4 }];

  it('is so much at most: those who read the oldest are cut off', () => {
    const { cut, read } = given();
    read(one, 'a');
    read(one, 'b');
    read(two, 'c');
    assert.deepEqual(cut, []);
    read(three, 'd');
    assert.deepEqual(cut, ['a', 'b']);
    read(three, 'e');
    assert.deepEqual(cut, ['a', 'b']);
    read(four, 'f');
    assert.deepEqual(cut, ['a', 'b', 'c']);
  });

  it('is nothing once all have read it', () => {
    const { cut, read } = given();
    const [a, b] = [read(one, 'a'), read(one, 'b')];
    const c = read(two, 'c');
    a();
    read(two, 'd');
    b();
    read(three, 'e');
    assert.deepEqual(cut, [], 'the first is not held any more');
    c();
    read(four, 'f');
    assert.deepEqual(cut, ['d']);
  });
});
