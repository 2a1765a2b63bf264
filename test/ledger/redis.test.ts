import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { type Ledger, LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { create, event, key, loaded, loadOne, nowOf, remediation, replace } from './records.ts';
import { claimOne, closeLedgers, ownLedger, ownOn } from './redis-harness.ts';
import { ManualClock } from './sqlite-harness.ts';

const MINUTE = 60_000;
const cluster = 'payments';

// What only Redis can do: be shared by several processes, be changed from outside, and lose its scripts or its data.
describe('the ledger in Redis', () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(async () => {
    await closeLedgers();
    await server.stop();
  });

  const own = ownOn(() => server.url);

  describe('time', () => {
    it("is that of Redis, whatever this machine's says", () =>
      own(async (ledger) => {
        const [seconds] = (await server.cli('time')).split('\n');
        const nowMs = await nowOf(ledger);
        assert.ok(Math.abs(nowMs - Number(seconds) * 1000) < 10_000);
        const { claims } = await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE });
        assert.deepEqual(claims, []);
        await ledger.store([create(remediation('orders', { lookAtMs: nowMs }))]);
        const answer = await ledger.claim({ cluster, limit: 1, leaseMs: MINUTE });
        assert.ok(answer.nowMs >= nowMs);
        assert.equal(answer.claims[0]?.leaseUntilMs, answer.nowMs + MINUTE);
      }));
  });

  describe('scripts', () => {
    it('are given to Redis again when it has forgotten them', () =>
      own(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        await server.cli('script', 'flush');
        assert.deepEqual(await ledger.store([create(remediation('orders', { lookAtMs }))]), ['stored']);
        await server.cli('script', 'flush');
        assert.equal((await ledger.claim({ cluster, limit: 1, leaseMs: 1 })).claims.length, 1);
      }));

    it('are one command for each operation, whatever the number of records', () =>
      own(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const names = Array.from({ length: 100 }, (_, number) => `c${number}`);
        const operations: [string, () => Promise<unknown>][] = [
          [
            'store',
            () =>
              ledger.store(
                names.map((name) => create(remediation(name, { lookAtMs }), [event(name, { atMs: 1 })])),
              ),
          ],
          ['load', () => ledger.load(names.map((name) => key(name)))],
          ['overview', () => ledger.overview()],
          ['wake', () => ledger.wake(names.map((name) => key(name)))],
          ['claim', () => ledger.claim({ cluster, limit: 100, leaseMs: 1 })],
          ['hints', () => ledger.hints(cluster)],
          ['events', () => ledger.events()],
          ['ping', () => ledger.ping()],
        ];
        // The first time a script is sent whole.
        for (const [, operation] of operations) await operation();
        for (const [name, operation] of operations) {
          const before = await commands(server);
          await operation();
          // INFO itself, which asks, is one.
          assert.equal((await commands(server)) - before, 1, name);
        }
        const before = await commands(server);
        assert.equal((await ledger.list()).length, 100);
        assert.equal((await commands(server)) - before, 2, 'list: the rows, then the bodies');
      }));
  });

  describe('several processes', () => {
    it('never hold one lease both (P2)', async () => {
      const clock = new ManualClock();
      await own(
        async (one, keyPrefix) => {
          const other = await ownLedger(server.url, { keyPrefix, testClock: clock.now });
          const names = ['a', 'b', 'c', 'd', 'e'];
          await one.store(names.map((name) => create(remediation(name, { lookAtMs: clock.nowMs }))));
          try {
            await fc.assert(
              fc.asyncProperty(
                fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 3 })), {
                  minLength: 2,
                  maxLength: 12,
                }),
                async (askers) => {
                  clock.advance(2 * MINUTE);
                  const answers = await Promise.all(
                    askers.map(([first, limit]) =>
                      (first ? one : other).claim({ cluster, limit, leaseMs: MINUTE }),
                    ),
                  );
                  const given = answers.flatMap(({ claims }) =>
                    claims.map((claim) => claim.remediation.connector),
                  );
                  assert.equal(new Set(given).size, given.length);
                  const asked = askers.reduce((sum, [, limit]) => sum + limit, 0);
                  assert.equal(given.length, Math.min(asked, names.length));
                },
              ),
              { numRuns: 100 },
            );
          } finally {
            await other.close();
          }
        },
        { testClock: clock.now },
      );
    });

    it('take over what a dead one held once its lease is over, and its late commit is refused (P2)', async () => {
      const clock = new ManualClock();
      await own(
        async (dead, keyPrefix) => {
          await dead.store([create(remediation('orders', { lookAtMs: clock.nowMs }))]);
          const late = await claimOne(dead, 10 * MINUTE);
          const heir = await ownLedger(server.url, { keyPrefix, testClock: clock.now });
          try {
            clock.advance(10 * MINUTE - 1);
            assert.deepEqual((await heir.claim({ cluster, limit: 1, leaseMs: MINUTE })).claims, []);
            clock.advance(1);
            const taken = await claimOne(heir, MINUTE);
            assert.equal(taken.version, late.version, 'only the lease tells them apart');
            assert.equal(await dead.commit(late, { ...late.remediation, attempts: 1 }, []), null);
            assert.equal(await dead.refresh(late), null);
            assert.ok(await heir.commit(taken, { ...taken.remediation, attempts: 1 }, []));
          } finally {
            await heir.close();
          }
        },
        { testClock: clock.now },
      );
    });

    it('do not wait for a lease whose claim was never answered', () =>
      own(
        async (ledger) => {
          await ledger.store([create(remediation('orders', { lookAtMs: await nowOf(ledger) }))]);
          // Longer than a command may take: Redis carries the claim out when nobody waits for its answer any more.
          await server.cli('client', 'pause', '2500', 'all');
          await assert.rejects(ledger.claim({ cluster, limit: 1, leaseMs: 10 * MINUTE }), {
            name: 'LedgerUnavailable',
            message: /no answer within/,
          });
          const { claims } = await ledger.claim({ cluster, limit: 1, leaseMs: 10 * MINUTE });
          assert.equal(claims.length, 1);
        },
        { testClock: new ManualClock().now },
      ));

    it('write the same record one after the other, and lose nothing', () =>
      own(async (one, keyPrefix) => {
        const other = await ownLedger(server.url, { keyPrefix });
        await one.store([create(remediation('orders', { lookAtMs: 0 }))]);
        const increment = async (ledger: Ledger): Promise<void> => {
          for (;;) {
            const stored = await loaded(ledger, key('orders'));
            const next = { ...stored.remediation, attempts: stored.remediation.attempts + 1 };
            if ((await ledger.store([replace(stored, next)]))[0] === 'stored') return;
          }
        };
        await Promise.all([one, other, one, other, one, other].map(increment));
        assert.equal((await loaded(other, key('orders'))).remediation.attempts, 6);
        await other.close();
      }));
  });

  describe('warnings', () => {
    it('name what would lose the ledger, once', async () => {
      const warnings: string[] = [];
      await server.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru');
      try {
        await own(async (ledger) => ledger.ping(), { onWarning: (text) => warnings.push(text) });
      } finally {
        await server.cli('config', 'set', 'maxmemory-policy', 'noeviction');
      }
      assert.equal(warnings.length, 2);
      assert.match(warnings[0] ?? '', /allkeys-lru.*noeviction/);
      assert.match(warnings[1] ?? '', /appendonly/);
    });

    it('are not needed to work: a user who may ask nothing of the server is enough', async () => {
      await server.cli(
        'acl',
        'setuser',
        'medic',
        'on',
        '>secret',
        'resetkeys',
        '~{*',
        '-@all',
        '+@hash',
        '+@sortedset',
        '+@set',
        '+@stream',
        '+@list',
        '+eval',
        '+evalsha',
        '+@connection',
        '+time',
        '+type',
        '+exists',
        '+wait',
      );
      const warnings: string[] = [];
      const ledger = await ownLedger(`redis://medic:secret@${server.host}`, {
        onWarning: (text) => warnings.push(text),
      });
      await ledger.ping();
      await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]);
      assert.deepEqual(warnings, []);
      await ledger.close();
    });
  });

  it('refuses a write that too few replicas have acknowledged, which has happened all the same', () =>
    own(async (ledger, keyPrefix) => {
      await ledger.ping();
      const strict = await ownLedger(server.url, { keyPrefix, replicas: 1 });
      await assert.rejects(strict.store([create(remediation('orders', { lookAtMs: 0 }))]), {
        name: 'LedgerUnavailable',
        message: /0 of 1 replicas acknowledged/,
      });
      assert.ok(await loadOne(strict, key('orders')), 'reading needs no replica');
      await strict.close();
    }));

  it('shows no password, record or argument in an error', async () => {
    const ledger = await ownLedger(`redis://nobody:hunter2@${server.host}`);
    await assert.rejects(ledger.ping(), (error: unknown) => {
      assert.ok(error instanceof LedgerUnavailable);
      assert.match(error.message, /refuses the user or the password/);
      assert.equal(error.cause, undefined);
      assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes('hunter2'));
      return true;
    });
    await ledger.close();
  });

  it('says when there is no such database, and writes to no other', async () => {
    const keyPrefix = `test-${randomUUID()}`;
    const ledger = await ownLedger(`redis://${server.host}/99`, { keyPrefix });
    await assert.rejects(ledger.ping(), { name: 'LedgerUnavailable', message: /does not have the database/ });
    assert.equal(await server.cli('keys', `{${keyPrefix}}*`), '');
    await ledger.close();
  });

  it('keeps databases apart', async () => {
    const keyPrefix = `test-${randomUUID()}`;
    const ledger = await ownLedger(`redis://${server.host}/3`, { keyPrefix });
    await ledger.ping();
    assert.equal(await server.cli('keys', `{${keyPrefix}}*`), '');
    assert.notEqual(await server.cli('-n', '3', 'keys', `{${keyPrefix}}*`), '');
    await ledger.close();
  });
});

/** Script calls that the server has served. */
async function commands(server: RedisServer): Promise<number> {
  const text = await server.cli('info', 'commandstats');
  const calls = [...text.matchAll(/^cmdstat_(?:evalsha|eval):calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}
