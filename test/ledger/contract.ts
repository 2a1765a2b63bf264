import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Ledger, LedgerLimits } from '../../src/ledger/ledger.ts';
import { claimContract } from './contract-claims.ts';
import { pauseContract } from './contract-pauses.ts';
import { recordContract } from './contract-records.ts';
import { stormContract } from './contract-storms.ts';
import { trailContract } from './contract-trails.ts';
import { create, event, key, loaded, nowOf, remediation } from './records.ts';

/** An open, empty ledger whose time the test lets pass. */
export interface Harness {
  readonly ledger: Ledger;
  /**
   * Lets `ms` pass on the ledger's clock. The clock may also run by itself meanwhile: the contract asks nothing that a
   * few seconds more would change, and nothing of what time it is.
   */
  advance(ms: number): Promise<void> | void;
  /** Closes the ledger and opens what it kept. */
  reopen(): Promise<Ledger>;
  /** Closes and removes everything. */
  close(): Promise<void> | void;
}

export type OpenHarness = (options: { readonly limits: LedgerLimits }) => Promise<Harness> | Harness;

/** Runs one test on a ledger of its own. */
export type WithLedger = (
  test: (ledger: Ledger, harness: Harness) => Promise<void>,
  limits?: Partial<LedgerLimits>,
) => () => Promise<void>;

/** What every ledger promises, whatever keeps it. One that is not `durable` keeps nothing once it is closed. */
export function ledgerContract(
  name: string,
  open: OpenHarness,
  { durable }: { readonly durable: boolean },
): void {
  const withLedger: WithLedger = (test, limits) => async () => {
    const harness = await open({ limits: { remediations: 1000, events: 1000, ...limits } });
    try {
      await test(harness.ledger, harness);
    } finally {
      await harness.close();
    }
  };

  describe(`${name}: the ledger's contract`, () => {
    recordContract(withLedger);
    claimContract(withLedger);
    trailContract(withLedger);
    pauseContract(withLedger);
    stormContract(withLedger);

    describe('the connection', () => {
      it(
        'answers a ping while it can be written',
        withLedger(async (ledger) => {
          await ledger.ping();
        }),
      );

      it(
        'closes twice without complaint, and then answers nothing',
        withLedger(async (ledger) => {
          await ledger.close();
          await ledger.close();
          const closed = { name: 'LedgerUnavailable' };
          await assert.rejects(ledger.ping(), closed);
          await assert.rejects(ledger.load([key('orders')]), closed);
          await assert.rejects(ledger.store([create(remediation('orders', { lookAtMs: 0 }))]), closed);
        }),
      );

      it(
        'keeps what it acknowledged across a restart (P5)',
        { skip: durable ? false : 'it keeps nothing' },
        withLedger(async (ledger, { reopen }) => {
          const nowMs = await nowOf(ledger);
          await ledger.store([create(remediation('orders', { lookAtMs: nowMs }))]);
          const before = await loaded(ledger, key('orders'));
          const pause = {
            cluster: null,
            connector: null,
            reason: 'night',
            untilMs: null,
            by: 'ann',
            atMs: nowMs,
          };
          await ledger.putPause(pause, event('', { atMs: nowMs }));
          await ledger.addHints([{ cluster: 'payments', labels: { a: 'b' }, fingerprint: 'f', atMs: nowMs }]);
          const hashKey = await ledger.hashKey();
          const again = await reopen();
          assert.equal(await again.hashKey(), hashKey);
          assert.deepEqual(await loaded(again, key('orders')), before);
          assert.equal((await again.hints('payments')).length, 1);
          assert.deepEqual((await again.pauses()).pauses, [pause]);
        }),
      );
    });
  });
}
