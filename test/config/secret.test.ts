import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { formatProblems } from '../../src/config/load.ts';
import { realFiles, secretFromFile, secretOf } from '../../src/config/secret.ts';
import { load, problems, valid } from './helpers.ts';

describe('a secret', () => {
  it('is shown by no way of printing', () => {
    const secret = secretOf('hunter2');
    const deep = { deep: { secret } };
    for (const printed of [
      `${secret}`,
      JSON.stringify(deep),
      inspect(deep, { depth: 9, showHidden: true }),
      inspect(deep, { customInspect: false, showHidden: true, depth: 9 }),
      Object.entries(secret).join(),
    ]) {
      assert.ok(!printed.includes('hunter2'), printed);
    }
    assert.equal(secret.reveal(), 'hunter2');
    assert.equal(JSON.stringify({ secret }), '{"secret":"***"}');
  });

  it('from a file follows the file, and outlives it', () => {
    const directory = mkdtempSync(join(tmpdir(), 'connect-medic-'));
    try {
      const file = join(directory, 'token');
      const write = (text: string, second: number): void => {
        writeFileSync(file, text);
        utimesSync(file, second, second);
      };
      write('one\n', 1);
      const secret = secretFromFile(file, realFiles);
      assert.equal(secret.reveal(), 'one');
      write('two\r\n', 2);
      assert.equal(secret.reveal(), 'two');
      write('', 3); // being written
      assert.equal(secret.reveal(), 'two');
      rmSync(file);
      assert.equal(secret.reveal(), 'two');
      write('three', 4);
      assert.equal(secret.reveal(), 'three');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('is read again only when its file has changed', () => {
    let reads = 0;
    const files = {
      read: () => {
        reads += 1;
        return `${reads}`;
      },
      version: () => 'same',
    };
    const secret = secretFromFile('/x', files);
    assert.deepEqual([secret.reveal(), secret.reveal(), reads], ['1', '1', 1]);
  });
});

describe('a secret in the configuration', () => {
  const auth = (keys: string) => `clusters: [{ auth: { ${keys} } }]`;
  const files = { '/work/t': 'token\n', '/work/empty': '\n', '/work/two': 'a\nb', '/work/url': 'mysql://x' };
  const token = 'a token of printable ASCII characters without spaces, not empty';
  const table: [string, string, string[]][] = [
    ['from its key', auth('bearerToken: token'), []],
    ['from a file', auth('bearerTokenFile: t'), []],
    [
      'from both',
      auth('bearerToken: token, bearerTokenFile: t'),
      ['clusters[0].auth.bearerTokenFile: expected only one of bearerToken and bearerTokenFile'],
    ],
    [
      'from both, one of which has a problem of its own',
      auth('bearerToken: "a b", bearerTokenFile: t'),
      [
        `clusters[0].auth.bearerToken: expected ${token}`,
        'clusters[0].auth.bearerTokenFile: expected only one of bearerToken and bearerTokenFile',
      ],
    ],
    [
      'empty: it would let everybody in',
      auth('bearerToken: ""'),
      [`clusters[0].auth.bearerToken: expected ${token}`],
    ],
    ['as a number', auth('bearerToken: 12345'), [`clusters[0].auth.bearerToken: expected ${token}`]],
    [
      'from an empty file',
      auth('bearerTokenFile: empty'),
      [`clusters[0].auth.bearerTokenFile: expected a file with ${token}, got "empty"`],
    ],
    [
      'from a file of two lines, which would be two headers',
      auth('bearerTokenFile: two'),
      [`clusters[0].auth.bearerTokenFile: expected a file with ${token}, got "two"`],
    ],
    [
      'from a file that is not there',
      auth('bearerTokenFile: nope'),
      ['clusters[0].auth.bearerTokenFile: expected a file that can be read (there is none), got "nope"'],
    ],
    [
      'as the ledger',
      'ledger: { urlFile: url }',
      [
        'ledger.urlFile: expected a file with sqlite:PATH, memory:, redis://…, rediss://…, redis+sentinel://… or redis+cluster://…, got "url"',
      ],
    ],
    [
      'as the ledger, from both',
      'ledger: { url: "memory:", urlFile: url }',
      ['ledger.urlFile: expected only one of url and urlFile'],
    ],
  ];
  for (const [what, yaml, expected] of table) {
    it(what, () => assert.deepEqual(problems(yaml, { files }), expected));
  }

  it('is taken from a file for the ledger as well', () => {
    assert.deepEqual(valid('ledger: { urlFile: u }', { files: { '/work/u': 'sqlite:/x.db\n' } }).ledger, {
      kind: 'sqlite',
      path: '/x.db',
    });
  });
});

describe('no secret appears in a problem', () => {
  /** Long enough to be in no other word, with whatever characters somebody may use. */
  const secrets = fc
    .string({ unit: fc.constantFrom(...'abzAZ09!"#$%&\'()*+,-./:;<=>?@[]^_{|}~ \t\n\u0001é'), minLength: 3 })
    .map((text) => `Zq7${text}Xk9`);
  // Each puts the secret in a place where secrets are, or slip to, and is not valid.
  const places: ((secret: string) => unknown)[] = [
    (secret) => ({ server: { auth: [{ name: 'a', roles: [], bearerToken: secret }] } }),
    (secret) => ({
      server: { auth: [{ name: 'a', roles: [], basic: { username: 'u', password: [secret] } }] },
    }),
    (secret) => ({ server: { auth: secret } }),
    (secret) => ({ server: { auth: [secret] } }),
    (secret) => ({ server: { port: 'x', auth: [{ name: 'a', roles: ['x'], bearerTokn: secret }] } }),
    (secret) => ({ ledger: { url: secret } }),
    (secret) => ({ ledger: { url: `redi://:${secret}@h` } }),
    (secret) => ({ ledger: secret }),
    (secret) => ({ clusters: [{ auth: secret }] }),
    (secret) => ({ clusters: [{ auth: { basic: secret } }] }),
    (secret) => ({ clusters: [{ urls: [`http://u:${secret}@h`] }] }),
    (secret) => ({ clusters: [{ urls: [`http://h/?token=${secret}`] }] }),
    (secret) => ({ alertmanagers: [{ url: `${secret}@h` }] }),
    (secret) => ({ server: { port: `redis://u:${secret}@h` } }),
    // Rightly used in one place, and slipped into another.
    (secret) => ({ clusters: [{ auth: { bearerToken: secret } }], log: { level: secret } }),
    (secret) => ({ password: secret, nested: { token: secret } }),
  ];

  it('wherever it was written', () => {
    fc.assert(
      fc.property(secrets, fc.constantFrom(...places), (secret, place) => {
        const escaped = secret.replaceAll('$', '$$$$');
        const loaded = load(stringify({ ...(place(escaped) as object), resyncEvery: 1 }));
        assert.ok(!loaded.ok);
        const message = formatProblems(loaded.problems, loaded.source);
        assert.ok(!message.includes('Zq7') && !message.includes('Xk9'), message);
      }),
      { numRuns: 1_000 },
    );
  });

  it('nor when it came from the environment', () => {
    fc.assert(
      fc.property(secrets, fc.constantFrom(...places), (secret, place) => {
        const loaded = load(stringify({ ...(place(`\${MEDIC_TOKEN}`) as object), resyncEvery: 1 }), {
          env: { MEDIC_TOKEN: secret },
        });
        assert.ok(!loaded.ok);
        const message = formatProblems(loaded.problems, loaded.source);
        assert.ok(!message.includes('Zq7') && !message.includes('Xk9'), message);
      }),
      { numRuns: 1_000 },
    );
  });

  it('nor when the YAML is broken around it', () => {
    fc.assert(
      fc.property(
        secrets,
        fc.constantFrom('a: "', 'a: [', '- ', 'a: b: ', '*', '!', '%', '&x *'),
        (secret, before) => {
          const loaded = load(`${before}${secret}\na: 1`);
          const message = loaded.ok ? '' : formatProblems(loaded.problems, loaded.source);
          // A key is part of the path, also one that was meant as something else.
          assert.ok(!message.includes(secret) || /^\s*\["?/m.test(message), message);
        },
      ),
    );
  });
});
