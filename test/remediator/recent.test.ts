import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { BulkRead } from '../../src/remediator/cluster-reader.ts';
import { Recent } from '../../src/remediator/recent.ts';
import { status } from '../core/given.ts';
import { ALONE, type Harness, harness, quiet, replacing, TestClock } from './harness.ts';

const failed = status('RUNNING', 'FAILED');
const OK: BulkRead['result'] = { outcome: 'ok', value: new Map() };

const due = (dueAtMs: number) => ({ dueAtMs, version: 1, revision: 1, forRestarts: false });

/** Counts reads, each of which takes 50 ms, or `takesMs`. */
function given(result: () => BulkRead['result'] = () => OK) {
  const clock = new TestClock();
  const reader = {
    cluster: 'a',
    reads: 0,
    takesMs: 50,
    read: async (): Promise<BulkRead> => {
      reader.reads += 1;
      const begunAtMs = clock.monotonic();
      clock.jump(reader.takesMs);
      return { result: result(), begunAtMs };
    },
  };
  const ledger = {
    asked: 0,
    fails: false,
    storms: async () => {
      ledger.asked += 1;
      if (ledger.fails) throw new Error('down');
      return { revision: ledger.asked, rows: [] };
    },
  };
  clock.jump(10_000);
  return { clock, reader, ledger, recent: new Recent(reader, ledger, clock) };
}

describe('a bulk read of the last turn', () => {
  it('serves what was due before it began, and nothing else', async () => {
    const { clock, reader, recent } = given();
    const dueAtMs = clock.monotonic() - 1;
    const first = await recent.bulk(due(dueAtMs));
    assert.equal(await recent.bulk(due(dueAtMs)), first);
    assert.equal(reader.reads, 1);
    // Due, or signalled, in the very millisecond, or while it was under way.
    const second = await recent.bulk(due(first.begunAtMs));
    assert.notEqual(second, first);
    assert.notEqual(await recent.bulk(due(second.begunAtMs + 20)), second);
    assert.equal(reader.reads, 3);
  });

  it('serves for 0.8 s after its answer, however long that took', async () => {
    const { clock, reader, recent } = given();
    await recent.bulk(due(0));
    clock.jump(800);
    await recent.bulk(due(0));
    assert.equal(reader.reads, 1);
    clock.jump(1);
    await recent.bulk(due(0));
    assert.equal(reader.reads, 2);
  });

  it('serves those that are about to be restarted for 0.8 s from its beginning', async () => {
    const { clock, reader, recent } = given();
    const next = { ...due(0), forRestarts: true };
    await recent.bulk(next);
    clock.jump(750);
    await recent.bulk(next);
    assert.equal(reader.reads, 1);
    clock.jump(1);
    await recent.bulk(due(0));
    assert.equal(reader.reads, 1);
    await recent.bulk(next);
    assert.equal(reader.reads, 2);
  });

  it('serves them as long as anybody where no read is young enough: two in a row took over 1.3 s', async () => {
    const { reader, recent } = given();
    const next = { ...due(0), forRestarts: true };
    const readsAfter = async (takesMs: number): Promise<number> => {
      reader.takesMs = takesMs;
      reader.reads = 0;
      recent.forgetBulk();
      for (let turns = 0; turns < 3; turns += 1) await recent.bulk(next);
      return reader.reads;
    };
    assert.equal(await readsAfter(1_300), 3);
    assert.equal(await readsAfter(1_301), 2);
    assert.equal(await readsAfter(1_301), 1);
    assert.equal(await readsAfter(50), 1);
    assert.equal(await readsAfter(1_301), 2);
  });

  it('serves nobody who was written after it, whenever that was due', async () => {
    const { reader, recent } = given();
    const first = await recent.bulk({ ...due(0), version: 7, revision: 9 });
    assert.equal(await recent.bulk({ ...due(0), version: 9, revision: 12 }), first);
    await recent.bulk({ ...due(0), version: 10, revision: 12 });
    assert.equal(reader.reads, 2);
    await recent.bulk({ ...due(0), version: 12, revision: 15 });
    assert.equal(reader.reads, 2);
  });

  it('serves nobody when it failed, nor when nothing is due any more', async () => {
    let result: BulkRead['result'] = { outcome: 'timeout', detail: 'no answer' };
    const { reader, recent } = given(() => result);
    await recent.bulk(due(0));
    await recent.bulk(due(0));
    assert.equal(reader.reads, 2);
    result = OK;
    await recent.bulk(due(0));
    recent.forgetBulk();
    await recent.bulk(due(0));
    assert.equal(reader.reads, 4);
  });
});

describe('what storms are decided on', () => {
  it('is read once a second at most, anew when it is forgotten or could not be read', async () => {
    const { clock, ledger, recent } = given();
    const first = await recent.storms();
    clock.jump(999);
    assert.equal(await recent.storms(), first);
    clock.jump(1);
    assert.notEqual(await recent.storms(), first);
    recent.forgetStorms();
    ledger.fails = true;
    await assert.rejects(recent.storms());
    ledger.fails = false;
    await recent.storms();
    assert.equal(ledger.asked, 4);
  });
});

describe('the loop', () => {
  let h: Harness;
  afterEach(() => h.close());

  it('restarts hundreds, turn by turn, on one read', async () => {
    h = await harness({ start: false, maxUnverified: 1_000, policy: ALONE });
    const names = Array.from({ length: 300 }, (_, index) => `c${index}`);
    for (const name of names) h.connect.show(name, failed);
    await Promise.all(names.map((connector) => h.alert({ connector })));
    h.clock.jump(1);
    h.remediator.start();
    for (let turns = 0; turns < 20; turns += 1) await quiet();
    assert.equal(h.connect.calls.length, 300);
    // One for the gauges at the start, one for the three hundred.
    assert.equal(h.connect.bulkReads, 2);
  });

  it('decides hundreds on a read that took long, not the first few of them', async () => {
    h = await harness({ start: false, maxUnverified: 1_000, policy: ALONE });
    h.connect.beforeBulk = () => h.clock.sleep(2_000, new AbortController().signal);
    const names = Array.from({ length: 300 }, (_, index) => `c${index}`);
    for (const name of names) h.connect.show(name, failed);
    await Promise.all(names.map((connector) => h.alert({ connector })));
    h.clock.jump(1);
    h.remediator.start();
    // One read that took long may be an accident, two in a row are none.
    await h.clock.advance(8_500);
    assert.equal(h.connect.calls.length, 300);
  });

  it('looks at one by itself where the status of all takes too long for a restart', async () => {
    h = await harness({
      start: false,
      ledger: (real) =>
        replacing(real, {
          commit: async (...args) => {
            await h.clock.sleep(850, new AbortController().signal);
            return real.commit(...args);
          },
        }),
    });
    h.connect.beforeBulk = () => h.clock.sleep(1_200, new AbortController().signal);
    h.connect.show('orders', failed);
    await h.alert();
    h.remediator.start();
    await h.clock.advance(8_000);
    assert.equal(h.connect.calls.length, 1);
  });

  it('reads again for a signal that came while it read', async () => {
    h = await harness({ maxUnverified: 1_000, policy: ALONE });
    h.connect.show('orders', failed);
    h.connect.show('payments', failed);
    let late: Promise<void> | null = null;
    h.connect.beforeBulk = async () => {
      h.clock.jump(5);
      late ??= h.alert({ connector: 'payments' });
      await late;
    };
    const before = h.connect.bulkReads;
    await h.alert();
    await quiet();
    assert.equal(h.connect.bulkReads - before, 2);
    assert.equal(h.connect.calls.length, 2);
  });
});
