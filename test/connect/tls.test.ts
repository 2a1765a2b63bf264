import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { ask, json, listen, recorder, type Script, states, statusBody } from './worker.ts';

const run = promisify(execFile);
const KIP_745 = 'POST /connectors/c/restart?includeTasks=true&onlyFailed=true';
const STATUS = 'GET /connectors/c/status';
const script: Script = {
  'GET /': json(200, { version: '4.3.0' }),
  [STATUS]: json(200, statusBody('c', 'RUNNING', 'FAILED')),
  [KIP_745]: json(202, statusBody('c', 'RUNNING', 'RESTARTING')),
};

describe('TLS', () => {
  let dir: string;
  const file = (name: string): string => join(dir, name);

  /** A certificate signed by the test's own CA. */
  async function issue(name: string, subjectAltName: string): Promise<void> {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const request = ['req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`];
    await run('openssl', request, { cwd: dir });
    await writeFile(file(`${name}.ext`), `subjectAltName=${subjectAltName}\n`);
    const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    const sign = [
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...ca,
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.crt`,
    ];
    await run('openssl', sign, { cwd: dir });
  }

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'connect-medic-tls-'));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const self = [
      'req',
      '-x509',
      ...key,
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      '-days',
      '2',
      '-subj',
      '/CN=ca',
    ];
    await run('openssl', self, { cwd: dir });
    await issue('server', 'IP:127.0.0.1');
    await issue('other', 'DNS:elsewhere.example');
    await issue('client', 'DNS:connect-medic');
  });
  after(() => rm(dir, { recursive: true }));

  async function serve(
    t: TestContext,
    certificate: string,
    options: ServerOptions = {},
  ): Promise<{ url: string; requests: string[] }> {
    const { listener, requests } = recorder((key, request, response) => {
      const reply = script[key] ?? json(500, {});
      if (typeof reply === 'function') reply(request, response);
    });
    const [cert, key] = await Promise.all([
      readFile(file(`${certificate}.crt`)),
      readFile(file(`${certificate}.key`)),
    ]);
    const server = createServer({ cert, key, ...options }, listener);
    return { url: `https://${await listen(t, server)}`, requests };
  }

  test('with the configured CA reads and restarts', async (t) => {
    const { url, requests } = await serve(t, 'server');
    const { client } = ask(t, [url], { tls: { caFile: file('ca.crt') } });
    assert.equal((await client.status('c')).outcome, 'ok');
    assert.equal((await client.restart('c', { kind: 'failed' }, states('FAILED'))).outcome, 'accepted');
    assert.deepEqual(requests, [STATUS, 'GET /', KIP_745]);
  });

  const mistrusted: [what: string, certificate: string, ca: string | null, detail: RegExp][] = [
    [
      'a CA that nobody named',
      'server',
      null,
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED|UNABLE_TO_GET_ISSUER/,
    ],
    ['a certificate for another host', 'other', 'ca.crt', /ERR_TLS_CERT_ALTNAME_INVALID/],
    ['a CA file that does not exist', 'server', 'none.crt', /ENOENT/],
  ];
  for (const [what, certificate, ca, detail] of mistrusted) {
    test(`with ${what} is unreachable, and a restart is refused`, async (t) => {
      const { url, requests } = await serve(t, certificate);
      const { client } = ask(t, [url], { tls: ca === null ? {} : { caFile: file(ca) } });
      const read = await client.status('c');
      assert.equal(read.outcome, 'unreachable');
      assert.match('detail' in read ? read.detail : '', detail);
      const restart = await client.restart('c', { kind: 'failed' }, states('FAILED'));
      assert.equal(restart.outcome, 'refused');
      assert.match(restart.detail, detail);
      assert.deepEqual(requests, []);
    });
  }

  test('with a file that is no key is unreachable', async (t) => {
    const { url } = await serve(t, 'server');
    const tls = { caFile: file('ca.crt'), certFile: file('client.crt'), keyFile: file('ca.crt') };
    const read = await ask(t, [url], { tls }).client.status('c');
    assert.equal(read.outcome, 'unreachable');
  });

  test('shows the client certificate where the server asks for one', async (t) => {
    const ca = await readFile(file('ca.crt'));
    const { url, requests } = await serve(t, 'server', { ca, requestCert: true, rejectUnauthorized: true });
    const tls = { caFile: file('ca.crt'), certFile: file('client.crt'), keyFile: file('client.key') };
    assert.equal((await ask(t, [url], { tls }).client.status('c')).outcome, 'ok');
    const without = ask(t, [url], { tls: { caFile: file('ca.crt') } });
    assert.equal((await without.client.status('c')).outcome, 'unreachable');
    assert.deepEqual(requests, [STATUS]);
  });

  test('uses a rotated CA file from the next connection on', async (t) => {
    const { url } = await serve(t, 'server');
    const caFile = file('rotating.crt');
    await writeFile(caFile, await readFile(file('client.crt')));
    const { client } = ask(t, [url], { tls: { caFile } });
    assert.equal((await client.status('c')).outcome, 'unreachable');
    await writeFile(caFile, await readFile(file('ca.crt')));
    assert.equal((await client.status('c')).outcome, 'ok');
  });

  test('that takes longer than a status stays fresh (P1): it is read again before anything is sent', async (t) => {
    let nowMs = 0;
    let handshakes = 0;
    // The client cannot be done with its handshake before the server is here.
    const ALPNCallback = (): string => {
      handshakes += 1;
      if (handshakes === 2) nowMs += 2_001;
      return 'http/1.1';
    };
    const { url, requests } = await serve(t, 'server', { ALPNCallback });
    const { client } = ask(t, [url], { tls: { caFile: file('ca.crt') } }, () => nowMs);
    // The version takes the first handshake, the call the second, and once more the third.
    const result = await client.restart('c', { kind: 'failed' }, states('FAILED'));
    assert.equal(result.outcome, 'accepted');
    assert.deepEqual(requests, ['GET /', STATUS, KIP_745]);
  });

  test('that always takes longer than that is refused, and nothing is sent', async (t) => {
    let nowMs = 0;
    const ALPNCallback = (): string => {
      nowMs += 2_001;
      return 'http/1.1';
    };
    const { url, requests } = await serve(t, 'server', { ALPNCallback });
    const tls = { caFile: file('ca.crt') };
    const { client } = ask(t, [url], { tls, requestTimeoutMs: 60_000 }, () => nowMs);
    const result = await client.restart('c', { kind: 'failed' }, states('FAILED'));
    assert.equal(result.outcome, 'refused');
    assert.match(result.detail, /a connection takes longer than the status stays fresh/);
    assert.equal(requests.filter((request) => request.startsWith('POST')).length, 0);
  });
});
