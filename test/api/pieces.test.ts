import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { type Ledger, LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite.ts';
import { Metrics } from '../../src/metrics.ts';
import { Intake, SIGNALS_AT_ONCE } from '../../src/webhook/intake.ts';
import { policy, signal } from '../core/given.ts';
import { silent } from './given.ts';

describe('very many signals', () => {
  let ledger: Ledger;
  let intake: Intake;
  /** Sizes of the writes. */
  let writes: number[];
  /** The writes that fail, by their position. */
  let failing: Set<number>;
  /** Turns that everybody else had, as the writes saw it. */
  let turns: number[];

  beforeEach(async () => {
    const limits = { remediations: 20_000, events: 1_000 };
    ledger = await openSqliteLedger({ path: ':memory:', limits, now: Date.now });
    [writes, failing, turns] = [[], new Set(), []];
    let turn = 0;
    const watched: Ledger = Object.create(ledger, {
      load: { value: ledger.load.bind(ledger) },
      store: {
        value: async (given: Parameters<Ledger['store']>[0]) => {
          turns.push(turn);
          setImmediate(() => {
            turn += 1;
          });
          writes.push(given.length);
          if (failing.has(writes.length - 1)) throw new LedgerUnavailable('disk full');
          return ledger.store(given);
        },
      },
    });
    intake = new Intake({
      ledger: watched,
      clock: systemClock,
      metrics: new Metrics(['a'], 'test'),
      reporter: silent,
      policyFor: () => policy,
      alertsPerRemediation: 20,
      onClusterAlert: 'look',
      onDue: () => undefined,
      onClusterSignal: () => undefined,
    });
  });
  afterEach(() => ledger.close());

  const signals = (count: number, prefix = 'c') =>
    Array.from({ length: count }, (_, index) => signal({ cluster: 'a', connector: `${prefix}${index}` }));

  it('are written in pieces, and others have their turn in between', async () => {
    const outcomes = await intake.takeSignals(signals(2 * SIGNALS_AT_ONCE + 1));
    assert.deepEqual(writes, [SIGNALS_AT_ONCE, SIGNALS_AT_ONCE, 1]);
    assert.equal(new Set(turns).size, 3, 'each write in a turn of its own');
    assert.equal(outcomes.length, 2 * SIGNALS_AT_ONCE + 1);
    assert.deepEqual([...new Set(outcomes)], ['opened']);
  });

  it('are one write up to a piece', async () => {
    await intake.takeSignals(signals(SIGNALS_AT_ONCE));
    assert.deepEqual(writes, [SIGNALS_AT_ONCE]);
  });

  it('are refused as a whole when a piece cannot be written, and can be sent again', async () => {
    failing.add(1);
    const many = signals(SIGNALS_AT_ONCE + 5);
    await assert.rejects(intake.takeSignals(many), /disk full/);
    const outcomes = await intake.takeSignals(many);
    assert.deepEqual(
      [outcomes.filter((one) => one === 'merged').length, outcomes.filter((one) => one === 'opened').length],
      [SIGNALS_AT_ONCE, 5],
    );
    assert.equal((await ledger.list()).length, SIGNALS_AT_ONCE + 5);
  });

  it('refuse only those who wait with them and are not written yet', async () => {
    // The first holds the ledger; the others wait for it and are written together.
    const first = intake.takeSignals(signals(1, 'first'));
    const small = intake.takeSignals(signals(3, 'small'));
    const large = intake.takeSignals(signals(SIGNALS_AT_ONCE, 'large'));
    failing.add(2);
    assert.deepEqual(await first, ['opened']);
    assert.deepEqual(await small, ['opened', 'opened', 'opened']);
    await assert.rejects(large, /disk full/);
  });
});
