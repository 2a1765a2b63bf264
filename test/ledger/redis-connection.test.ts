import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import { LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { startCluster } from '../redis/cluster.ts';
import { startSentinel } from '../redis/sentinel.ts';
import { prepareRedis, startRedis, temporaryDirectory } from '../redis/server.ts';
import { makeTls } from '../redis/tls.ts';
import { waitFor } from '../stack/process.ts';
import { ledgerContract } from './contract.ts';
import { create, event, key, loaded, loadOne, remediation, replace } from './records.ts';
import {
  closeLedgers,
  failure,
  onServer,
  ownLedger,
  prefixOn,
  recovered,
  redisHarness,
} from './redis-harness.ts';

const WITHIN_MS = 20_000;
const EVERY_MS = 20;

after(closeLedgers);

describe('a Redis that comes and goes', () => {
  it('is used once it is there, also when it was not at the start', async () => {
    const server = await prepareRedis();
    try {
      const ledger = await ownLedger(server.url);
      await assert.rejects(ledger.ping(), { name: 'LedgerUnavailable', message: /ECONNREFUSED/ });
      await server.start();
      await recovered(ledger);
      await server.kill9();
      await assert.rejects(ledger.ping(), LedgerUnavailable);
      await server.start();
      await recovered(ledger);
    } finally {
      await server.stop();
    }
  });

  it('that turns out to hold somebody else’s keys is refused in each call, until they are gone', async () => {
    const server = await prepareRedis();
    try {
      const ledger = await ownLedger(server.url, { keyPrefix: 'p' });
      await server.start();
      await server.cli('set', '{p}:meta', 'x');
      const said = async (): Promise<boolean> => /\{p\}:meta is a string/.test(await failure(ledger));
      await waitFor('the refusal', said, WITHIN_MS, EVERY_MS);
      assert.ok(await said());
      await server.cli('del', '{p}:meta');
      await recovered(ledger);
    } finally {
      await server.stop();
    }
  });

  it('that hangs is unavailable within seconds, and used again when it goes on', () =>
    onServer(async (server) => {
      const ledger = await ownLedger(server.url);
      server.freeze();
      const fromMs = performance.now();
      await assert.rejects(ledger.ping(), { name: 'LedgerUnavailable', message: /no answer within 2000 ms/ });
      assert.ok(performance.now() - fromMs < 4_000);
      server.thaw();
      await recovered(ledger);
    }));

  it('lets a ledger be closed at once while it hangs', () =>
    onServer(async (server) => {
      const ledger = await ownLedger(server.url);
      server.freeze();
      const asked = assert.rejects(ledger.ping(), LedgerUnavailable);
      const fromMs = performance.now();
      await ledger.close();
      await asked;
      assert.ok(performance.now() - fromMs < 1_500);
      server.thaw();
    }));

  it('that cuts connections in the middle loses no write and makes none twice', () =>
    onServer(async (server) => {
      const ledger = await ownLedger(server.url);
      await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]);
      let unavailable = 0;
      for (let round = 0; round < 5; round += 1) {
        let killed = false;
        const kill = server.cli('client', 'kill', 'type', 'normal').finally(() => {
          killed = true;
        });
        while (!killed) {
          try {
            const stored = await loaded(ledger, key('orders'));
            const attempts = stored.remediation.attempts + 1;
            const happened = event('orders', { atMs: attempts, detail: String(attempts) });
            await ledger.store([replace(stored, { ...stored.remediation, attempts }, [happened])]);
          } catch (error) {
            assert.ok(error instanceof LedgerUnavailable);
            unavailable += 1;
            break;
          }
        }
        await kill;
        await recovered(ledger);
      }
      const { attempts } = (await loaded(ledger, key('orders'))).remediation;
      const details = (await ledger.events()).map((one) => one.detail);
      assert.ok(unavailable > 0, 'no connection was cut in the middle');
      const all = Array.from({ length: attempts }, (_, index) => String(index + 1));
      assert.deepEqual(details, all.slice(-details.length));
      assert.equal(new Set(details).size, details.length);
    }));

  it('that becomes a replica, or is out of memory, refuses writes, says so, and can still be read', () =>
    onServer(async (server) => {
      const ledger = await ownLedger(server.url);
      await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]);
      await server.cli('config', 'set', 'maxmemory', '1');
      await assert.rejects(ledger.ping(), { name: 'LedgerUnavailable', message: /out of memory/ });
      assert.ok(await loadOne(ledger, key('orders')));
      await server.cli('config', 'set', 'maxmemory', '0');
      await ledger.ping();
      await server.cli('config', 'set', 'replica-serve-stale-data', 'yes');
      await server.cli('replicaof', '127.0.0.1', '1');
      const replica = async (): Promise<boolean> => /replica now/.test(await failure(ledger));
      await waitFor('the refusal', replica, WITHIN_MS, EVERY_MS);
      await server.cli('replicaof', 'no', 'one');
      await recovered(ledger);
    }));

  it('with a replica acknowledges a write once the replica has it', () =>
    onServer(async (primary) => {
      const replica = await startRedis({ replicaOf: primary });
      try {
        const linked = async () => (await replica.info('master_link_status')) === 'up';
        await waitFor('the replica', linked, WITHIN_MS, EVERY_MS);
        const ledger = await ownLedger(primary.url, { replicas: 1, keyPrefix: 'p' });
        await recovered(ledger);
        await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]);
        assert.equal(await replica.cli('hlen', '{p}:body'), '1');
      } finally {
        await replica.stop();
      }
    }));
});

describe('a Redis that is too old', () => {
  it('is not opened, and the message says which one is needed', async () => {
    // No such Redis is to be had any more: this one knows INFO only.
    const info = 'redis_version:6.0.16\r\nloading:0\r\n';
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write(`$${info.length}\r\n${info}\r\n`));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    try {
      await assert.rejects(ownLedger(`redis://127.0.0.1:${address.port}`), {
        name: 'LedgerOpenError',
        failure: 'unusable',
        message: /version 6\.0\.16, 6\.2 is needed/,
      });
    } finally {
      server.close();
    }
  });
});

describe('Redis with TLS and a password', () => {
  it('is trusted by its certificate authority, and only by that', async () => {
    const directory = await temporaryDirectory();
    const tls = await makeTls(directory.path);
    try {
      await onServer(
        async (server) => {
          const certificate = `certFile=${encodeURIComponent(tls.clientCert)}&keyFile=${encodeURIComponent(tls.clientKey)}`;
          const ledger = await ownLedger(`${server.url}&${certificate}`);
          await ledger.ping();
          const distrusting = await ownLedger(server.url.replace(/\?.*/, ''));
          await assert.rejects(distrusting.ping(), { name: 'LedgerUnavailable', message: /is not trusted/ });
          const anonymous = await ownLedger(server.url);
          await assert.rejects(anonymous.ping(), {
            name: 'LedgerUnavailable',
            message: /a client certificate/,
          });
        },
        { tls, tlsClientCert: true, password: 'hunter2' },
      );
    } finally {
      directory.remove();
    }
  });

  it('does not open with a file that cannot be read', async () => {
    await assert.rejects(ownLedger('rediss://127.0.0.1:1?caFile=/nowhere/ca.pem'), {
      name: 'LedgerOpenError',
      message: /\/nowhere\/ca\.pem/,
    });
  });
});

describe('Redis behind Sentinels', () => {
  it('is followed to the new primary when the old one dies', async () => {
    const group = await startSentinel({ password: 'hunter2' });
    try {
      const ledger = await ownLedger(group.url);
      await recovered(ledger);
      await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]);
      const primary = await group.primary();
      const replica = group.servers.find((server) => server !== primary);
      const hasAll = async () => Number(await replica?.cli('dbsize')) === Number(await primary.cli('dbsize'));
      await waitFor('the replica', hasAll, WITHIN_MS, EVERY_MS);
      await primary.kill9();
      await assert.rejects(ledger.ping(), LedgerUnavailable);
      await recovered(ledger);
      assert.ok(await loadOne(ledger, key('orders')));
    } finally {
      await group.stop();
    }
  });
});

describe('a Redis Cluster', () => {
  it('is followed to the replica when the node dies that holds the ledger', async () => {
    const cluster = await startCluster({ replica: true });
    try {
      // Two ledgers wherever their keys are; one of them on the node with the replica.
      const [first] = cluster.primaries;
      assert.ok(first && cluster.replica);
      const keyPrefix = await prefixOn(first);
      const ledger = await ownLedger(cluster.url, { keyPrefix, replicas: 1 });
      await recovered(ledger);
      assert.deepEqual(await ledger.store([create(remediation('orders', { lookAtMs: 0 }))]), ['stored']);
      await ledger.close();
      const plain = await ownLedger(cluster.url, { keyPrefix });
      await recovered(plain);
      await first.kill9();
      await assert.rejects(plain.ping(), LedgerUnavailable);
      await recovered(plain);
      assert.ok(await loadOne(plain, key('orders')));
    } finally {
      await cluster.stop();
    }
  });

  const redis = redisHarness(() => startCluster());
  ledgerContract('Redis Cluster', redis.open, { durable: true });
  after(redis.stop);
});
