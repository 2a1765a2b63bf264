import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pause } from '../../src/core/model.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { WithLedger } from './contract.ts';
import { create, event, nowOf, remediation, restarting, written } from './records.ts';

const MINUTE = 60_000;
const cluster = 'payments';

const pause = (atMs: number, over: Partial<Pause> = {}): Pause => ({
  cluster: null,
  connector: null,
  reason: 'maintenance',
  untilMs: null,
  by: 'ann',
  atMs,
  ...over,
});

const names = async (ledger: Ledger): Promise<string[]> =>
  (await ledger.pauses()).pauses.map((one) => `${one.cluster ?? '*'}/${one.connector ?? '*'}`);

export function pauseContract(withLedger: WithLedger): void {
  describe('pauses', () => {
    it(
      'are kept one for each scope, wider ones first, the last word counting, each with its event',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const told = (detail: string) =>
          event('', { atMs, cluster: '', kind: 'operator', detail, actor: 'ann' });
        await ledger.putPause(pause(atMs, { cluster, connector: 'b' }), told('1'));
        await ledger.putPause(pause(atMs, { cluster, connector: 'a' }), told('2'));
        await ledger.putPause(pause(atMs, { cluster }), told('3'));
        await ledger.putPause(pause(atMs), told('4'));
        await ledger.putPause(pause(atMs, { cluster, reason: 'another', by: 'bob' }), told('5'));
        assert.deepEqual(await names(ledger), ['*/*', 'payments/*', 'payments/a', 'payments/b']);
        const { pauses } = await ledger.pauses();
        assert.deepEqual(pauses[1], pause(atMs, { cluster, reason: 'another', by: 'bob' }));
        const details = (await ledger.events()).map(({ detail }) => detail);
        assert.deepEqual(details, ['1', '2', '3', '4', '5']);
      }),
    );

    it(
      'end when somebody ends them, and only that scope',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const told = event('', { atMs, detail: 'ended' });
        await ledger.putPause(pause(atMs, { cluster }), event('', { atMs, detail: 'set' }));
        assert.equal(await ledger.removePause({ cluster: null, connector: null }, told), false);
        assert.equal(await ledger.removePause({ cluster, connector: 'a' }, told), false);
        assert.equal(await ledger.removePause({ cluster, connector: null }, told), true);
        assert.equal(await ledger.removePause({ cluster, connector: null }, told), false);
        assert.deepEqual(await names(ledger), []);
        assert.deepEqual(
          (await ledger.events()).map(({ detail }) => detail),
          ['set', 'ended'],
        );
      }),
    );

    it(
      'end by themselves, and cannot be ended then',
      withLedger(async (ledger, { advance }) => {
        const atMs = await nowOf(ledger);
        const told = event('', { atMs });
        await ledger.putPause(pause(atMs, { untilMs: atMs + 10 * MINUTE }), told);
        await ledger.putPause(pause(atMs, { cluster, untilMs: atMs + 30 * MINUTE }), told);
        const { revision } = await ledger.pauses();
        await advance(10 * MINUTE);
        assert.deepEqual(await names(ledger), ['payments/*']);
        assert.equal((await ledger.pauses()).revision, revision, 'nobody changed anything');
        assert.equal(await ledger.removePause({ cluster: null, connector: null }, told), false);
        await advance(20 * MINUTE);
        assert.deepEqual(await names(ledger), []);
      }),
    );

    it(
      'come with a claim',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        await ledger.putPause(pause(atMs, { untilMs: atMs + 10 * MINUTE }), event('', { atMs }));
        const { pauses } = await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE });
        const { nowMs: _, ...now } = await ledger.pauses();
        assert.deepEqual(pauses, now);
        assert.deepEqual(pauses.pauses, [pause(atMs, { untilMs: atMs + 10 * MINUTE })]);
      }),
    );

    it(
      'that were set or ended since refuse a commit that asks for it (P4), and no other',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const told = event('', { atMs });
        await ledger.store([create(remediation('a', { lookAtMs: atMs }))]);
        const answer = await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE });
        const [claim] = answer.claims;
        assert.ok(claim);
        const next = { ...claim.remediation, phase: restarting(0, atMs) };
        const commit = (pausesRevision: number) =>
          ledger.commit(claim, next, [], { leaseMs: MINUTE, pausesRevision });
        await ledger.putPause(pause(atMs), told);
        assert.equal(await commit(answer.pauses.revision), null);
        const paused = (await ledger.pauses()).revision;
        await ledger.removePause({ cluster: null, connector: null }, told);
        assert.equal(await commit(paused), null);
        assert.deepEqual(await ledger.refresh(claim), claim, 'neither the record nor its lease');
        const after = written(await commit((await ledger.pauses()).revision));
        await ledger.putPause(pause(atMs), told);
        written(await ledger.commit(after, next, []));
      }),
    );

    it(
      'are a thousand at most',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const told = event('', { atMs });
        for (let number = 0; number < 1000; number += 1) {
          const one = pause(atMs, { cluster, connector: `c${number}` });
          assert.equal(await ledger.putPause(one, told), 'stored');
        }
        assert.equal(await ledger.putPause(pause(atMs), told), 'full');
        assert.equal(
          await ledger.putPause(pause(atMs, { cluster, connector: 'c7', reason: 'b' }), told),
          'stored',
        );
        assert.equal((await ledger.pauses()).pauses.length, 1000);
      }),
    );
  });
}
