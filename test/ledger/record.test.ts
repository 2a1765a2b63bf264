import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Remediation } from '../../src/core/model.ts';
import type { Key, Ledger } from '../../src/ledger/ledger.ts';
import { type Merged, mergeAll } from '../../src/ledger/record.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite.ts';
import { create, event, key, loaded, loadOne, remediation, replace } from './records.ts';
import { startMs } from './sqlite-harness.ts';

interface Item {
  readonly key: Key;
  readonly item: number;
}

const items = (...given: [string, number][]): Item[] =>
  given.map(([name, item]) => ({ key: key(name), item }));

/**
 * A merge that adds the numbers up in `attempts`; zero changes nothing. Each outcome says what the item was added to. New
 * records are named in the order in which they are opened.
 */
function adding(names: readonly string[]) {
  const unnamed = [...names];
  return (current: Remediation | null, ofOne: readonly number[], nowMs: number): Merged<string> => {
    const from = current?.attempts ?? 0;
    const attempts = ofOne.reduce((total, item) => total + item, from);
    const before = current ?? remediation(unnamed.shift() ?? '', { lookAtMs: nowMs });
    return {
      next: attempts === from ? current : { ...before, attempts },
      events: [event(before.connector, { atMs: nowMs })],
      outcomes: ofOne.map((item) => `${from}+${item}`),
    };
  };
}

/** Counts calls, and lets a test write between `load` and `store`. */
function watched(ledger: Ledger, beforeStore: (round: number) => Promise<void> = async () => {}) {
  const calls = { load: 0, store: 0, stored: [] as string[][] };
  const watching: Pick<Ledger, 'load' | 'store'> = {
    load: (keys) => {
      calls.load += 1;
      return ledger.load(keys);
    },
    store: async (writes) => {
      calls.store += 1;
      calls.stored.push(writes.map((write) => write.key.connector));
      await beforeStore(calls.store);
      return ledger.store(writes);
    },
  };
  return { ledger: watching, calls };
}

async function withLedger(work: (ledger: Ledger) => Promise<void>, remediations = 100): Promise<void> {
  const limits = { remediations, events: 100 };
  const ledger = openSqliteLedger({ path: ':memory:', limits, now: () => startMs });
  try {
    await work(ledger);
  } finally {
    await ledger.close();
  }
}

const whenFull = 'full';

describe('merging items into records', () => {
  it('merges all items of a record at once, and answers in the order of the items', () =>
    withLedger(async (ledger) => {
      const outcomes = await mergeAll(ledger, items(['a', 1], ['b', 2], ['a', 3], ['b', 4]), {
        whenFull,
        merge: adding(['a', 'b']),
      });
      assert.deepEqual(outcomes, ['0+1', '0+2', '0+3', '0+4']);
      assert.equal((await loaded(ledger, key('a'))).remediation.attempts, 4);
      assert.equal((await loaded(ledger, key('b'))).remediation.attempts, 6);
      assert.equal((await ledger.events()).length, 2);
    }));

  it('makes two ledger calls for any number of items, and none for none', () =>
    withLedger(async (ledger) => {
      const { ledger: watching, calls } = watched(ledger);
      const names = Array.from({ length: 50 }, (_, number) => `c${number}`);
      const many = items(
        ...names.flatMap((name): [string, number][] => [
          [name, 1],
          [name, 2],
        ]),
      );
      assert.deepEqual(await mergeAll(watching, [], { whenFull, merge: adding([]) }), []);
      assert.deepEqual([calls.load, calls.store], [0, 0]);
      await mergeAll(watching, many, { whenFull, merge: adding(names) });
      assert.deepEqual([calls.load, calls.store], [1, 1]);
    }));

  it('writes nothing, and no event, where the merge leaves the record as it is or opens none', () =>
    withLedger(async (ledger) => {
      await ledger.store([create(remediation('a', { lookAtMs: startMs, attempts: 5 }))]);
      const before = await loaded(ledger, key('a'));
      const { ledger: watching, calls } = watched(ledger);
      const outcomes = await mergeAll(watching, items(['a', 0], ['b', 0]), {
        whenFull,
        merge: adding(['b']),
      });
      assert.deepEqual(outcomes, ['5+0', '0+0']);
      assert.equal(calls.store, 0);
      assert.deepEqual(await loaded(ledger, key('a')), before);
      assert.equal(await loadOne(ledger, key('b')), null);
      assert.deepEqual(await ledger.events(), []);
    }));

  it('merges again into what another one wrote meanwhile, and only there', () =>
    withLedger(async (ledger) => {
      await ledger.store([create(remediation('a', { lookAtMs: startMs }))]);
      const { ledger: watching, calls } = watched(ledger, async (round) => {
        if (round > 2) return;
        const stored = await loaded(ledger, key('a'));
        const attempts = stored.remediation.attempts + 10;
        await ledger.store([replace(stored, { ...stored.remediation, attempts })]);
      });
      const outcomes = await mergeAll(watching, items(['a', 1], ['b', 2], ['a', 3]), {
        whenFull,
        merge: adding(['b']),
      });
      assert.deepEqual(outcomes, ['20+1', '0+2', '20+3']);
      assert.equal((await loaded(ledger, key('a'))).remediation.attempts, 24);
      assert.equal((await loaded(ledger, key('b'))).remediation.attempts, 2);
      assert.deepEqual(calls.stored, [['a', 'b'], ['a'], ['a']]);
      assert.equal((await ledger.events()).length, 2);
    }));

  it('merges into the record that another one opened meanwhile', () =>
    withLedger(async (ledger) => {
      const { ledger: watching } = watched(ledger, async (round) => {
        if (round === 1) await ledger.store([create(remediation('a', { lookAtMs: startMs, attempts: 7 }))]);
      });
      assert.deepEqual(await mergeAll(watching, items(['a', 1]), { whenFull, merge: adding(['a']) }), [
        '7+1',
      ]);
      assert.equal((await loaded(ledger, key('a'))).remediation.attempts, 8);
    }));

  it('gives up as LedgerUnavailable when a record never stands still, naming it', () =>
    withLedger(async (ledger) => {
      await ledger.store([create(remediation('a', { lookAtMs: startMs }))]);
      const { ledger: watching, calls } = watched(ledger, async () => {
        const stored = await loaded(ledger, key('a'));
        await ledger.store([replace(stored, stored.remediation)]);
      });
      await assert.rejects(
        mergeAll(watching, items(['a', 1], ['b', 2]), { whenFull, rounds: 3, merge: adding(['b']) }),
        { name: 'LedgerUnavailable', message: /payments\/a/ },
      );
      assert.equal(calls.store, 3);
      assert.equal((await loaded(ledger, key('b'))).remediation.attempts, 2);
    }));

  it('gives the outcome for a full ledger to each item whose record was refused', () =>
    withLedger(async (ledger) => {
      const outcomes = await mergeAll(ledger, items(['a', 1], ['b', 2], ['b', 3], ['a', 4]), {
        whenFull,
        merge: adding(['a', 'b']),
      });
      assert.deepEqual(outcomes, ['0+1', 'full', 'full', '0+4']);
    }, 1));

  it('keeps apart keys that read alike when joined', () =>
    withLedger(async (ledger) => {
      const alike: Item[] = [
        { key: { cluster: 'a', connector: 'b/c' }, item: 1 },
        { key: { cluster: 'a/b', connector: 'c' }, item: 2 },
      ];
      const sizes: number[] = [];
      await mergeAll(ledger, alike, {
        whenFull,
        merge: (current, ofOne) => {
          sizes.push(ofOne.length);
          return { next: current, events: [], outcomes: ofOne.map(String) };
        },
      });
      assert.deepEqual(sizes, [1, 1]);
    }));

  it('passes on that the ledger is unavailable', () =>
    withLedger(async (ledger) => {
      await ledger.close();
      await assert.rejects(mergeAll(ledger, items(['a', 1]), { whenFull, merge: adding(['a']) }), {
        name: 'LedgerUnavailable',
      });
    }));

  it('refuses a merge that does not answer each item', () =>
    withLedger(async (ledger) => {
      const merge = (): Merged<string> => ({ next: null, events: [], outcomes: [] });
      await assert.rejects(mergeAll(ledger, items(['a', 1]), { whenFull, merge }), RangeError);
    }));
});
