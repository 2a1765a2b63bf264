import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hasLink } from '../redis/sentinel.ts';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { waitFor } from '../stack/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const SECRET = 'hunter2';

describe('--check of a ledger in Redis', () => {
  let folder: string;
  let worker: Server;
  let redis: RedisServer;
  let replica: RedisServer;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'connect-medic-check-'));
    // So that nothing but the ledger can fail.
    worker = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(request.url === '/' ? { version: '4.3.0', commit: 'x' } : {}));
    });
    worker.listen(0, '127.0.0.1');
    await once(worker, 'listening');
    redis = await startRedis({ password: SECRET });
    replica = await startRedis({ replicaOf: redis });
    await waitFor('the replica', () => hasLink(replica), 20_000, 50);
  });
  after(async () => {
    await replica.stop();
    await redis.stop();
    worker.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs `--check` with this ledger; a second of Redis's silence is waited for. */
  function check(url: string): Promise<{ code: number; text: string }> {
    const { port } = worker.address() as AddressInfo;
    const clusters = [{ name: 'default', urls: [`http://127.0.0.1:${port}`] }];
    writeFileSync(join(folder, 'medic.yml'), JSON.stringify({ ledger: { url }, clusters }));
    return new Promise((resolve) => {
      const options = { cwd: folder, env: { PATH: process.env['PATH'] ?? '' }, timeout: 60_000 };
      execFile(
        process.execPath,
        [MAIN, '--config', 'medic.yml', '--check'],
        options,
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, text: stdout + stderr });
        },
      );
    });
  }

  async function refused(url: string, message: RegExp): Promise<string> {
    const { code, text } = await check(url);
    assert.equal(code, 1, text);
    assert.match(text, message);
    assert.doesNotMatch(text, /hunter/);
    return text;
  }

  it('says that it can be written', async () => {
    const { code, text } = await check(redis.url);
    assert.equal(code, 0, text);
    assert.match(text, /ok {6}ledger redis: can be written, 0 remediations in it/);
    assert.doesNotMatch(text, /hunter/);
  });

  it('says what Redis refuses, without the password, and fails', async () => {
    await refused(redis.url.replace(SECRET, 'hunter3'), /FAILED {2}ledger redis: .* refuses the user or the/);
    await refused(`redis://${redis.host}`, /FAILED .*Redis asks for a password/);
    await refused(redis.url.replace(/\/0$/, '/99'), /FAILED .*does not have the database/);
    await refused(replica.url, /FAILED .*Redis is a replica now, and cannot be written/);
    await refused(
      redis.url.replace('redis:', 'redis+cluster:').replace(/\/0$/, ''),
      /FAILED .*is no Cluster/,
    );
    await refused(redis.url.replace('redis:', 'redis+sentinel:').replace(/0$/, 'medic'), /FAILED .*Sentinel/);
    await refused(redis.url.replace('redis:', 'rediss:'), /FAILED .*or rediss where Redis speaks no TLS/);
    await refused(`redis://:${SECRET}@127.0.0.1:1`, /FAILED .*not connected: connect ECONNREFUSED/);
  });

  it('says so when Redis is out of memory, or when the user may not do enough, and fails', async () => {
    await redis.cli('config', 'set', 'maxmemory', '1');
    try {
      await refused(redis.url, /FAILED .*out of memory/);
    } finally {
      await redis.cli('config', 'set', 'maxmemory', '0');
    }
    await redis.cli('acl', 'setuser', 'medic', 'on', `>${SECRET}`, '~*', '+@all', '-xadd');
    await refused(`redis://medic:${SECRET}@${redis.host}`, /FAILED .*does not permit .*xadd/);
  });

  it('refuses a URL that cannot be read or has another scheme, without showing it', async () => {
    for (const url of [
      `redis:/:${SECRET}@127.0.0.1`,
      `rediss//:${SECRET}@127.0.0.1`,
      `redis://:${SECRET}/x@127.0.0.1:6379/zero`,
      `redis://:${SECRET}%@127.0.0.1`,
      `redis+sentinel://:${SECRET}@127.0.0.1`,
      `redis+proxy://:${SECRET}@127.0.0.1`,
      `postgres://:${SECRET}@127.0.0.1`,
      `redis://127.0.0.1?password=${SECRET}`,
      `redis://${SECRET}@127.0.0.1`,
      `redis://127.0.0.1:port#${SECRET}`,
    ]) {
      const { code, text } = await check(url);
      assert.equal(code, 1, text);
      assert.match(text, /ledger\.url/, url);
      assert.doesNotMatch(text, /hunter/, url);
    }
  });
});
