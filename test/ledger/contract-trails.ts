import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuditEvent } from '../../src/core/model.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { WithLedger } from './contract.ts';
import { create, event, key, loaded, nowOf, remediation, replace } from './records.ts';

const MINUTE = 60_000;

export function trailContract(withLedger: WithLedger): void {
  describe('the audit trail', () => {
    it(
      'keeps events whole, oldest first, those of a commit as well as those of a store',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const opened = event('orders', { atMs, kind: 'signal', detail: 'ConnectorFailed' });
        const tried = event('orders', { atMs, reason: 'attempt', attempt: 1 });
        const gone = event('orders', { atMs: atMs + 1, reason: 'window_over', actor: 'ann' });
        await ledger.store([create(remediation('orders', { lookAtMs: atMs }), [opened, tried])]);
        const { claims } = await ledger.claim({ cluster: 'payments', limit: 1, leaseMs: MINUTE });
        assert.ok(claims[0]);
        await ledger.commit(claims[0], null, [gone]);
        assert.deepEqual(await ledger.events(), [opened, tried, gone]);
      }),
    );

    it(
      'filters by time (inclusive), cluster and connector',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const a = event('a', { atMs: atMs - 1 });
        const b = event('b', { atMs });
        const c = event('a', { atMs: atMs + 1, cluster: 'search' });
        await ledger.store([create(remediation('a', { lookAtMs: atMs }), [a, b, c])]);
        assert.deepEqual(await ledger.events({ sinceMs: atMs }), [b, c]);
        assert.deepEqual(await ledger.events({ sinceMs: atMs + 1 }), [c]);
        assert.deepEqual(await ledger.events({ sinceMs: atMs + 2 }), []);
        assert.deepEqual(await ledger.events({ cluster: 'payments' }), [a, b]);
        assert.deepEqual(await ledger.events({ connector: 'a' }), [a, c]);
        assert.deepEqual(await ledger.events({ cluster: 'payments', connector: 'a' }), [a]);
        assert.deepEqual(await ledger.events({ cluster: 'payments', sinceMs: atMs }), [b]);
      }),
    );

    it(
      'gives the newest that match where there are more than the limit, still oldest first',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const events = numbered(5, atMs);
        await ledger.store([create(remediation('orders', { lookAtMs: atMs }), events)]);
        assert.deepEqual(await ledger.events({ limit: 2 }), events.slice(3));
        assert.deepEqual(await ledger.events({ limit: 0 }), []);
        assert.deepEqual(await ledger.events({ limit: 100 }), events);
      }),
    );

    it(
      'filters by an end as well, which is inclusive',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const events = numbered(5, atMs).map((one, index) => ({ ...one, atMs: atMs + index }));
        const [first, second, third] = events;
        assert.ok(first && second && third);
        await ledger.store([create(remediation('orders', { lookAtMs: atMs }), events)]);
        assert.deepEqual(await ledger.events({ untilMs: third.atMs }), events.slice(0, 3));
        assert.deepEqual(await ledger.events({ untilMs: first.atMs - 1 }), []);
        assert.deepEqual(await ledger.events({ sinceMs: second.atMs, untilMs: second.atMs }), [second]);
        assert.deepEqual(await ledger.events({ untilMs: third.atMs, limit: 2 }), [second, third]);
      }),
    );

    it(
      'gives page after page, each event once, while new ones arrive, also of one time and with earlier ones',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const early = Array.from({ length: 5 }, (_, index) =>
          event('orders', { atMs: atMs + (index % 2), detail: `early ${index}` }),
        );
        await ledger.store([create(remediation('orders', { lookAtMs: atMs }), early)]);
        const seen: string[][] = [];
        let before: string | null | undefined;
        while (before !== null) {
          const page = await ledger.eventPage({ limit: 2, ...(before === undefined ? {} : { before }) });
          assert.ok(page);
          seen.push(page.events.map(({ detail }) => detail ?? ''));
          before = page.next;
          await append(ledger, [
            event('orders', { atMs, detail: 'late' }),
            event('orders', { atMs: atMs - 1, detail: 'late' }),
          ]);
        }
        assert.deepEqual(seen, [['early 3', 'early 4'], ['early 1', 'early 2'], ['early 0']]);
      }),
    );

    it(
      'has no further page where the last one is just full, and knows which cursors are none',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const events = numbered(4, atMs);
        await ledger.store([create(remediation('orders', { lookAtMs: atMs }), events)]);
        const newest = await ledger.eventPage({ limit: 2 });
        assert.ok(newest?.next);
        assert.deepEqual(await ledger.eventPage({ limit: 2, before: newest.next }), {
          events: events.slice(0, 2),
          next: null,
        });
        assert.deepEqual(await ledger.eventPage({ limit: 4 }), { events, next: null });
        for (const before of ['', 'x', '1-2-3', '0-0', '99999999999999999999-0']) {
          assert.equal(await ledger.eventPage({ before }), null, before);
        }
      }),
    );

    it(
      'keeps exactly as many as the limit says, and the oldest go',
      withLedger(
        async (ledger) => {
          const atMs = await nowOf(ledger);
          const events = numbered(25, atMs);
          await ledger.store([create(remediation('orders', { lookAtMs: atMs }), events.slice(0, 10))]);
          assert.deepEqual(await ledger.events(), events.slice(0, 10));
          for (const [from, to] of [
            [10, 11],
            [11, 20],
            [20, 25],
          ] as const) {
            await append(ledger, events.slice(from, to));
          }
          assert.deepEqual(await ledger.events(), events.slice(15));
        },
        { events: 10 },
      ),
    );

    it(
      'keeps the last ones of a write that alone is more than the limit',
      withLedger(
        async (ledger) => {
          const atMs = await nowOf(ledger);
          const events = numbered(7, atMs);
          await ledger.store([create(remediation('orders', { lookAtMs: atMs }), events)]);
          assert.deepEqual(await ledger.events(), events.slice(4));
        },
        { events: 3 },
      ),
    );
  });

  describe('hints', () => {
    it(
      'are kept for their cluster until they are dropped, oldest first',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        const hint = { cluster: 'payments', labels: { job: 'connect', 'ä"': '' }, fingerprint: 'f', atMs };
        await ledger.addHints([hint]);
        await ledger.addHints([{ ...hint, fingerprint: 'g' }]);
        await ledger.addHints([{ ...hint, cluster: 'search' }]);
        const [first, second] = await ledger.hints('payments');
        assert.ok(first && second);
        assert.deepEqual(first, { ...hint, id: first.id });
        assert.equal(second.fingerprint, 'g');
        await ledger.dropHint(first.id);
        await ledger.dropHint(first.id);
        await ledger.dropHint('never-given');
        assert.deepEqual(await ledger.hints('payments'), [second]);
        assert.equal((await ledger.hints('search')).length, 1);
        assert.deepEqual(await ledger.hints('nowhere'), []);
      }),
    );

    it(
      'are at most a hundred for each cluster, and the oldest go',
      withLedger(async (ledger) => {
        const atMs = await nowOf(ledger);
        await ledger.addHints([{ cluster: 'search', labels: {}, fingerprint: 'other', atMs }]);
        for (let number = 0; number < 103; number += 1) {
          await ledger.addHints([{ cluster: 'payments', labels: {}, fingerprint: String(number), atMs }]);
        }
        const hints = await ledger.hints('payments');
        assert.equal(hints.length, 100);
        assert.equal(hints[0]?.fingerprint, '3');
        assert.equal(hints.at(-1)?.fingerprint, '102');
        assert.equal((await ledger.hints('search')).length, 1);
      }),
    );
  });
}

function numbered(count: number, atMs: number): AuditEvent[] {
  return Array.from({ length: count }, (_, number) => event('orders', { atMs, detail: String(number) }));
}

async function append(ledger: Ledger, events: readonly AuditEvent[]): Promise<void> {
  const stored = await loaded(ledger, key('orders'));
  assert.deepEqual(await ledger.store([replace(stored, stored.remediation, events)]), ['stored']);
}
