import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { json, listen, recorder } from '../connect/worker.ts';
import { clientOf } from './given.ts';

const run = promisify(execFile);
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

describe('TLS', () => {
  let dir: string;
  const file = (name: string): string => join(dir, name);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'connect-medic-alertmanager-tls-'));
    // Each certificate is its own authority: who names it trusts it.
    for (const name of ['server', 'client']) {
      const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
      const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
      await run('openssl', ['req', '-x509', ...KEY, ...files, ...subject], { cwd: dir });
    }
  });
  after(() => rm(dir, { recursive: true }));

  test('trusts the configured CA, and shows the client certificate', async (t) => {
    const [cert, key, ca] = await Promise.all(
      ['server.crt', 'server.key', 'client.crt'].map((name) => readFile(file(name))),
    );
    const { listener, requests } = recorder((_key, ...args) => json(200, [])(...args));
    const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true }, listener);
    const url = `https://${await listen(t, server)}/am`;
    const caFile = file('server.crt');
    const mutual = { caFile, certFile: file('client.crt'), keyFile: file('client.key') };
    assert.deepEqual(await clientOf(t, url, { tls: mutual }).client.silences(), { outcome: 'ok', value: [] });
    for (const tls of [null, { caFile }, { caFile: file('none.crt') }, { ...mutual, keyFile: caFile }]) {
      assert.equal((await clientOf(t, url, { tls }).client.silences()).outcome, 'unreachable');
    }
    assert.deepEqual(requests, ['GET /am/api/v2/silences']);
  });
});
