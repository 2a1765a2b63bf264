import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startCluster } from '../redis/cluster.ts';
import { hasLink, startSentinel } from '../redis/sentinel.ts';
import { type RedisServer, startRedis, temporaryDirectory } from '../redis/server.ts';
import { makeTls, type TlsFiles } from '../redis/tls.ts';
import { waitFor } from '../stack/process.ts';
import { everything } from './everything.ts';
import { create, key, loadOne, remediation } from './records.ts';
import { closeLedgers, failure, onServer, ownLedger, prefixOn, recovered } from './redis-harness.ts';

const WITHIN_MS = 20_000;
const EVERY_MS = 20;

after(closeLedgers);

describe('with TLS of an authority of its own, and client certificates', () => {
  let directory: { readonly path: string; readonly remove: () => void };
  let tls: TlsFiles;
  before(async () => {
    directory = await temporaryDirectory();
    tls = await makeTls(directory.path);
  });
  after(() => directory.remove());

  it('Sentinels that have a password of their own lead to the primary, and to the next one', async () => {
    const group = await startSentinel({
      tls,
      password: 'server secret',
      sentinelPassword: 'sentinel/secret',
    });
    try {
      const ledger = await ownLedger(group.url, { keyPrefix: 'p' });
      await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]);
      for (const [instead, message] of [
        [group.url.replace(/&?sentinelPassword=[^&]*/, ''), /Sentinels ask for a password/],
        [group.url.replace(/sentinelPassword=[^&]*/, 'sentinelPassword=hunter3'), /Sentinels refuse/],
        [group.url.replace(/\/medic\?/, '/nobody?'), /Sentinels know no primary of the name/],
        [group.url.replace(/:[^@/]*@/, ':hunter2@'), /refuses the user or the password of ledger\.url/],
        [group.url.replace(/caFile=[^&]*&?/, ''), /certificate of Redis is not trusted/],
        [group.url.replace(/certFile=[^&]*&keyFile=[^&]*&?/, ''), /asks for a client certificate/],
      ] as const) {
        const said = await failure(await ownLedger(instead));
        assert.match(said, message);
        assert.doesNotMatch(said, /secret|hunter/);
      }
      const primary = await group.primary();
      const replica = group.servers.find((server) => server !== primary);
      const hasAll = async () => Number(await replica?.cli('dbsize')) === Number(await primary.cli('dbsize'));
      await waitFor('the replica', hasAll, WITHIN_MS, EVERY_MS);
      await primary.kill9();
      await recovered(ledger);
      assert.ok(await loadOne(ledger, key('orders')));
    } finally {
      await group.stop();
    }
  });

  it('a Cluster is reached on each of its nodes', async () => {
    const redis = await startCluster({ tls, password: 'server secret' });
    try {
      for (const node of redis.primaries) {
        const ledger = await ownLedger(redis.url, { keyPrefix: await prefixOn(node) });
        await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]);
        assert.ok(await loadOne(ledger, key('orders')));
      }
      for (const [instead, message] of [
        [redis.url.replace(/:[^@/]*@/, ':hunter2@'), /refuses the user or the password of ledger\.url/],
        [redis.url.replace(/caFile=[^&]*&?/, ''), /certificate of Redis is not trusted/],
        [redis.url.replace(/certFile=[^&]*&keyFile=[^&]*&?/, ''), /asks for a client certificate/],
      ] as const) {
        const said = await failure(await ownLedger(instead));
        assert.match(said, message);
        assert.doesNotMatch(said, /secret|hunter/);
      }
    } finally {
      await redis.stop();
    }
  });
});

describe('a user with the permissions that are documented', () => {
  it('may do all that the service does, on one server with a replica, and no more is asked', () =>
    onServer(async (server) => {
      const replica = await startRedis({ replicaOf: server });
      try {
        await waitFor('the replica', () => hasLink(replica), WITHIN_MS, EVERY_MS);
        const keyPrefix = `test-${randomUUID()}`;
        await permit(server, keyPrefix, rules.ledger);
        const warnings: string[] = [];
        const onWarning = (text: string): void => void warnings.push(text);
        const ledger = await ownLedger(`redis://medic:secret@${server.host}`, {
          keyPrefix,
          replicas: 1,
          onWarning,
        });
        await everything(ledger, () => server.cli('hset', `{${keyPrefix}}:body`, '["payments","zulu"]', 'x'));
        assert.deepEqual(warnings, []);
        await server.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru');
        await permit(server, keyPrefix, [...rules.ledger, ...rules.warnings]);
        await ownLedger(`redis://medic:secret@${server.host}`, {
          keyPrefix,
          onWarning,
        });
        assert.equal(warnings.length, 2, warnings.join('\n'));
      } finally {
        await replica.stop();
      }
    }));

  it('may do all of it in a Cluster', async () => {
    const redis = await startCluster({ replica: true });
    try {
      const [first] = redis.primaries;
      assert.ok(first);
      const keyPrefix = await prefixOn(first);
      for (const node of redis.primaries) {
        await permit(node, keyPrefix, [...rules.ledger, ...rules.cluster]);
      }
      const url = redis.url.replace('://', '://medic:secret@');
      const ledger = await ownLedger(url, { keyPrefix, replicas: 1 });
      await everything(ledger, () => first.cli('hset', `{${keyPrefix}}:body`, '["payments","zulu"]', 'x'));
    } finally {
      await redis.stop();
    }
  });

  it('may do all of it behind Sentinels, which ask for a user as well', async () => {
    const group = await startSentinel();
    try {
      const keyPrefix = `test-${randomUUID()}`;
      const primary = await group.primary();
      await permit(primary, keyPrefix, rules.ledger);
      for (const sentinel of group.sentinels) await permit(sentinel, null, rules.sentinel);
      const url = group.url.replace('://', '://medic:secret@');
      const ledger = await ownLedger(`${url}?sentinelUser=medic&sentinelPassword=secret`, { keyPrefix });
      await everything(ledger, () => primary.cli('hset', `{${keyPrefix}}:body`, '["payments","zulu"]', 'x'));
    } finally {
      await group.stop();
    }
  });
});

/** The permissions as the documentation of `RedisLedger` lists them. */
const rules = documentedRules();

function documentedRules() {
  const source = readFileSync(join(import.meta.dirname, '../../src/ledger/redis.ts'), 'utf8');
  const lists = [...source.replaceAll(/\n \* /g, ' ').matchAll(/`(\+[^`]+)`/g)].map(
    (match) => match[1]?.split(' ') ?? [],
  );
  const [ledger = [], ofCluster = [], warnings = [], sentinel = []] = lists;
  assert.equal(lists.length, 4);
  return { ledger, cluster: ofCluster, warnings, sentinel };
}

/** Makes the user `medic` of the password `secret` with these permissions and no others. */
async function permit(server: RedisServer, keyPrefix: string | null, list: readonly string[]): Promise<void> {
  const keys = keyPrefix === null ? [] : [`~{${keyPrefix}}:*`];
  await server.cli('acl', 'setuser', 'medic', 'reset', 'on', '>secret', ...keys, '-@all', ...list);
}
