import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { create, event, key, loadOne, nowOf, remediation, replace } from './records.ts';
import { claimOne, closeLedgers, limits, ownLedger, ownOn } from './redis-harness.ts';

const MINUTE = 60_000;
const cluster = 'payments';

// A file is locked; in Redis, others can put, change and remove what they like.
describe('the ledger in Redis, where others write as well', () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(async () => {
    await closeLedgers();
    await server.stop();
  });

  const own = ownOn(() => server.url);

  describe('keys of somebody else', () => {
    const foreign: readonly (readonly [string, readonly string[], RegExp])[] = [
      ['a text in place of the records', ['set', 'record', 'x'], /\{own\}:record is a string, not a hash/],
      ['a list in place of the trail', ['rpush', 'event', 'x'], /\{own\}:event is a list, not a stream/],
      [
        'another application’s mark',
        ['hset', 'meta', 'app', 'other'],
        /\{own\}:meta is not of a connect-medic/,
      ],
      ['records without a mark', ['hset', 'body', 'x', 'y'], /\{own\}:body exists, but not \{own\}:meta/],
    ];
    for (const [what, [command = '', name = '', ...values], message] of foreign) {
      it(`refuses ${what}, names the key and changes nothing`, async () => {
        const keyPrefix = `test-${randomUUID()}`;
        const name_ = `{${keyPrefix}}:${name}`;
        await server.cli(command, name_, ...values);
        const dump = await server.cli('dump', name_);
        await assert.rejects(ownLedger(server.url, { keyPrefix }), (error: Error & { failure?: string }) => {
          assert.equal(error.name, 'LedgerOpenError');
          assert.equal(error.failure, 'foreign');
          assert.match(error.message.replaceAll(keyPrefix, 'own'), message);
          return true;
        });
        assert.equal(await server.cli('dump', name_), dump);
        assert.equal((await server.cli('keys', `{${keyPrefix}}:*`)).split('\n').length, 1);
      });
    }

    it('refuses a ledger of a later version', () =>
      own(async (ledger, keyPrefix) => {
        await server.cli('hset', `{${keyPrefix}}:meta`, 'schema', '2');
        await assert.rejects(ownLedger(server.url, { keyPrefix }), {
          name: 'LedgerOpenError',
          failure: 'newer',
        });
        await assert.rejects(ledger.ping(), { name: 'LedgerUnavailable', message: /schema 2/ });
        await server.cli('hset', `{${keyPrefix}}:meta`, 'schema', '1');
        await ledger.ping();
      }));

    it('writes nothing of a call that meets one, and goes on once it is gone', () =>
      own(async (ledger, keyPrefix) => {
        const due = `{${keyPrefix}}:due:search`;
        await server.cli('set', due, 'x');
        const writes = [
          create(remediation('a', { lookAtMs: 0 }), [event('a', { atMs: 1 })]),
          create(remediation('b', { lookAtMs: 0, cluster: 'search' })),
        ];
        await assert.rejects(ledger.store(writes), {
          name: 'LedgerUnavailable',
          message: /due:search is a string/,
        });
        assert.deepEqual([await ledger.list(), await ledger.events()], [[], []]);
        await server.cli('del', due);
        assert.deepEqual(await ledger.store(writes), ['stored', 'stored']);
      }));
  });

  describe('damage and loss', () => {
    it('sets a body aside that cannot be read, and gives the others', () => {
      const damaged: string[] = [];
      return own(
        async (ledger, keyPrefix) => {
          const lookAtMs = await nowOf(ledger);
          await ledger.store(['a', 'b', 'c'].map((name) => create(remediation(name, { lookAtMs }))));
          await server.cli('hset', `{${keyPrefix}}:body`, '["payments","a"]', '{');
          await server.cli('hdel', `{${keyPrefix}}:body`, '["payments","b"]');
          const { claims } = await ledger.claim({ cluster, limit: 10, leaseMs: MINUTE });
          assert.deepEqual(
            claims.map((claim) => claim.remediation.connector),
            ['c'],
          );
          assert.deepEqual(damaged, ['a', 'b']);
          assert.equal(await loadOne(ledger, key('a')), null);
          assert.deepEqual(
            (await ledger.overview()).map((row) => row.connector),
            ['c'],
          );
          const kept = await server.cli('lrange', `{${keyPrefix}}:setAside`, '0', '-1');
          assert.match(kept, /payments.*\{/s);
          assert.deepEqual(await ledger.store([create(remediation('a', { lookAtMs }))]), ['stored']);
        },
        { onDamage: ({ connector }) => damaged.push(connector) },
      );
    });

    it('passes over what was put or removed by hand', () =>
      own(async (ledger, keyPrefix) => {
        const lookAtMs = await nowOf(ledger);
        await ledger.store(['a', 'b'].map((name) => create(remediation(name, { lookAtMs }))));
        await server.cli('hdel', `{${keyPrefix}}:record`, '["payments","a"]');
        await server.cli('hset', `{${keyPrefix}}:record`, 'x', 'y');
        await server.cli('xadd', `{${keyPrefix}}:event`, '*', 'at', '1', 'id', 'x', 'rest', 'y');
        const { claims, nextDueAtMs } = await ledger.claim({ cluster, limit: 10, leaseMs: MINUTE });
        assert.deepEqual(
          claims.map((claim) => claim.remediation.connector),
          ['b'],
        );
        assert.equal(nextDueAtMs, null);
        assert.equal((await ledger.list()).length, 1);
        assert.deepEqual(await ledger.events(), []);
      }));

    it('begins anew when its data is gone, and then takes no write that was meant for the old records', () =>
      own(async (ledger, keyPrefix) => {
        const lookAtMs = await nowOf(ledger);
        await ledger.store([create(remediation('orders', { lookAtMs }))]);
        const old = await claimOne(ledger, MINUTE);
        for (const name of (await server.cli('keys', `{${keyPrefix}}:*`)).split('\n'))
          await server.cli('del', name);
        assert.deepEqual(await ledger.store([create(remediation('orders', { lookAtMs }))]), ['stored']);
        assert.equal(await ledger.commit(old, old.remediation, []), null);
        assert.deepEqual(await ledger.store([replace(old, old.remediation)]), ['conflict']);
      }));

    it('reads a long trail page by page', () =>
      own(
        async (ledger) => {
          const events = Array.from({ length: 5_000 }, (_, number) =>
            event(number % 1000 === 0 ? 'rare' : 'common', { atMs: number, detail: String(number) }),
          );
          await ledger.store([create(remediation('orders', { lookAtMs: 0 }), events)]);
          assert.deepEqual(
            (await ledger.events({ connector: 'rare' })).map((one) => one.detail),
            ['0', '1000', '2000', '3000', '4000'],
          );
          assert.deepEqual(
            (await ledger.events({ connector: 'rare', limit: 2 })).map((one) => one.detail),
            ['3000', '4000'],
          );
          assert.deepEqual(await ledger.events({ limit: 4_500 }), events.slice(500));
        },
        { limits: { ...limits, events: 10_000 } },
      ));
  });
});
