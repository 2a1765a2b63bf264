import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InFlight } from '../../src/remediator/in-flight.ts';
import { quiet, TestClock } from './harness.ts';

function given() {
  const clock = new TestClock();
  const inFlight = new InFlight(clock);
  const ends: (() => void)[] = [];
  const add = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      inFlight.add(new Promise((resolve) => ends.push(resolve)));
    }
  };
  const end = (count: number): void => {
    for (const resolve of ends.splice(0, count)) resolve();
  };
  let said: number | null = null;
  const ask = async (): Promise<number | null> => {
    said = null;
    void inFlight.room().then((room) => {
      said = room;
    });
    await quiet();
    return said;
  };
  return { clock, inFlight, add, end, ask, said: () => said };
}

describe('remediations in flight', () => {
  it('make room for as many as are decided while one status is young', async () => {
    const { add, ask } = given();
    assert.equal(await ask(), 24);
    add(12);
    assert.equal(await ask(), 24);
  });

  it('are waited for until half of them have ended', async () => {
    const { add, end, ask, said } = given();
    add(24);
    assert.equal(await ask(), null);
    end(11);
    await quiet();
    assert.equal(said(), null);
    end(1);
    await quiet();
    assert.equal(said(), 24);
  });

  it('hold up the others for half a second where they hang', async () => {
    const { clock, add, ask, said } = given();
    add(24);
    assert.equal(await ask(), null);
    await clock.advance(499);
    assert.equal(said(), null);
    await clock.advance(1);
    assert.equal(said(), 24);
    add(1);
    assert.equal(await ask(), 24, 'and not again, turn by turn');
    add(11);
    assert.equal(await ask(), 24);
    add(1);
    assert.equal(await ask(), null, 'but others that hang');
    await clock.advance(500);
    assert.equal(said(), 24);
  });

  it('are never more than 128, however many hang', async () => {
    const { clock, inFlight, add, end, ask, said } = given();
    add(64);
    await ask();
    await clock.advance(500);
    assert.equal(said(), 24);
    add(24);
    await ask();
    await clock.advance(60_000);
    assert.equal(said(), null);
    end(24);
    await quiet();
    assert.equal(said(), 24);
    let ended = false;
    void inFlight.ended().then(() => {
      ended = true;
    });
    end(63);
    await quiet();
    assert.equal(ended, false);
    end(1);
    await quiet();
    assert.equal(ended, true);
  });
});
