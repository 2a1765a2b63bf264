import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Remediation } from '../../src/core/model.ts';
import type { WithLedger } from './contract.ts';
import {
  create,
  event,
  key,
  loaded,
  loadOne,
  nowOf,
  remediation,
  replace,
  restarting,
  written,
} from './records.ts';

const MINUTE = 60_000;

export function recordContract(withLedger: WithLedger): void {
  describe('load and store', () => {
    it(
      'gives back what was stored, in the order of the keys, with null for what is missing',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const orders = remediation('orders', { lookAtMs });
        const stock = remediation('stock', { lookAtMs: lookAtMs + MINUTE });
        assert.deepEqual(await ledger.store([create(orders), create(stock)]), ['stored', 'stored']);
        const { stored } = await ledger.load([key('stock'), key('missing'), key('orders'), key('stock')]);
        assert.deepEqual(
          stored.map((one) => one?.remediation ?? null),
          [stock, null, orders, stock],
        );
      }),
    );

    it(
      'keeps every field of a record, and any character in its names',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const full: Remediation = {
          ...remediation('a/b c%2F\u0000"\'\n{};--ä😀', { cluster: 'c:1|2', lookAtMs }),
          phase: {
            state: 'held',
            nextAtMs: lookAtMs,
            hold: { reason: 'silenced', detail: 'by “ann”', sinceMs: lookAtMs, untilMs: null },
            refusals: 2,
            retryAtMs: lookAtMs,
          },
          attempts: 2,
          attemptLog: [{ number: 1, atMs: lookAtMs, outcome: 'accepted', detail: null }],
          chargedAtMs: [lookAtMs - MINUTE, lookAtMs],
          lastRestartAtMs: lookAtMs,
          escalation: { reason: 'unstable', sinceMs: lookAtMs },
          cause: { class: 'java.io.IOException', message: 'x <n>', verdict: 'transient', rule: null },
          alerts: [
            { fingerprint: 'f1', labels: { task: '0', '': '' }, status: 'firing', seenAtMs: lookAtMs },
          ],
          signalAtMs: lookAtMs,
          history: [{ atMs: lookAtMs, state: 'waiting', reason: 'signal', attempt: null, detail: '' }],
        };
        await ledger.store([create(full)]);
        assert.deepEqual((await loaded(ledger, key(full.connector, full.cluster))).remediation, full);
        assert.deepEqual((await ledger.list())[0]?.remediation, full);
      }),
    );

    it(
      'keeps records of the same connector name in two clusters apart',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        await ledger.store([
          create(remediation('orders', { lookAtMs })),
          create(remediation('orders', { cluster: 'search', lookAtMs, attempts: 3 })),
        ]);
        assert.equal((await loaded(ledger, key('orders'))).remediation.attempts, 0);
        assert.equal((await loaded(ledger, key('orders', 'search'))).remediation.attempts, 3);
      }),
    );

    it(
      'gives each write a new version, and refuses a write that expects an old one',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        await ledger.store([create(remediation('orders', { lookAtMs }))]);
        const first = await loaded(ledger, key('orders'));
        const next = { ...first.remediation, attempts: 1 };
        assert.deepEqual(await ledger.store([replace(first, next)]), ['stored']);
        const second = await loaded(ledger, key('orders'));
        assert.ok(second.version > first.version);
        assert.deepEqual(await ledger.store([replace(first, { ...next, attempts: 9 })]), ['conflict']);
        assert.deepEqual(await loaded(ledger, key('orders')), second);
      }),
    );

    it(
      'refuses to create what exists and to replace what does not',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const orders = remediation('orders', { lookAtMs });
        await ledger.store([create(orders)]);
        assert.deepEqual(await ledger.store([create({ ...orders, attempts: 1 })]), ['conflict']);
        assert.equal((await loaded(ledger, key('orders'))).remediation.attempts, 0);
        const ghost = { version: 1, remediation: remediation('ghost', { lookAtMs }) };
        assert.deepEqual(await ledger.store([replace(ghost, ghost.remediation)]), ['conflict']);
        assert.equal(await loadOne(ledger, key('ghost')), null);
      }),
    );

    it(
      'writes what does not conflict beside what does, and appends events only for what it wrote',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const orders = remediation('orders', { lookAtMs });
        await ledger.store([create(orders)]);
        const results = await ledger.store([
          create(orders, [event('orders', { atMs: lookAtMs })]),
          create(remediation('stock', { lookAtMs }), [event('stock', { atMs: lookAtMs })]),
        ]);
        assert.deepEqual(results, ['conflict', 'stored']);
        assert.deepEqual(
          (await ledger.events()).map(({ connector }) => connector),
          ['stock'],
        );
      }),
    );

    it(
      'takes only the first of two writes to one key in one call',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const orders = remediation('orders', { lookAtMs });
        assert.deepEqual(await ledger.store([create(orders), create({ ...orders, attempts: 1 })]), [
          'stored',
          'conflict',
        ]);
        assert.equal((await loaded(ledger, key('orders'))).remediation.attempts, 0);
      }),
    );

    it(
      'refuses new records beyond the limit, while old ones can still be written and removed',
      withLedger(
        async (ledger) => {
          const lookAtMs = await nowOf(ledger);
          const [a, b, c] = ['a', 'b', 'c'].map((name) => remediation(name, { lookAtMs }));
          assert.ok(a && b && c);
          const happened = [event('c', { atMs: lookAtMs })];
          assert.deepEqual(await ledger.store([create(a), create(b), create(c, happened)]), [
            'stored',
            'stored',
            'full',
          ]);
          assert.deepEqual(await ledger.events(), []);
          assert.deepEqual(await ledger.store([replace(await loaded(ledger, key('a')), a)]), ['stored']);
          const { claims } = await ledger.claim({ cluster: 'payments', limit: 1, leaseMs: MINUTE });
          assert.ok(claims[0]);
          await ledger.commit(claims[0], null, []);
          assert.deepEqual(await ledger.store([create(c)]), ['stored']);
        },
        { remediations: 2 },
      ),
    );

    it(
      'refuses a record under the key of another one',
      withLedger(async (ledger) => {
        const next = remediation('stock', { lookAtMs: await nowOf(ledger) });
        const write = { key: key('orders'), expectedVersion: null, next, events: [] };
        await assert.rejects(ledger.store([write]), TypeError);
        assert.deepEqual(await ledger.list(), []);
      }),
    );

    it(
      'refuses a record that would never be due, and writes nothing of that call (P7)',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        for (const never of [Number.NaN, Number.POSITIVE_INFINITY]) {
          const writes = [
            create(remediation('a', { lookAtMs })),
            create(remediation('b', { lookAtMs: never })),
          ];
          await assert.rejects(ledger.store(writes), TypeError);
        }
        assert.deepEqual(await ledger.list(), []);
      }),
    );

    it(
      'does nothing when there is nothing to store, load or wake',
      withLedger(async (ledger) => {
        assert.deepEqual(await ledger.store([]), []);
        assert.deepEqual((await ledger.load([])).stored, []);
        await ledger.wake([]);
      }),
    );

    it(
      'does not take a write meant for a record that was removed and opened again',
      withLedger(async (ledger) => {
        const orders = remediation('orders', { lookAtMs: await nowOf(ledger) });
        await ledger.store([create(orders)]);
        const old = await loaded(ledger, key('orders'));
        const { claims } = await ledger.claim({ cluster: 'payments', limit: 1, leaseMs: MINUTE });
        assert.ok(claims[0]);
        await ledger.commit(claims[0], null, []);
        await ledger.store([create({ ...orders, attempts: 5 })]);
        assert.deepEqual(await ledger.store([replace(old, orders)]), ['conflict']);
        assert.equal((await loaded(ledger, key('orders'))).remediation.attempts, 5);
      }),
    );
  });

  describe('list and overview', () => {
    it(
      'lists records by cluster, then connector, by code point',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const names = [
          ['search', 'a'],
          ['payments', 'b'],
          ['payments', 'B'],
          ['payments', 'a-10'],
          ['payments', 'a'],
        ] as const;
        await ledger.store(names.map(([cluster, name]) => create(remediation(name, { cluster, lookAtMs }))));
        const expected = ['payments/B', 'payments/a', 'payments/a-10', 'payments/b', 'search/a'];
        const listed = (await ledger.list()).map(({ remediation: one }) => `${one.cluster}/${one.connector}`);
        assert.deepEqual(listed, expected);
        const rows = (await ledger.overview()).map((row) => `${row.cluster}/${row.connector}`);
        assert.deepEqual(rows, expected);
      }),
    );

    it(
      'lists only one cluster or some states where asked',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const recovered = { state: 'recovered', untilMs: lookAtMs } as const;
        await ledger.store([
          create(remediation('a', { lookAtMs })),
          create(remediation('b', { lookAtMs, phase: restarting(0, lookAtMs) })),
          create(remediation('c', { lookAtMs, phase: recovered })),
          create(remediation('d', { cluster: 'search', lookAtMs })),
        ]);
        const names = async (filter: Parameters<typeof ledger.list>[0]): Promise<string[]> =>
          (await ledger.list(filter)).map((one) => one.remediation.connector);
        assert.deepEqual(await names({ cluster: 'payments' }), ['a', 'b', 'c']);
        assert.deepEqual(await names({ states: ['waiting'] }), ['a', 'd']);
        assert.deepEqual(await names({ cluster: 'payments', states: ['restarting', 'recovered'] }), [
          'b',
          'c',
        ]);
        assert.deepEqual(await names({ states: [] }), []);
        assert.deepEqual(await names({ cluster: 'nowhere' }), []);
      }),
    );

    it(
      'follows each write in the overview, through store, commit and removal',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const orders = remediation('orders', { lookAtMs });
        const bare = {
          cluster: 'payments',
          connector: 'orders',
          state: 'waiting',
          attempts: 0,
          lastRestartAtMs: null,
          escalation: null,
          causeClass: null,
          hold: null,
        };
        await ledger.store([create(orders)]);
        assert.deepEqual(await ledger.overview(), [bare]);

        const { claims } = await ledger.claim({ cluster: 'payments', limit: 1, leaseMs: MINUTE });
        assert.ok(claims[0]);
        const hold = { reason: 'canary', detail: null, sinceMs: lookAtMs, untilMs: null } as const;
        const escalated: Remediation = {
          ...orders,
          phase: { state: 'escalated', nextAtMs: null, hold, refusals: 0, retryAtMs: 0 },
          attempts: 7,
          lastRestartAtMs: lookAtMs,
          escalation: { reason: 'exhausted', sinceMs: lookAtMs },
          cause: { class: 'java.lang.Error', message: '', verdict: 'unknown', rule: null },
        };
        const claim = written(await ledger.commit(claims[0], escalated, [], { leaseMs: MINUTE }));
        assert.deepEqual(await ledger.overview(), [
          {
            ...bare,
            state: 'escalated',
            attempts: 7,
            lastRestartAtMs: lookAtMs,
            escalation: 'exhausted',
            causeClass: 'java.lang.Error',
            hold: 'canary',
          },
        ]);
        await ledger.store([replace(claim, orders)]);
        assert.deepEqual(await ledger.overview(), [bare]);
        const again = await ledger.refresh(claim);
        assert.ok(again);
        await ledger.commit(again, null, []);
        assert.deepEqual(await ledger.overview(), []);
      }),
    );
  });
}
