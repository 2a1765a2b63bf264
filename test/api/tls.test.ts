import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get, Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { createTlsRenewal, readListenerTls } from '../../src/listener-tls.ts';
import { makeTls, type TlsFiles } from '../redis/tls.ts';
import { type Built, build } from './given.ts';

describe('TLS on the listener', () => {
  let directory: string;
  let made: TlsFiles;
  let other: TlsFiles;
  let built: Built;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'connect-medic-listener-'));
    for (const name of ['one', 'two']) await mkdir(join(directory, name));
    made = await makeTls(join(directory, 'one'));
    other = await makeTls(join(directory, 'two'));
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });
  afterEach(async () => {
    built.app.server.closeAllConnections();
    await built.app.close();
    await built.ledger.close();
  });

  /** The status of `GET /livez` as a client sees it that trusts `ca`, or why it got none. */
  const ask = async (
    port: number,
    ca: TlsFiles,
    client: { cert: Buffer; key: Buffer } | null,
  ): Promise<number | string> => {
    const options = { host: '127.0.0.1', port, path: '/livez', agent: false, ca: await readFile(ca.caFile) };
    return new Promise((resolve) => {
      get({ ...options, ...client }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  };
  const clientOf = async (files: TlsFiles) => ({
    cert: await readFile(files.clientCert),
    key: await readFile(files.clientKey),
  });
  const listen = async (clientCaFile: string | null): Promise<number> => {
    const files = { certFile: made.serverCert, keyFile: made.serverKey, clientCaFile };
    built = await build({ tls: readListenerTls(files) });
    const address = await built.app.listen({ host: '127.0.0.1', port: 0 });
    return Number(new URL(address).port);
  };

  it('is HTTPS', async () => {
    const port = await listen(null);
    assert.equal(await ask(port, made, null), 200);
    assert.notEqual(await ask(port, other, null), 200, 'its certificate is checked against the authority');
  });

  it('lets in only callers with a certificate of the authority, where one is configured', async () => {
    const port = await listen(made.caFile);
    assert.equal(await ask(port, made, await clientOf(made)), 200);
    assert.notEqual(await ask(port, made, null), 200);
    assert.notEqual(await ask(port, made, await clientOf(other)), 200);
  });

  it('takes over a renewed certificate without a restart, and keeps the old one through half a rotation', async () => {
    const file = (name: string): string => join(directory, name);
    const files = { certFile: file('tls.crt'), keyFile: file('tls.key'), clientCaFile: null };
    await copyFile(made.serverCert, files.certFile);
    await copyFile(made.serverKey, files.keyFile);
    built = await build({ tls: readListenerTls(files) });
    const port = Number(new URL(await built.app.listen({ host: '127.0.0.1', port: 0 })).port);
    const { server } = built.app;
    assert.ok(server instanceof Server);
    const renew = createTlsRenewal(server, files);
    assert.equal(renew(), 'same');

    await writeFile(files.certFile, `${await readFile(other.serverCert, 'utf8')}\n`);
    assert.throws(renew, /key values mismatch/);
    assert.equal(await ask(port, made, null), 200, 'still the old one');

    await writeFile(files.keyFile, `${await readFile(other.serverKey, 'utf8')}\n`);
    assert.equal(renew(), 'renewed');
    assert.equal(await ask(port, other, null), 200);
    assert.notEqual(await ask(port, made, null), 200);
    assert.equal(renew(), 'same');
  });

  it('does not take over authorities that cannot be read: it would let in nobody', async () => {
    const file = (name: string): string => join(directory, name);
    const files = { certFile: made.serverCert, keyFile: made.serverKey, clientCaFile: file('callers.pem') };
    await copyFile(made.caFile, files.clientCaFile);
    built = await build({ tls: readListenerTls(files) });
    const port = Number(new URL(await built.app.listen({ host: '127.0.0.1', port: 0 })).port);
    const { server } = built.app;
    assert.ok(server instanceof Server);
    const renew = createTlsRenewal(server, files);
    for (const text of ['', (await readFile(made.caFile, 'utf8')).replace('MII', 'XXX')]) {
      await writeFile(files.clientCaFile, text);
      assert.throws(renew, /clientCaFile is not a file with at least one certificate/);
      assert.equal(await ask(port, made, await clientOf(made)), 200, 'still the old one');
    }
    await copyFile(other.caFile, files.clientCaFile);
    assert.equal(renew(), 'renewed');
    assert.equal(await ask(port, made, await clientOf(other)), 200);
  });
});
