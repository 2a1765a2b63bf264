/** The real Redis processes that other tests stand on: each comes up, answers, and comes back. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { waitFor } from '../stack/process.ts';
import { startCluster } from './cluster.ts';
import { hasLink, startSentinel } from './sentinel.ts';
import { startRedis, temporaryDirectory } from './server.ts';
import { makeTls } from './tls.ts';

const WITHIN_MS = 30_000;

describe('Redis for tests', { concurrency: true, timeout: 120_000 }, () => {
  test('with an append-only file keeps what it acknowledged through a SIGKILL', async (t) => {
    const redis = await startRedis({ appendonly: 'always' });
    t.after(() => redis.stop());
    assert.equal(await redis.cli('set', 'key', 'kept'), 'OK');
    await redis.kill9();
    assert.equal(redis.process.running, false);
    await redis.start();
    assert.equal(await redis.cli('get', 'key'), 'kept');
  });

  test('answers nothing while it is frozen, and answers afterwards', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const other = await startRedis();
    t.after(() => other.stop());
    redis.freeze();
    let answered = false;
    const answer = redis.cli('ping').finally(() => {
      answered = true;
    });
    for (let times = 0; times < 5; times += 1) await other.cli('ping');
    assert.equal(answered, false);
    redis.thaw();
    assert.equal(await answer, 'PONG');
  });

  test('asks for its password, and a replica follows with it', async (t) => {
    const primary = await startRedis({ password: 'sesame' });
    t.after(() => primary.stop());
    const replica = await startRedis({ replicaOf: primary });
    t.after(() => replica.stop());
    await waitFor('the replica', () => hasLink(replica), WITHIN_MS, 50);
    await primary.cli('set', 'key', 'value');
    await waitFor('the value', async () => (await replica.cli('get', 'key')) === 'value', WITHIN_MS, 50);
    assert.equal(primary.url, `redis://:sesame@127.0.0.1:${primary.port}/0`);
    const anonymous = await startRedis();
    t.after(() => anonymous.stop());
    await assert.rejects(anonymous.cli('-p', String(primary.port), 'get', 'key'), /NOAUTH/);
  });

  test('speaks TLS only, and may ask for a certificate', async (t) => {
    const directory = await temporaryDirectory();
    t.after(() => directory.remove());
    const tls = await makeTls(directory.path);
    const redis = await startRedis({ tls, tlsClientCert: true });
    t.after(() => redis.stop());
    assert.equal(await redis.cli('ping'), 'PONG');
    assert.match(redis.url, /^rediss:\/\/.*\?caFile=/);
    const plain = await startRedis();
    t.after(() => plain.stop());
    await assert.rejects(plain.cli('-p', String(redis.port), 'ping'));
    const withoutCertificate = ['-p', String(redis.port), '--tls', '--cacert', tls.caFile, 'ping'];
    await assert.rejects(plain.cli(...withoutCertificate));
  });

  test('with Sentinels gets a new primary when the first is killed, and the old one follows', async (t) => {
    const group = await startSentinel({ password: 'sesame' });
    t.after(() => group.stop());
    const [first, second] = group.servers;
    assert.equal(await group.primary(), first);
    await first.cli('set', 'key', 'value');
    await first.kill9();
    const promoted = async (): Promise<boolean> => (await group.primary()) === second;
    await waitFor('the failover', promoted, WITHIN_MS, 50);
    assert.equal(await second.cli('get', 'key'), 'value');
    await first.start();
    await waitFor('the old primary to follow', () => hasLink(first), WITHIN_MS, 50);
  });

  test('as a Cluster of three serves all slots, with a replica that takes over', async (t) => {
    const cluster = await startCluster({ replica: true });
    t.after(() => cluster.stop());
    const [first, second] = cluster.primaries;
    assert.ok(first && second && cluster.replica);
    for (const key of ['a', 'b', 'c', 'd']) assert.equal(await first.cli('-c', 'set', key, key), 'OK');
    await first.kill9();
    const { replica } = cluster;
    const promoted = async (): Promise<boolean> => (await replica.info('role')) === 'master';
    await waitFor('the replica to take over', promoted, WITHIN_MS, 50);
    const whole = async (): Promise<boolean> =>
      (await second.cli('cluster', 'info')).includes('cluster_state:ok');
    await waitFor('the cluster', whole, WITHIN_MS, 50);
    for (const key of ['a', 'b', 'c', 'd']) assert.equal(await second.cli('-c', 'get', key), key);
  });
});
