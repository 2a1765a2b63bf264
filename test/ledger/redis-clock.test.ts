import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { create, key, loaded, remediation, replace, written } from './records.ts';
import { claimOne, closeLedgers, ownLedger, ownOn } from './redis-harness.ts';
import { ManualClock } from './sqlite-harness.ts';

const MINUTE = 60_000;
const cluster = 'payments';

// A failover can lead to a host whose clock is minutes off. What waits comes earlier or later by as much, and no more.
describe("a jump of Redis's clock", () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(async () => {
    await closeLedgers();
    await server.stop();
  });
  const own = ownOn(() => server.url);

  it('forwards ends a lease early, and what its holder then commits is refused (P2)', async () => {
    const clock = new ManualClock();
    await own(
      async (ledger, keyPrefix) => {
        const heir = await ownLedger(server.url, { keyPrefix, testClock: clock.now });
        await ledger.store([create(remediation('orders', { lookAtMs: clock.nowMs }))]);
        const claim = await claimOne(ledger, MINUTE);
        clock.advance(5 * MINUTE);
        const taken = await claimOne(heir, MINUTE);
        assert.equal(await ledger.commit(claim, { ...claim.remediation, attempts: 1 }, []), null);
        assert.equal(await ledger.refresh(claim), null);
        await ledger.release(claim);
        assert.ok(await heir.commit(taken, { ...taken.remediation, attempts: 1 }, []));
      },
      { testClock: clock.now },
    );
  });

  it('backwards lengthens leases and waits by as much, and a signal still brings the next look forward', async () => {
    const clock = new ManualClock();
    await own(
      async (ledger, keyPrefix) => {
        const other = await ownLedger(server.url, { keyPrefix, testClock: clock.now });
        await ledger.store([
          create(remediation('held', { lookAtMs: clock.nowMs - 1 })),
          create(remediation('waits', { lookAtMs: clock.nowMs })),
        ]);
        const claim = await claimOne(ledger, MINUTE);
        assert.equal(claim.remediation.connector, 'held');
        clock.advance(-5 * MINUTE);
        const answer = await other.claim({ cluster, limit: 10, leaseMs: MINUTE });
        assert.deepEqual(answer.claims, []);
        assert.equal(answer.nextDueAtMs, answer.nowMs + 5 * MINUTE);
        await other.wake([key('held'), key('waits')]);
        assert.equal((await claimOne(other, MINUTE)).remediation.connector, 'waits');
        // The holder is not disturbed, and its lease is from now on counted by the new clock.
        const kept = written(
          await ledger.commit(claim, claim.remediation, [], { leaseMs: MINUTE, unverifiedAtMost: 1 }),
        );
        assert.equal(kept.leaseUntilMs, clock.nowMs + MINUTE);
        clock.advance(MINUTE);
        assert.equal((await other.claim({ cluster, limit: 10, leaseMs: MINUTE })).claims.length, 1);
      },
      { testClock: clock.now },
    );
  });

  it('gives no version out a second time', async () => {
    const clock = new ManualClock();
    await own(
      async (ledger) => {
        await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]);
        const seen: number[] = [];
        for (const jumpMs of [0, 5 * MINUTE, -10 * MINUTE, 0, -MINUTE, 20 * MINUTE, -1]) {
          clock.advance(jumpMs);
          const stored = await loaded(ledger, key('orders'));
          seen.push(stored.version);
          assert.deepEqual(await ledger.store([replace(stored, stored.remediation)]), ['stored']);
          assert.deepEqual(await ledger.store([replace(stored, stored.remediation)]), ['conflict']);
        }
        assert.deepEqual(
          seen,
          seen.toSorted((one, other) => one - other),
        );
        assert.equal(new Set(seen).size, seen.length);
      },
      { testClock: clock.now },
    );
  });
});
