import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shared } from '../../src/api/shared.ts';

describe('shared work', () => {
  const given = () => {
    const begun: PromiseWithResolvers<number>[] = [];
    const ask = shared(() => {
      const one = Promise.withResolvers<number>();
      begun.push(one);
      return one.promise;
    });
    return { begun, ask };
  };

  it('is one at a time, and who asks meanwhile shares the next', async () => {
    const { begun, ask } = given();
    const first = ask();
    const others = [ask(), ask(), ask()];
    assert.equal(begun.length, 1);
    begun[0]?.resolve(1);
    assert.equal(await first, 1);
    await Promise.resolve();
    assert.equal(begun.length, 2);
    const later = ask();
    begun[1]?.resolve(2);
    assert.deepEqual(await Promise.all(others), [2, 2, 2]);
    await Promise.resolve();
    assert.equal(begun.length, 3, 'the second one had begun before this was asked');
    begun[2]?.resolve(3);
    assert.equal(await later, 3);
  });

  it('begins at once when nothing is under way', async () => {
    const { begun, ask } = given();
    for (const value of [1, 2]) {
      const answer = ask();
      begun.at(-1)?.resolve(value);
      assert.equal(await answer, value);
    }
    assert.equal(begun.length, 2);
  });

  it('fails for those who share it, and for nobody else', async () => {
    const { begun, ask } = given();
    const first = ask();
    const second = ask();
    begun[0]?.reject(new Error('down'));
    await assert.rejects(first, /down/);
    await Promise.resolve();
    begun[1]?.resolve(2);
    assert.equal(await second, 2);
  });
});
