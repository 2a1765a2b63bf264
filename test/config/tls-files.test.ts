import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeTls } from '../redis/tls.ts';
import { command } from '../stack/debian.ts';
import { problems } from './helpers.ts';

const directory = await mkdtemp(join(tmpdir(), 'connect-medic-tls-files-'));
const made = await makeTls(directory);
const [cert, key, ca, otherCert, otherKey] = await Promise.all(
  [made.serverCert, made.serverKey, made.caFile, made.clientCert, made.clientKey].map((file) =>
    readFile(file, 'utf8'),
  ),
);
const locked = join(directory, 'locked.key');
await command('openssl', ['pkey', '-in', made.serverKey, '-aes256', '-passout', 'pass:x', '-out', locked]);
const trusted = join(directory, 'trusted.pem');
await command('openssl', ['x509', '-in', made.caFile, '-trustout', '-out', trusted]);
const files: Readonly<Record<string, string>> = {
  '/cert': cert ?? '',
  '/key': key ?? '',
  '/ca': `# who signs\n${ca}\n${otherCert}`,
  '/otherKey': otherKey ?? '',
  '/lockedKey': await readFile(locked, 'utf8'),
  '/trusted': await readFile(trusted, 'utf8'),
  '/empty': '',
  '/text': 'PEM',
  '/broken': `${ca}\n${(otherCert ?? '').replace('MII', 'XXX')}`,
  '/cut': `${ca}\n${(otherCert ?? '').slice(0, 200)}`,
};
await rm(directory, { recursive: true });

/** What is wrong with a section `tls` of each place that has one. */
function told(tls: string, keys: 'server' | 'client'): string[] {
  const yaml = {
    server: [`server: { tls: { ${tls} } }`],
    client: [
      `clusters: [{ urls: ["https://h"], tls: { ${tls} } }]`,
      `alertmanagers: [{ url: "https://h", tls: { ${tls} } }]`,
    ],
  }[keys];
  const [first = [], ...others] = yaml.map((text) =>
    problems(text, { files }).map((one) => one.replace(/^.*?tls\./, '')),
  );
  for (const other of others) assert.deepEqual(other, first);
  return first;
}

describe('files of TLS', () => {
  const fit = 'certFile: /cert, keyFile: /key';
  for (const name of ['ca', 'trusted']) {
    it(`may be used when they are what they should be: ${name}`, () => {
      assert.deepEqual(told(`${fit}, clientCaFile: /${name}`, 'server'), []);
      assert.deepEqual(told(`${fit}, caFile: /${name}`, 'client'), []);
    });
  }

  for (const name of ['empty', 'text', 'broken', 'cut', 'key']) {
    it(`are told when authorities are none: ${name}`, () => {
      const expected = 'expected a file with at least one certificate, and none that cannot be read (PEM)';
      assert.deepEqual(told(`${fit}, clientCaFile: /${name}`, 'server'), [
        `clientCaFile: ${expected}, got "/${name}"`,
      ]);
      assert.deepEqual(told(`caFile: /${name}`, 'client'), [`caFile: ${expected}, got "/${name}"`]);
    });
  }

  for (const [what, tls, expected] of [
    [
      'a certificate that is none',
      'certFile: /text, keyFile: /key',
      ['certFile: expected a file with a certificate (PEM), got "/text"'],
    ],
    [
      'a key that is none',
      'certFile: /cert, keyFile: /text',
      ['keyFile: expected a file with a private key without a passphrase (PEM), got "/text"'],
    ],
    [
      'a key with a passphrase',
      'certFile: /cert, keyFile: /lockedKey',
      ['keyFile: expected a file with a private key without a passphrase (PEM), got "/lockedKey"'],
    ],
    [
      'a key of another certificate',
      'certFile: /cert, keyFile: /otherKey',
      ['keyFile: expected the private key of the certificate in certFile, got "/otherKey"'],
    ],
    [
      'two that changed places',
      'certFile: /key, keyFile: /cert',
      [
        'certFile: expected a file with a certificate (PEM), got "/key"',
        'keyFile: expected a file with a private key without a passphrase (PEM), got "/cert"',
      ],
    ],
  ] as const) {
    it(`are told when they cannot be used: ${what}`, () => {
      assert.deepEqual(told(tls, 'server'), expected);
      assert.deepEqual(told(tls, 'client'), expected);
    });
  }

  it('are told together with everything else', () => {
    assert.equal(
      problems('server: { tls: { certFile: /text, keyFile: /text }, prt: 1 }', { files }).length,
      3,
    );
  });
});
