import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { policyFor } from '../../src/config/config.ts';
import { formatProblems, loadConfig } from '../../src/config/load.ts';
import { defaultPolicy } from '../../src/core/policy.ts';
import { CWD, load, problems, valid } from './helpers.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

describe('the defaults', () => {
  const config = valid('');

  it('are those of the contract, each of them', () => {
    const { remediationLabel, ...rest } = config;
    assert.deepEqual(rest, {
      server: { host: '127.0.0.1', port: 9099, auth: 'none', tls: null, bodyLimitBytes: 8_388_608 },
      ledger: { kind: 'sqlite', path: '/work/connect-medic.db' },
      alertmanagers: [],
      clusters: [
        {
          name: 'default',
          urls: ['http://127.0.0.1:8083'],
          auth: null,
          tls: null,
          requestTimeoutMs: 10 * SECOND,
          maxUnverified: 10,
        },
      ],
      labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
      onClusterAlert: 'look',
      resyncEveryMs: MINUTE,
      statusEveryMs: 30 * SECOND,
      policy: defaultPolicy,
      overrides: [],
      diagnosisFile: null,
      limits: { remediations: 20_000, alertsPerRemediation: 20, events: 100_000 },
      log: { level: 'info' },
    });
    const { name, op, value } = remediationLabel;
    assert.deepEqual([name, op, value], ['remediation', '=', 'kafka-connect']);
  });

  it('are those of a Redis ledger as well', () => {
    const { ledger } = valid('ledger: { url: redis://h }');
    assert.ok(ledger.kind === 'redis');
    assert.deepEqual([ledger.keyPrefix, ledger.replicas], ['connect-medic', 0]);
  });

  it('hold for each key that an entry leaves out', () => {
    const { clusters } = valid('clusters: [{ name: a }, { urls: ["http://b:1/connect/"] }]');
    assert.deepEqual(
      clusters.map(({ name, urls }) => [name, urls]),
      [
        ['a', ['http://127.0.0.1:8083']],
        ['default', ['http://b:1/connect']], // the slash at the end is dropped
      ],
    );
  });

  it('hold for a section whose keys are all commented out', () => {
    assert.deepEqual(valid('server:\nledger:\npolicy:\n  budget:\n').policy, defaultPolicy);
  });
});

describe('where the configuration comes from', () => {
  const files: Record<string, string> = {
    '/work/given.yml': 'server: { port: 1 }',
    '/work/named.yml': 'server: { port: 2 }',
    '/work/connect-medic.yml': 'server: { port: 3 }',
  };
  const from = (options: { file?: string; env?: Record<string, string> }, without = '') => {
    const loaded = loadConfig({
      env: {},
      cwd: CWD,
      ...options,
      readFile: (path) => {
        if (path === without || files[path] === undefined) {
          throw Object.assign(new Error('no'), { code: 'ENOENT' });
        }
        return files[path];
      },
    });
    return loaded.ok
      ? [loaded.source, loaded.config.server.port]
      : formatProblems(loaded.problems, loaded.source);
  };

  it('is the file given, before the one that the environment names', () => {
    assert.deepEqual(from({ file: 'given.yml', env: { CONNECT_MEDIC_CONFIG: 'named.yml' } }), [
      'given.yml',
      1,
    ]);
  });

  it('is the file that the environment names, before the one in the working directory', () => {
    assert.deepEqual(from({ env: { CONNECT_MEDIC_CONFIG: 'named.yml' } }), ['named.yml', 2]);
  });

  it('is the one in the working directory where nothing is named', () => {
    assert.deepEqual(from({ env: { CONNECT_MEDIC_CONFIG: '' } }), ['./connect-medic.yml', 3]);
  });

  it('is the defaults where there is no file', () => {
    assert.deepEqual(from({}, '/work/connect-medic.yml'), ['defaults', 9099]);
  });

  it('is a problem where a file that was named is not there', () => {
    const expected = 'absent.yml: 1 problem, not started\n  expected a file that can be read (there is none)';
    assert.equal(from({ file: 'absent.yml' }), expected);
    assert.equal(from({ env: { CONNECT_MEDIC_CONFIG: 'absent.yml' } }), expected);
  });

  it('is a problem where the file cannot be read', () => {
    const loaded = loadConfig({
      env: {},
      cwd: CWD,
      readFile: () => {
        throw Object.assign(new Error('EACCES: hunter2'), { code: 'EACCES' });
      },
    });
    assert.deepEqual(loaded.ok || loaded.problems, [
      { path: '', expected: 'a file that can be read (no permission)' },
    ]);
  });
});

describe('what is no YAML mapping', () => {
  const table: [string, string, string][] = [
    ['a list', '- a', 'expected a mapping of keys, got a list'],
    ['a single value', 'hunter2', 'expected a mapping of keys, got a single value'],
    [
      'a key given twice',
      'server:\n  port: 1\n  port: 2',
      'line 3, column 3: expected each key once in a mapping',
    ],
    ['a tab', 'server:\n\tport: 1', 'line 2, column 1: expected spaces, not tabs, before a key'],
    [
      'an open bracket',
      'clusters: [',
      'line 1, column 12: expected an indentation that fits the lines above',
    ],
    [
      'a tag',
      'server: { port: !env PORT }',
      'line 1, column 17: expected no tags (quotes around a text that begins with !)',
    ],
    ['two documents', 'server:\n---\nledger:', 'line 2, column 1: expected one YAML document'],
    [
      'a variable without quotes in braces',
      `log: { level: \${X} }`, // the first of several that follow from it
      `line 1, column 16: expected valid YAML (quotes around a text with any of { } [ ] , : in it, so around \${NAME} too)`,
    ],
    [
      'an alias of nothing',
      'server: *hunter2',
      'expected YAML whose aliases (*name) have an anchor above, and few of them',
    ],
    [
      'more aliases than anybody needs',
      `a: &a [x]\nb: [${'*a,'.repeat(500)}]`,
      'expected YAML whose aliases (*name) have an anchor above, and few of them',
    ],
  ];
  for (const [what, yaml, expected] of table) {
    it(`${what}: ${expected}`, () => assert.equal(problems(yaml)[0], expected));
  }

  it('a bomb of aliases is refused at once', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const names = Array.from({ length: 9 }, () => `*l${level}`).join(',');
      return `l${level + 1}: &l${level + 1} [${names}]`;
    });
    const text = ['l0: &l0 [x]', ...levels].join('\n');
    assert.deepEqual(problems(text), [
      'expected YAML whose aliases (*name) have an anchor above, and few of them',
    ]);
  });

  it('nesting without end is refused', () => {
    const first = problems('['.repeat(100_000))[0];
    assert.match(first ?? '', /expected YAML that is not nested so deeply$/);
  });

  it('few aliases are fine', () => {
    const { clusters } = valid('clusters: [{ name: a, urls: &u [http://x] }, { name: b, urls: *u }]');
    assert.deepEqual(clusters[1]?.urls, ['http://x']);
  });
});

describe('variables in values', () => {
  it('are replaced where text, numbers and booleans are expected', () => {
    const yaml = `
server: { port: "\${PORT}", host: "\${HOST:-localhost}" }
clusters: [{ name: "\${NAME}", requestTimeout: "\${SECONDS}s" }]
policy: { dryRun: "\${DRY}", delays: ["\${FIRST:-0s}", 1m] }
storm: { threshold: "\${STORM}" }`;
    const env = { PORT: '0', NAME: 'a: [b]', SECONDS: '7', DRY: 'true', STORM: 'off' };
    const config = valid(yaml, { env });
    assert.equal(config.server.port, 0);
    assert.equal(config.server.host, 'localhost');
    assert.equal(config.clusters[0]?.name, 'a: [b]'); // no structure comes in by a value
    assert.equal(config.clusters[0]?.requestTimeoutMs, 7 * SECOND);
    assert.equal(config.policy.dryRun, true);
    assert.equal(config.policy.storm.threshold, null);
  });

  it('make a number of a text only where a variable stands in it', () => {
    assert.deepEqual(problems('server: { port: "80" }'), [
      'server.port: expected a whole number from 0 to 65535, got "80"',
    ]);
    assert.equal(valid(`server: { port: "80\${X}" }`, { env: { X: '80' } }).server.port, 8080);
  });

  for (const bad of ['', ' 1', '1.0', '0x10', '1e3', '65536', '-1']) {
    it(`${JSON.stringify(bad)} from the environment is no port`, () =>
      assert.deepEqual(problems(`server: { port: "\${PORT}" }`, { env: { PORT: bad } }), [
        `server.port: expected a whole number from 0 to 65535, got ${JSON.stringify(bad)}`,
      ]));
  }

  it('are not replaced in keys', () => {
    assert.match(
      problems(`"\${X}": 1`, { env: { X: 'server' } })[0] ?? '',
      /^\["\$\{X\}"\]: expected a known key/,
    );
  });
});

describe('policyFor', () => {
  const config = valid(`
policy: { thenEvery: 0s, stableFor: 3m, jitter: 0%, budget: { per: 1d } }
overrides:
  - { match: ['connector=~"legacy-.*"', cluster=a], policy: { enabled: false, budget: { restarts: 2 } } }
  - { match: ['connector=~"legacy-.*"'], policy: { delays: [1m], permanent: { thenEvery: off }, thenEvery: 2h } }
clusters: [{ name: a }, { name: b }]`);

  it('is the first override whose matchers all fit, laid over the policy key by key', () => {
    const policy = { ...defaultPolicy, thenEveryMs: null, stableForMs: 3 * MINUTE, jitter: 0 };
    assert.deepEqual(policyFor(config, 'a', 'other'), policy);
    assert.deepEqual(policyFor(config, 'a', 'legacy-1'), {
      ...policy,
      enabled: false,
      budget: { restarts: 2, perMs: 24 * 60 * MINUTE },
    });
    assert.deepEqual(policyFor(config, 'b', 'legacy-1'), {
      ...policy,
      delaysMs: [MINUTE],
      thenEveryMs: 120 * MINUTE,
      permanent: { restarts: 1, thenEveryMs: null },
    });
  });

  it('is the same object each time', () => {
    assert.equal(policyFor(config, 'b', 'legacy-1'), policyFor(config, 'b', 'legacy-1'));
  });
});

describe('warnings', () => {
  const table: [string, string, string[]][] = [
    [
      'credentials in the clear',
      'http://connect:8083',
      ['clusters[0].auth is sent over plain http: everybody on the way can read it'],
    ],
    ['to this machine they are not on the way', 'http://127.0.0.1:8083', []],
    ['nor with https', 'https://connect:8083', []],
  ];
  for (const [what, url, expected] of table) {
    it(what, () => {
      const loaded = load(`clusters: [{ urls: ["${url}"], auth: { bearerToken: abc } }]`);
      assert.deepEqual(loaded.ok && loaded.warnings, expected);
    });
  }
});
