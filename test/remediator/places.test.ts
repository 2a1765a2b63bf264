import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Places } from '../../src/remediator/places.ts';

function given(free: number): Places {
  const places = new Places();
  places.asked();
  places.known(free);
  return places;
}

/** How many can be taken. */
function left(places: Places): number {
  let count = 0;
  while (places.take()) count += 1;
  return count;
}

describe('places under maxUnverified', () => {
  it('are taken until there are none', () => {
    assert.equal(left(given(3)), 3);
  });

  it('that were taken before the ledger was asked are counted by it', () => {
    const places = given(3);
    places.take();
    // Its commit was sent before this question, so the answer is two.
    places.asked();
    places.known(2);
    assert.equal(left(places), 2);
  });

  it('that were taken between question and answer are not', () => {
    const places = given(3);
    places.asked();
    places.take();
    places.known(3);
    assert.equal(left(places), 2);
  });

  it('that are given back are free again', () => {
    const places = given(1);
    places.take();
    places.giveBack();
    assert.equal(left(places), 1);
    places.asked();
    places.giveBack();
    places.known(1);
    assert.equal(left(places), 1);
  });

  it('are none when the ledger refuses, until it is asked again', () => {
    const places = given(3);
    places.noneFree();
    assert.equal(left(places), 0);
    places.asked();
    places.known(1);
    assert.equal(left(places), 1);
  });
});
