import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblems } from '../../src/config/load.ts';
import { nearest } from '../../src/config/problems.ts';
import { load, problems, valid } from './helpers.ts';

/** [what, bad YAML, its problems, the nearest YAML that is good]. */
type Pair = [what: string, bad: string, expected: string[], good: string];

function pairs(table: readonly Pair[]): void {
  for (const [what, bad, expected, good] of table) {
    it(what, () => {
      assert.deepEqual(problems(bad), expected);
      valid(good);
    });
  }
}

describe('one message says everything that is wrong', () => {
  it('with path, expectation and value', () => {
    const loaded = load(`
server:
  host: 0.0.0.0
  port: 70000
  tsl: {}
servr: hunter2
ledger: { url: "mysql://u:hunter2@h" }
clusters:
  - { name: x, urls: ["http://u:hunter2@h:8083", "ftp://h"], requestTimeout: 5, auth: { bearerToken: "\${NOPE}" } }
  - { name: x, urls: [], auth: hunter2 }
labels: { cluster: "" }
policy: { delays: [0s, 0s, -1s], settle: 5m, jitter: 101%, enabled: "true" }
overrides: [{ match: ['task="1"', 'connector=~"["'], policy: { thenEvery: 1x } }]
log: { level: loud }
`);
    assert.equal(
      loaded.ok || formatProblems(loaded.problems, loaded.source),
      `./connect-medic.yml: 20 problems, not started
  servr: expected a known key (did you mean server?)
  server.tsl: expected a known key (did you mean tls?)
  server.port: expected a whole number from 0 to 65535, got 70000
  ledger.url: expected sqlite:PATH, memory:, redis://…, rediss://…, redis+sentinel://… or redis+cluster://…
  clusters[0].urls[0]: expected a URL without user name and password: give them under auth, got "http://***@h:8083"
  clusters[0].urls[1]: expected a URL that begins with http:// or https://, got "ftp://h"
  clusters[0].auth.bearerToken: expected the environment variable NOPE to be set (or a default: \${NOPE:-…})
  clusters[0].requestTimeout: expected a duration such as 5s or 1h30m, with a unit, got 5
  clusters[1].urls: expected a list of at least 1, got an empty list
  clusters[1].auth: expected a mapping
  policy.enabled: expected true or false, got "true"
  policy.delays[2]: expected a duration such as 5s or 1h30m, without a sign, got "-1s"
  policy.jitter: expected a percentage from 0% to 100%, such as 10%, got "101%"
  overrides[0].match[1]: expected a matcher such as connector=~"legacy-.*": a regular expression in RE2's syntax (missing closing ]), got "connector=~\\"[\\""
  overrides[0].policy.thenEvery: expected a duration such as 5s or 1h30m or off, in the units d, h, m, s and ms, got "1x"
  log.level: expected one of silent, fatal, error, warn, info, debug, trace, got "loud"
  server.auth: expected a list of callers, or none said explicitly, since server.host is not loopback
  clusters[1].name: expected a name of its own (clusters[0] has this one), got "x"
  labels.cluster: expected a label name, since there are several clusters, got ""
  overrides[0].match[0]: expected a matcher over cluster or connector, got "task=\\"1\\""`,
    );
  });
});

const HOST =
  'server.auth: expected a list of callers, or none said explicitly, since server.host is not loopback';
const CREDENTIAL = '{ name: a, bearerToken: t, roles: [read] }';

describe('contradictions, and the nearest that is none', () => {
  pairs([
    [
      'open to all without saying so',
      'server: { host: 0.0.0.0 }',
      [HOST],
      'server: { host: 0.0.0.0, auth: none }',
    ],
    ['open by IPv6', 'server: { host: "::" }', [HOST], 'server: { host: "::1" }'],
    ['next to loopback', 'server: { host: 128.0.0.1 }', [HOST], 'server: { host: 127.255.255.254 }'],
    [
      'a name that looks like loopback',
      'server: { host: 127.0.0.1.example }',
      [HOST],
      'server: { host: localhost }',
    ],
    [
      'open with no callers at all',
      'server: { host: 0.0.0.0, auth: [] }',
      [`${HOST}, got a list`],
      `server: { host: 0.0.0.0, auth: [${CREDENTIAL}] }`,
    ],
    [
      'two callers of one name',
      `server: { auth: [${CREDENTIAL}, ${CREDENTIAL}] }`,
      ['server.auth[1].name: expected a name of its own (server.auth[0] has this one), got "a"'],
      `server: { auth: [${CREDENTIAL}, ${CREDENTIAL.replace('a,', 'b,')}] }`,
    ],
    [
      'a caller with two credentials',
      'server: { auth: [{ name: a, bearerToken: t, basic: { username: u, password: p }, roles: [read] }] }',
      ['server.auth[0]: expected bearerToken or basic, not both'],
      'server: { auth: [{ name: a, basic: { username: u, password: p }, roles: [read] }] }',
    ],
    [
      'a caller with none',
      'server: { auth: [{ name: a, roles: [read] }] }',
      ['server.auth[0]: expected bearerToken (or bearerTokenFile) or basic'],
      `server: { auth: [${CREDENTIAL}] }`,
    ],
    [
      'basic without a password',
      'clusters: [{ auth: { basic: { username: u } } }]',
      ['clusters[0].auth.basic.password: expected a password, or passwordFile'],
      'clusters: [{ auth: { basic: { username: u, password: p } } }]',
    ],
    [
      'a role that there is not',
      'server: { auth: [{ name: a, bearerToken: t, roles: [admin] }] }',
      ['server.auth[0].roles[0]: expected one of webhook, read, operate, got "admin"'],
      'server: { auth: [{ name: a, bearerToken: t, roles: [webhook, read, operate] }] }',
    ],
    [
      'no role',
      'server: { auth: [{ name: a, bearerToken: t, roles: [] }] }',
      ['server.auth[0].roles: expected a list of at least 1, got an empty list'],
      `server: { auth: [${CREDENTIAL}] }`,
    ],
    [
      'two clusters of one name',
      'clusters: [{ name: a }, { name: a }]',
      ['clusters[1].name: expected a name of its own (clusters[0] has this one), got "a"'],
      'clusters: [{ name: a }, { name: A }]',
    ],
    [
      'several clusters that no label tells apart',
      'clusters: [{ name: a }, { name: b }]\nlabels: { cluster: "" }',
      ['labels.cluster: expected a label name, since there are several clusters, got ""'],
      'labels: { cluster: "" }',
    ],
    [
      'one label for two things',
      'labels: { task: connector }',
      ['labels.task: expected another label than labels.connector, got "connector"'],
      'labels: { task: connector_task }',
    ],
    [
      'a certificate without its key',
      'clusters: [{ urls: ["https://h"], tls: { certFile: /c } }]',
      [
        'clusters[0].tls.keyFile: expected a file, since certFile is given',
        'clusters[0].tls.certFile: expected a file that can be read (there is none), got "/c"',
      ],
      'clusters: [{ urls: ["https://h"], tls: {} }]',
    ],
    [
      'HTTPS without a certificate',
      'server: { tls: {} }',
      ['server.tls: expected certFile and keyFile'],
      'server: {}',
    ],
  ]);
});

describe('ranges, just outside and just inside', () => {
  const port = 'server.port: expected a whole number from 0 to 65535, got';
  pairs([
    ['port below', 'server: { port: -1 }', [`${port} -1`], 'server: { port: 0 }'],
    ['port above', 'server: { port: 65536 }', [`${port} 65536`], 'server: { port: 65535 }'],
    ['port in between', 'server: { port: 1.5 }', [`${port} 1.5`], 'server: { port: 1 }'],
    ['port without a value', 'server: { port: }', [`${port} nothing`], 'server: { port: 1 }'],
    [
      'replicas',
      'ledger: { replicas: -1 }',
      ['ledger.replicas: expected a whole number from 0 to 100, got -1'],
      'ledger: { replicas: 0 }',
    ],
    [
      'budget.restarts',
      'policy: { budget: { restarts: 0 } }',
      ['policy.budget.restarts: expected a whole number from 1 to 10000, got 0'],
      'policy: { budget: { restarts: 1 } }',
    ],
    [
      'budget.per',
      'policy: { budget: { per: 0s } }',
      ['policy.budget.per: expected a duration such as 5s or 1h30m, longer than 0s, got "0s"'],
      'policy: { budget: { per: 1ms } }',
    ],
    [
      'delays',
      'policy: { delays: [] }',
      ['policy.delays: expected a list of at least 1, got an empty list'],
      'policy: { delays: [0s] }',
    ],
    [
      'stableFor',
      'policy: { stableFor: 0s }',
      ['policy.stableFor: expected a duration such as 5s or 1h30m or auto, longer than 0s, got "0s"'],
      'policy: { stableFor: 1ms }',
    ],
    [
      'stuckAfter cannot be off',
      'policy: { stuckAfter: off }',
      [
        'policy.stuckAfter: expected a duration such as 5s or 1h30m, in the units d, h, m, s and ms, got "off"',
      ],
      'policy: { thenEvery: off }',
    ],
    [
      'jitter above',
      'policy: { jitter: 100.1% }',
      ['policy.jitter: expected a percentage from 0% to 100%, such as 10%, got "100.1%"'],
      'policy: { jitter: 100% }',
    ],
    [
      'jitter below',
      'policy: { jitter: -1% }',
      ['policy.jitter: expected a percentage from 0% to 100%, such as 10%, got "-1%"'],
      'policy: { jitter: 0% }',
    ],
    [
      'jitter without its sign',
      'policy: { jitter: 0.1 }',
      ['policy.jitter: expected a percentage from 0% to 100%, such as 10%, got 0.1'],
      'policy: { jitter: 0.1% }',
    ],
    [
      'a storm of one',
      'storm: { threshold: 1 }',
      ['storm.threshold: expected a whole number from 2 to 1000000 or off, got 1'],
      'storm: { threshold: 2 }',
    ],
    [
      'no cluster',
      'clusters: []',
      ['clusters: expected a list of at least 1, got an empty list'],
      'clusters: [{}]',
    ],
    [
      'a cluster without a name',
      'clusters: [{ name: "" }]',
      ['clusters[0].name: expected text without control characters, not empty (numbers in quotes), got ""'],
      'clusters: [{ name: "-" }]',
    ],
    [
      'a control character in a name',
      'clusters: [{ name: "a\\nb" }]',
      [
        'clusters[0].name: expected text without control characters, not empty (numbers in quotes), got "a\\nb"',
      ],
      'clusters: [{ name: "a b" }]',
    ],
    [
      'a number as a name',
      'clusters: [{ name: 1 }]',
      ['clusters[0].name: expected text without control characters, not empty (numbers in quotes), got 1'],
      'clusters: [{ name: "1" }]',
    ],
    [
      'a resync that never ends its timer',
      'resyncEvery: 1d1ms',
      ['resyncEvery: expected a duration such as 5s or 1h30m, at most 1d, got "1d1ms"'],
      'resyncEvery: 1d',
    ],
    [
      'a status read without pause',
      'statusEvery: 99ms',
      ['statusEvery: expected a duration such as 5s or 1h30m, at least 100ms, got "99ms"'],
      'statusEvery: 100ms',
    ],
    [
      'an override without matchers, which would be the policy',
      'overrides: [{ match: [], policy: {} }]',
      ['overrides[0].match: expected a list of at least 1, got an empty list'],
      'overrides: [{ match: [cluster=a], policy: {} }]',
    ],
    [
      'a key that an entry needs',
      'alertmanagers: [{}]',
      ['alertmanagers[0].url: expected a URL such as http://127.0.0.1:8083, got nothing'],
      'alertmanagers: [{ url: http://a }]',
    ],
  ]);
});

describe('URLs', () => {
  const start = 'a URL that begins with http:// or https://';
  const table: [string, string, string][] = [
    ['ftp://h', start, 'ftp://h'],
    ['http:h', start, 'http:h'], // a browser would repair it
    ['h:8083', start, 'h:8083'],
    ['http://h/?x=hun@ter2', 'a URL without query and fragment', 'http://***'],
    ['http://h?x=hunter2', 'a URL without query and fragment', 'http://h?***'],
    ['http://h/#hunter2', 'a URL without query and fragment', 'http://h/#***'],
    ['http://u:hunter2@h', 'a URL without user name and password: give them under auth', 'http://***@h'],
    ['http://u@h', 'a URL without user name and password: give them under auth', 'http://***@h'],
    ['http://u:hun/ter2@h', 'a URL without user name and password: give them under auth', 'http://***@h'],
    ['http://u:hunter2', 'a URL such as http://127.0.0.1:8083', 'http://u:***'], // no host yet
    ['u:hunter2@h:8083', start, '***@h:8083'],
    ['http://h:65536', 'a URL such as http://127.0.0.1:8083', 'http://h:65536'],
    ['http://a b', `${start}, without spaces and backslashes`, 'http://a b'],
  ];
  for (const [url, expected, shown] of table) {
    it(`${url} is refused and shown as ${shown}`, () =>
      assert.deepEqual(problems(`clusters: [{ urls: ["${url}"] }]`), [
        `clusters[0].urls[0]: expected ${expected}, got "${shown}"`,
      ]));
  }

  for (const url of ['http://h', 'https://h:443/connect/', 'http://[::1]:8083', 'HTTP://H', 'http://h/a@b']) {
    it(`${url} is accepted`, () => assert.ok(valid(`clusters: [{ urls: ["${url}"] }]`)));
  }
});

describe('unknown keys', () => {
  const table: [string, string | null][] = [
    ['servr', 'server'], // a letter missing
    ['clutsers', 'clusters'], // two letters swapped
    ['Ledger', 'ledger'], // case
    ['log_level', null],
    ['password', null],
    ['x'.repeat(100_000), null],
  ];
  for (const [given, meant] of table) {
    it(`${given.slice(0, 20)}: ${meant ?? 'nothing near'}`, () =>
      assert.equal(nearest(given, ['server', 'ledger', 'clusters', 'log']), meant));
  }

  it('are named with their path, and never with their value', () => {
    assert.deepEqual(problems('"a b": hunter2\n1: hunter2\n__proto__: hunter2\nlog: { lvel: hunter2 }'), [
      ...['["a b"]', '["1"]', '__proto__'].map(
        (key) =>
          `${key}: expected a known key (one of server, ledger, alertmanagers, clusters, labels, remediationLabel, onClusterAlert, resyncEvery, statusEvery, policy, overrides, storm, diagnosisFile, limits, log)`,
      ),
      'log.lvel: expected a known key (did you mean level?)',
    ]);
  });
});
