import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { explainRedisError } from '../../src/ledger/redis-errors.ts';
import { startCluster } from '../redis/cluster.ts';
import { hasLink } from '../redis/sentinel.ts';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { waitFor } from '../stack/process.ts';
import { everything } from './everything.ts';
import { create, key, loadOne, nowOf, remediation } from './records.ts';
import {
  claimOne,
  closeLedgers,
  failure,
  onServer,
  ownLedger,
  prefixOn,
  recovered,
} from './redis-harness.ts';

const WITHIN_MS = 20_000;
const EVERY_MS = 20;

after(closeLedgers);

// Each of these answers is one that an operator has to understand at night, and one that goes away by itself or with what
// the message says.
describe('a Redis that answers, and refuses', () => {
  it('while it reads its data is said to start, is no failure to open, and is used once it has read it', () =>
    onServer(
      async (server) => {
        // A hundredth of a second for each key, and an ear for clients in between.
        const fill = "for i = 1, 300 do redis.call('set', 'k' .. i, string.rep('x', 2000)) end";
        await server.cli('eval', fill, '0');
        const old = await ownLedger(server.url, { keyPrefix: 'p' });
        await old.store([create(remediation('orders', { lookAtMs: 0 }))]);
        await server.cli('save');
        await server.kill9();
        const started = server.start();
        const loading = async (): Promise<boolean> => /^LOADING/.test(await answerTo(server, 'get', 'k1'));
        await waitFor('Redis to read its data', loading, WITHIN_MS, EVERY_MS);
        const opened = await ownLedger(server.url, { keyPrefix: 'p' });
        for (const ledger of [old, opened]) {
          const starting = async (): Promise<boolean> => /Redis is starting/.test(await failure(ledger));
          await waitFor('the refusal', starting, WITHIN_MS, EVERY_MS);
        }
        await started;
        for (const ledger of [old, opened]) {
          await recovered(ledger);
          assert.ok(await loadOne(ledger, key('orders')));
        }
      },
      {
        config: ['key-load-delay 10000', 'loading-process-events-interval-bytes 1024', 'rdbcompression no'],
      },
    ));

  it('as a replica is said to be one, each time; then to have lost its primary; and is used once promoted', () =>
    onServer(async (primary) => {
      const writer = await ownLedger(primary.url, { keyPrefix: 'p' });
      await writer.store([create(remediation('orders', { lookAtMs: 0 }))]);
      const replica = await startRedis({ replicaOf: primary });
      try {
        await waitFor('the replica', () => hasLink(replica), WITHIN_MS, EVERY_MS);
        const ledger = await ownLedger(replica.url, { keyPrefix: 'p' });
        const other = await ownLedger(replica.url, { keyPrefix: 'q' });
        for (let round = 0; round < 5; round += 1) {
          assert.match(await failure(ledger), /Redis is a replica now/);
          assert.match(await failure(other), /Redis is a replica now/);
          await assert.rejects(ledger.claim({ cluster: 'search', limit: 1, leaseMs: 1 }), LedgerUnavailable);
        }
        await replica.cli('config', 'set', 'replica-serve-stale-data', 'no');
        await primary.kill9();
        const lost = async (): Promise<boolean> => /lost its primary/.test(await failure(ledger));
        await waitFor('the refusal', lost, WITHIN_MS, EVERY_MS);
        await assert.rejects(ledger.overview(), { name: 'LedgerUnavailable', message: /lost its primary/ });
        await replica.cli('replicaof', 'no', 'one');
        await recovered(ledger);
        await recovered(other);
        assert.ok(await loadOne(ledger, key('orders')));
      } finally {
        await replica.stop();
      }
    }));

  it('out of memory changes nothing, lets itself be read, and goes on when there is room', () =>
    onServer(async (server) => {
      const ledger = await ownLedger(server.url, { keyPrefix: 'p' });
      const lookAtMs = await nowOf(ledger);
      await ledger.store([create(remediation('orders', { lookAtMs }))]);
      const claim = await claimOne(ledger, 60_000);
      const before = await dump(server);
      await server.cli('config', 'set', 'maxmemory-policy', 'noeviction', 'maxmemory', '1');
      for (const write of [
        () => ledger.ping(),
        () => ledger.store([create(remediation('payments', { lookAtMs }))]),
        () => ledger.commit(claim, { ...claim.remediation, attempts: 1 }, []),
        // With nothing due as well: the loop would believe that all is well.
        () => ledger.claim({ cluster: 'search', limit: 1, leaseMs: 1 }),
        () => ledger.addHints([{ cluster: 'payments', labels: {}, fingerprint: 'f', atMs: 1 }]),
      ]) {
        await assert.rejects(write(), { name: 'LedgerUnavailable', message: /Redis is out of memory/ });
      }
      assert.deepEqual(await dump(server), before);
      assert.ok(await loadOne(ledger, key('orders')));
      await server.cli('config', 'set', 'maxmemory', '0');
      assert.ok(await ledger.commit(claim, { ...claim.remediation, attempts: 1 }, []));
    }));

  it('that cannot write its snapshot, or has too few replicas, says which', () =>
    onServer(
      async (server) => {
        const ledger = await ownLedger(server.url);
        await ledger.ping();
        rmSync(join(server.directory, `${server.name}.data`), { recursive: true });
        await server.cli('bgsave');
        const failed = async () => (await server.info('rdb_last_bgsave_status')) === 'err';
        await waitFor('the snapshot to fail', failed, WITHIN_MS, EVERY_MS);
        assert.match(await failure(ledger), /cannot write its snapshot to disk/);
        await server.cli('config', 'set', 'stop-writes-on-bgsave-error', 'no');
        assert.equal(await failure(ledger), '');
        await server.cli('config', 'set', 'min-replicas-to-write', '1');
        assert.match(await failure(ledger), /too few replicas to take writes \(min-replicas-to-write\)/);
        await server.cli('config', 'set', 'min-replicas-to-write', '0');
        assert.equal(await failure(ledger), '');
      },
      { config: ['save 3600 1'] },
    ));

  it('because it has forgotten the scripts, again and again, is given them, whatever is being done', () =>
    onServer(async (server) => {
      const ledgers = await Promise.all([
        ownLedger(server.url),
        ownLedger(server.url),
        ownLedger(server.url),
      ]);
      let done = false;
      const flushing = (async (): Promise<void> => {
        while (!done) await server.cli('-r', '200', 'script', 'flush');
      })();
      for (let round = 0; round < 5; round += 1) {
        await Promise.all(ledgers.map((ledger) => everything(ledger)));
        await server.cli('flushall');
      }
      done = true;
      await flushing;
    }));

  it('whose data is gone is begun anew, and that is said', () =>
    onServer(async (server) => {
      const warnings: string[] = [];
      const ledger = await ownLedger(server.url, { onWarning: (text) => warnings.push(text) });
      await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]);
      warnings.length = 0;
      await server.cli('flushall');
      await Promise.all([ledger.ping(), ledger.ping(), ledger.overview()]);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', /its data is gone/);
      assert.equal(await loadOne(ledger, key('orders')), null);
    }));
});

describe('a Redis Cluster', () => {
  it('that has lost a node without a replica says so, on that node and on the others, until it is back', async () => {
    const cluster = await startCluster({ appendonly: 'always' });
    try {
      const [dead, alive] = cluster.primaries;
      assert.ok(dead && alive);
      const keyPrefix = await prefixOn(dead);
      const ofDead = await ownLedger(cluster.url, { keyPrefix });
      const ofAlive = await ownLedger(cluster.url, { keyPrefix: await prefixOn(alive) });
      await ofDead.store([create(remediation('orders', { lookAtMs: 0 }))]);
      await recovered(ofAlive);
      await dead.kill9();
      await assert.rejects(ofDead.ping(), { name: 'LedgerUnavailable', message: /the connection was lost/ });
      for (const ledger of [ofDead, ofAlive, await ownLedger(cluster.url, { keyPrefix })]) {
        const down = async (): Promise<boolean> => /the Redis Cluster is down/.test(await failure(ledger));
        await waitFor('the refusal', down, WITHIN_MS, EVERY_MS);
      }
      await dead.start();
      await recovered(ofDead);
      await recovered(ofAlive);
      assert.ok(await loadOne(ofDead, key('orders')));
    } finally {
      await cluster.stop();
    }
  });

  it('and a single server are told from each other, with what to write instead', async () => {
    const cluster = await startCluster();
    try {
      const [first, second] = cluster.primaries;
      assert.ok(first && second);
      const single = await ownLedger(first.url, { keyPrefix: await prefixOn(second) });
      assert.match(await failure(single), /node of a Cluster: ledger\.url must begin with redis\+cluster/);
    } finally {
      await cluster.stop();
    }
    await onServer(async (server) => {
      const clustered = await ownLedger(`redis+cluster://${server.host}`);
      assert.match(await failure(clustered), /Redis is no Cluster/);
      const watched = await ownLedger(`redis+sentinel://${server.host}/medic`);
      assert.match(await failure(watched), /no Sentinels/);
    });
  });
});

describe('a user who may not do everything', () => {
  it('is told which command is missing, before anything is written half', () =>
    onServer(async (server) => {
      for (const command of ['zadd', 'xadd', 'hget', 'ltrim', 'srem']) {
        await server.cli('acl', 'setuser', 'medic', 'reset', 'on', '>hunter2', '~*', '+@all', `-${command}`);
        const ledger = await ownLedger(`redis://medic:hunter2@${server.host}`);
        await assert.rejects(
          ledger.store([create(remediation('orders', { lookAtMs: 0 }))]),
          (error: unknown) => {
            assert.ok(error instanceof LedgerUnavailable);
            assert.match(error.message, new RegExp(`does not permit .*NOPERM ${command} on `));
            assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /hunter2/);
            return true;
          },
        );
        assert.equal(await server.cli('dbsize'), '0');
        await server.cli('acl', 'setuser', 'medic', `+${command}`);
        assert.equal(await failure(ledger), '');
        await ledger.close();
        await server.cli('flushall');
      }
    }));

  it('is asked about every command that a script uses', () => {
    const folder = join(import.meta.dirname, '../../src/ledger/lua');
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    const used = readdirSync(folder).flatMap((name) =>
      [...read(name).matchAll(/redis\.call\('(\w+)'/g)].map((match) => match[1]),
    );
    // Named where a choice is made.
    const known = [...read('open.lua').matchAll(/\{ '([A-Z]+)'/g)].map((match) => match[1]);
    assert.deepEqual([...new Set([...used, 'SADD', 'SREM'])].sort(), [...known].sort());
  });
});

describe('what a command answers inside a script', () => {
  it('is understood as Redis 6.2 words it as well', () => {
    for (const [inside, meaning] of [
      ["READONLY You can't write against a read only replica.", /is a replica now/],
      ["OOM command not allowed when used memory > 'maxmemory'.", /out of memory/],
    ] as const) {
      const call =
        'ERR Error running script (call to f_0123456789abcdef): @user_script:12: @user_script: 12:';
      assert.match(explainRedisError(new Error(`${call} -${inside}`)), meaning);
      assert.match(explainRedisError(new Error(inside)), meaning);
    }
  });
});

/** What redis-cli prints, also where it is an error. */
async function answerTo(server: RedisServer, ...args: readonly string[]): Promise<string> {
  try {
    return await server.cli(...args);
  } catch (error) {
    return error instanceof Error && 'stderr' in error ? `${error.stderr}` : '';
  }
}

/** All keys with what is in them. */
async function dump(server: RedisServer): Promise<string[]> {
  const names = (await server.cli('keys', '*')).split('\n').sort();
  return Promise.all(names.map((name) => server.cli('dump', name)));
}
