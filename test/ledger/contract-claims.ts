import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Claim, Ledger } from '../../src/ledger/ledger.ts';
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
const cluster = 'payments';

export function claimContract(withLedger: WithLedger): void {
  describe('claim', () => {
    it(
      'gives only records of its cluster whose look has come, the longest due first',
      withLedger(async (ledger) => {
        const nowMs = await nowOf(ledger);
        await ledger.store([
          create(remediation('second', { lookAtMs: nowMs - MINUTE })),
          create(remediation('first', { lookAtMs: nowMs - 2 * MINUTE })),
          create(remediation('third', { lookAtMs: nowMs })),
          create(remediation('later', { lookAtMs: nowMs + 10 * MINUTE })),
          create(remediation('other', { cluster: 'search', lookAtMs: nowMs })),
        ]);
        const { claims } = await ledger.claim({ cluster, limit: 10, leaseMs: MINUTE });
        assert.deepEqual(namesOf(claims), ['first', 'second', 'third']);
      }),
    );

    it(
      'says when the lease ends by the clock that it gives',
      withLedger(async (ledger) => {
        await open(ledger, ['orders']);
        const { claims, nowMs } = await ledger.claim({ cluster, limit: 10, leaseMs: MINUTE });
        assert.equal(claims[0]?.leaseUntilMs, nowMs + MINUTE);
        const stored = await loaded(ledger, key('orders'));
        assert.equal(claims[0]?.version, stored.version);
        assert.deepEqual(claims[0]?.remediation, stored.remediation);
      }),
    );

    it(
      'gives the last version of all: a record with a later one was written after it',
      withLedger(async (ledger) => {
        await open(ledger, ['a', 'b']);
        const request = { cluster, limit: 1, leaseMs: MINUTE };
        const [a] = (await ledger.claim(request)).claims;
        assert.ok(a);
        const { claims, revision } = await ledger.claim(request);
        const [b] = claims;
        assert.ok(b && a.version <= revision && b.version <= revision);
        const after = written(await ledger.commit(a, a.remediation, []));
        assert.ok(after.version > revision);
        await ledger.store([replace(b, b.remediation)]);
        assert.equal((await loaded(ledger, key('b'))).version, (await ledger.claim(request)).revision);
      }),
    );

    it(
      'gives a record to one caller at a time (P2)',
      withLedger(async (ledger) => {
        await open(ledger, ['a', 'b', 'c']);
        const answers = await Promise.all(
          [1, 1, 1, 1].map((limit) => ledger.claim({ cluster, limit, leaseMs: MINUTE })),
        );
        const given = answers.flatMap(({ claims }) => claims);
        assert.deepEqual(namesOf(given).sort(), ['a', 'b', 'c']);
        assert.equal(answers.filter(({ claims }) => claims.length === 0).length, 1);
      }),
    );

    it(
      'gives the record to others once the lease has run out, and not before',
      withLedger(async (ledger, { advance }) => {
        await open(ledger, ['orders']);
        await ledger.claim({ cluster, limit: 1, leaseMs: 10 * MINUTE });
        await advance(9 * MINUTE);
        assert.deepEqual((await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE })).claims, []);
        await advance(MINUTE);
        const { claims } = await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE });
        assert.deepEqual(namesOf(claims), ['orders']);
      }),
    );

    it(
      'lets a record whose lease ran out wait behind those that were due before that',
      withLedger(async (ledger, { advance }) => {
        const nowMs = await nowOf(ledger);
        await ledger.store([create(remediation('crasher', { lookAtMs: nowMs - MINUTE }))]);
        await ledger.claim({ cluster, limit: 1, leaseMs: 10 * MINUTE });
        await ledger.store([create(remediation('patient', { lookAtMs: nowMs + 5 * MINUTE }))]);
        await advance(20 * MINUTE);
        const { claims } = await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE });
        assert.deepEqual(namesOf(claims), ['patient']);
      }),
    );

    it(
      'tells when the next one is due: the look of those to come, the look of those beyond the limit, the end of a lease',
      withLedger(async (ledger) => {
        const nowMs = await nowOf(ledger);
        const claim = (limit: number) => ledger.claim({ cluster, limit, leaseMs: 10 * MINUTE });
        assert.equal((await claim(10)).nextDueAtMs, null);

        await ledger.store([create(remediation('search-only', { cluster: 'search', lookAtMs: nowMs }))]);
        await ledger.store([create(remediation('a', { lookAtMs: nowMs - 2 * MINUTE }))]);
        assert.equal((await ledger.claim({ cluster, limit: 0, leaseMs: 1 })).nextDueAtMs, nowMs - 2 * MINUTE);

        await ledger.store([create(remediation('b', { lookAtMs: nowMs - MINUTE }))]);
        const first = await claim(1);
        assert.deepEqual(namesOf(first.claims), ['a']);
        assert.equal(first.nextDueAtMs, nowMs - MINUTE);

        // Of b's own claim nothing counts but a's lease.
        const second = await claim(1);
        assert.deepEqual(namesOf(second.claims), ['b']);
        assert.equal(second.nextDueAtMs, first.nowMs + 10 * MINUTE);

        await ledger.store([create(remediation('c', { lookAtMs: nowMs + 5 * MINUTE }))]);
        assert.equal((await claim(10)).nextDueAtMs, nowMs + 5 * MINUTE);
      }),
    );

    it(
      'counts the later of look and lease for a leased record',
      withLedger(async (ledger) => {
        const nowMs = await nowOf(ledger);
        await open(ledger, ['orders']);
        const { claims } = await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE });
        const [claim] = claims;
        assert.ok(claim);
        await ledger.store([replace(claim, { ...claim.remediation, lookAtMs: nowMs + 30 * MINUTE })]);
        assert.equal(
          (await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE })).nextDueAtMs,
          nowMs + 30 * MINUTE,
        );
      }),
    );

    it(
      'counts the restarts of its cluster that have not had their first look, claimed or not',
      withLedger(async (ledger) => {
        const nowMs = await nowOf(ledger);
        const unverified = { lookAtMs: nowMs, phase: restarting(0, nowMs) };
        await ledger.store([
          create(remediation('a', unverified)),
          create(remediation('b', { ...unverified, lookAtMs: nowMs + MINUTE })),
          create(remediation('c', { lookAtMs: nowMs, phase: restarting(1, nowMs) })),
          create(remediation('d', { lookAtMs: nowMs })),
          create(remediation('e', { ...unverified, cluster: 'search' })),
        ]);
        const { claims, ...answer } = await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE });
        assert.equal(answer.unverified, 2);
        const [a] = claims;
        assert.ok(a);
        await ledger.commit(a, { ...a.remediation, phase: restarting(1, nowMs) }, []);
        assert.equal((await ledger.claim({ cluster, limit: 0, leaseMs: MINUTE })).unverified, 1);
        assert.equal((await ledger.claim({ cluster: 'nowhere', limit: 1, leaseMs: 1 })).unverified, 0);
      }),
    );
  });

  describe('commit', () => {
    it(
      'writes the record with its events and ends the lease',
      withLedger(async (ledger) => {
        const claim = await openClaim(ledger);
        const next = { ...claim.remediation, attempts: 1 };
        const happened = event('orders', { atMs: next.lookAtMs, reason: 'attempt', attempt: 1 });
        const after = written(await ledger.commit(claim, next, [happened]));
        assert.deepEqual(after.remediation, next);
        assert.ok(after.version > claim.version);
        assert.deepEqual(await loaded(ledger, key('orders')), {
          version: after.version,
          remediation: next,
        });
        assert.deepEqual(await ledger.events(), [happened]);
        assert.equal(await ledger.refresh(claim), null);
        assert.equal(await ledger.commit(after, next, []), null);
        assert.deepEqual(namesOf((await ledger.claim({ cluster, limit: 1, leaseMs: 1 })).claims), ['orders']);
      }),
    );

    it(
      'renews the lease where it is kept, so that the answer can be committed next',
      withLedger(async (ledger, { advance }) => {
        const claim = await openClaim(ledger, 10 * MINUTE);
        await advance(9 * MINUTE);
        const next = { ...claim.remediation, attempts: 1 };
        const kept = written(await ledger.commit(claim, next, [], { leaseMs: 10 * MINUTE }));
        assert.equal(kept.token, claim.token);
        assert.ok(kept.leaseUntilMs >= claim.leaseUntilMs + 9 * MINUTE);
        await advance(9 * MINUTE);
        assert.deepEqual((await ledger.claim({ cluster, limit: 1, leaseMs: 1 })).claims, []);
        assert.equal(await ledger.commit(claim, next, []), null, 'the version moved on');
        assert.ok(await ledger.commit(kept, next, []));
      }),
    );

    it(
      'has no more unverified records of a cluster than it is told, and changes nothing beyond',
      withLedger(async (ledger) => {
        const nowMs = await nowOf(ledger);
        const due = { lookAtMs: nowMs };
        const unverified = { ...due, phase: restarting(0, nowMs) };
        await ledger.store([
          create(remediation('a', unverified)),
          create(remediation('b', due)),
          create(remediation('c', due)),
          create(remediation('d', { ...unverified, cluster: 'search' })),
        ]);
        const { claims } = await ledger.claim({ cluster, limit: 3, leaseMs: MINUTE });
        const [a, b, c] = claims;
        assert.ok(a && b && c);
        const restart = (claim: Claim, unverifiedAtMost: number) =>
          ledger.commit(
            claim,
            { ...claim.remediation, phase: restarting(0, nowMs) },
            [event(claim.remediation.connector, { atMs: nowMs })],
            { leaseMs: MINUTE, unverifiedAtMost },
          );
        written(await restart(b, 2));
        assert.equal(await restart(c, 2), 'full');
        assert.equal((await ledger.events()).length, 1);
        assert.deepEqual(await ledger.refresh(c), c, 'neither the record nor its lease');
        written(await restart(a, 2));
        const looked = { ...c.remediation, phase: restarting(1, nowMs) };
        const after = written(await ledger.commit(c, looked, [], { leaseMs: MINUTE, unverifiedAtMost: 0 }));
        assert.equal(await restart(after, 2), 'full');
        written(await restart(after, 3));
      }),
    );

    it(
      'is refused once somebody stored to the record, changes nothing then, and goes through after a refresh',
      withLedger(async (ledger) => {
        const claim = await openClaim(ledger);
        const signalled = { ...claim.remediation, signalAtMs: 1 };
        assert.deepEqual(await ledger.store([replace(claim, signalled)]), ['stored']);
        const missed = event('orders', { atMs: 1 });
        assert.equal(await ledger.commit(claim, { ...claim.remediation, attempts: 1 }, [missed]), null);
        assert.equal(await ledger.commit(claim, null, [missed]), null);
        assert.deepEqual((await loaded(ledger, key('orders'))).remediation, signalled);
        assert.deepEqual(await ledger.events(), []);
        assert.deepEqual((await ledger.claim({ cluster, limit: 1, leaseMs: 1 })).claims, [], 'still leased');

        const fresh = await ledger.refresh(claim);
        assert.ok(fresh);
        assert.equal(fresh.token, claim.token);
        assert.equal(fresh.leaseUntilMs, claim.leaseUntilMs);
        assert.deepEqual(fresh.remediation, signalled);
        assert.ok(await ledger.commit(fresh, { ...signalled, attempts: 1 }, []));
      }),
    );

    it(
      'is refused once somebody else took the record, also with its newest version (P2)',
      withLedger(async (ledger, { advance }) => {
        const late = await openClaim(ledger);
        await advance(2 * MINUTE);
        const { claims } = await ledger.claim({ cluster, limit: 1, leaseMs: 10 * MINUTE });
        const [holder] = claims;
        assert.ok(holder);
        assert.equal(await ledger.refresh(late), null);
        assert.equal(await ledger.commit(late, late.remediation, []), null);
        await ledger.release(late);
        const { version } = await loaded(ledger, key('orders'));
        assert.equal(await ledger.commit({ ...late, version }, late.remediation, []), null);
        assert.ok(await ledger.commit(holder, holder.remediation, []));
      }),
    );

    it(
      'goes through after the lease ran out, while nobody else took the record',
      withLedger(async (ledger, { advance }) => {
        const claim = await openClaim(ledger);
        await advance(2 * MINUTE);
        assert.ok(await ledger.refresh(claim));
        const kept = await ledger.commit(claim, claim.remediation, [], { leaseMs: 10 * MINUTE });
        assert.ok(kept);
        assert.deepEqual((await ledger.claim({ cluster, limit: 1, leaseMs: 1 })).claims, []);
      }),
    );

    it(
      'removes the record when there is no next one, and keeps the event that says so',
      withLedger(async (ledger) => {
        const claim = await openClaim(ledger);
        assert.ok(await ledger.commit(claim, null, [event('orders', { atMs: 1, reason: 'window_over' })]));
        assert.equal(await loadOne(ledger, key('orders')), null);
        assert.equal(await ledger.refresh(claim), null);
        assert.equal(await ledger.commit(claim, claim.remediation, []), null);
        await ledger.release(claim);
        assert.equal((await ledger.events())[0]?.reason, 'window_over');
        const { claims, nextDueAtMs } = await ledger.claim({ cluster, limit: 1, leaseMs: 1 });
        assert.deepEqual([claims, nextDueAtMs], [[], null]);
      }),
    );

    it(
      'is refused for a record that was removed and opened again meanwhile',
      withLedger(async (ledger) => {
        const claim = await openClaim(ledger);
        await ledger.commit(claim, null, []);
        await open(ledger, ['orders']);
        assert.equal(await ledger.commit(claim, claim.remediation, []), null);
      }),
    );

    it(
      'refuses to write another record than the one claimed',
      withLedger(async (ledger) => {
        const claim = await openClaim(ledger);
        await assert.rejects(ledger.commit(claim, remediation('stock', { lookAtMs: 1 }), []), TypeError);
      }),
    );
  });

  describe('release and wake', () => {
    it(
      'a release frees the record at once and changes nothing in it, also after somebody stored to it',
      withLedger(async (ledger) => {
        const claim = await openClaim(ledger);
        await ledger.store([replace(claim, { ...claim.remediation, attempts: 1 })]);
        const before = await loaded(ledger, key('orders'));
        await ledger.release(claim);
        await ledger.release(claim);
        assert.deepEqual(await loaded(ledger, key('orders')), before);
        const { claims } = await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE });
        assert.deepEqual(namesOf(claims), ['orders']);
      }),
    );

    it(
      'wake makes records due now, passes over missing ones, and never moves a look back',
      withLedger(async (ledger) => {
        const nowMs = await nowOf(ledger);
        await ledger.store([
          create(remediation('sleeper', { lookAtMs: nowMs + 60 * MINUTE })),
          create(remediation('overdue', { lookAtMs: nowMs - 60 * MINUTE })),
        ]);
        await ledger.wake([key('sleeper'), key('missing'), key('overdue')]);
        assert.equal((await loaded(ledger, key('overdue'))).remediation.lookAtMs, nowMs - 60 * MINUTE);
        const woken = (await loaded(ledger, key('sleeper'))).remediation.lookAtMs;
        assert.ok(woken >= nowMs && woken < nowMs + MINUTE);
        const { claims } = await ledger.claim({ cluster, limit: 10, leaseMs: MINUTE });
        assert.deepEqual(namesOf(claims), ['overdue', 'sleeper']);
        assert.equal(claims[1]?.remediation.lookAtMs, woken);
        assert.deepEqual(
          (await ledger.list()).map((one) => one.remediation.lookAtMs),
          [nowMs - 60 * MINUTE, woken],
        );
      }),
    );

    it(
      'wake neither breaks a lease nor changes the version',
      withLedger(async (ledger) => {
        const nowMs = await nowOf(ledger);
        const claim = await openClaim(ledger);
        const later = { ...claim.remediation, lookAtMs: nowMs + 60 * MINUTE };
        const kept = written(await ledger.commit(claim, later, [], { leaseMs: 10 * MINUTE }));
        await ledger.wake([key('orders')]);
        assert.deepEqual((await ledger.claim({ cluster, limit: 1, leaseMs: 1 })).claims, []);
        assert.equal((await loaded(ledger, key('orders'))).version, kept.version);
        assert.ok(await ledger.commit(kept, later, []));
      }),
    );
  });
}

function namesOf(claims: readonly Claim[]): string[] {
  return claims.map((claim) => claim.remediation.connector);
}

/** New records, due now. */
async function open(ledger: Ledger, names: readonly string[]): Promise<void> {
  const lookAtMs = await nowOf(ledger);
  const results = await ledger.store(names.map((name) => create(remediation(name, { lookAtMs }))));
  assert.ok(results.every((result) => result === 'stored'));
}

/** A new record `orders`, leased. */
async function openClaim(ledger: Ledger, leaseMs = MINUTE): Promise<Claim> {
  await open(ledger, ['orders']);
  const { claims } = await ledger.claim({ cluster, limit: 1, leaseMs });
  assert.ok(claims[0]);
  return claims[0];
}
