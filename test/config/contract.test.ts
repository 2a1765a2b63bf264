import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { valid } from './helpers.ts';
import { makePem } from './pem.ts';

const pem = await makePem();

/** Every key there is, with a value of its own. */
const EVERYTHING = `
server:
  host: 127.0.0.1
  port: 9099
  auth:
    - { name: alertmanager, bearerToken: "\${MEDIC_TOKEN}", roles: [webhook] }
    - { name: oncall, basic: { username: oncall, password: "s3cr3t pass" }, roles: [read, operate] }
    - { name: rotated, bearerTokenFile: /run/secrets/token, roles: [webhook, read] }
    - { name: legacy, basic: { username: legacy, passwordFile: secrets/password }, roles: [read] }
  tls: { certFile: tls/server.pem, keyFile: tls/server.key, clientCaFile: tls/ca.pem }
  bodyLimitBytes: 8388608
ledger:
  url: rediss://:hunter2@redis:6379/0
  keyPrefix: connect-medic
  replicas: 0
alertmanagers:
  - url: http://127.0.0.1:9093
    auth: { bearerTokenFile: /run/secrets/token }
    tls: { caFile: tls/ca.pem }
clusters:
  - name: default
    urls: [http://127.0.0.1:8083, https://connect-2:8083/]
    auth: { basic: { username: medic, password: hunter3 } }
    tls: { caFile: tls/ca.pem, certFile: tls/server.pem, keyFile: tls/server.key }
    requestTimeout: 10s
    maxUnverified: 10
labels:
  cluster: connect_cluster
  connector: connector
  task: task
remediationLabel: 'remediation="kafka-connect"'
onClusterAlert: look
resyncEvery: 1m
statusEvery: 30s
policy:
  delays: [0s, 2m, 6m, 12m, 20m, 30m, 42m]
  thenEvery: 1h
  stableFor: auto
  settle: 5s
  stuckAfter: 5m
  budget: { restarts: 20, per: 24h }
  permanent: { restarts: 1, thenEvery: 6h }
  jitter: 10%
  enabled: true
  dryRun: false
overrides:
  - { match: ['connector=~"legacy-.*"'], policy: { enabled: false } }
storm: { threshold: 5, proof: 2m, everyAtMost: 5m }
diagnosisFile: rules/own.yml
limits: { remediations: 20000, alertsPerRemediation: 20, events: 100000 }
log: { level: info }
`;

const files = {
  '/run/secrets/token': 'from-a-file\n',
  '/work/secrets/password': 'päss word\r\n',
  '/work/tls/server.pem': pem.cert,
  '/work/tls/server.key': pem.key,
  '/work/tls/ca.pem': pem.ca,
  '/work/rules/own.yml': 'rules: []',
};

describe('a configuration with every key', () => {
  const config = valid(EVERYTHING, { files, env: { MEDIC_TOKEN: 'from-the-environment' } });

  it('takes each secret from where it is', () => {
    assert.ok(config.server.auth !== 'none');
    const seen = config.server.auth.map(({ name, roles, auth }) =>
      auth.kind === 'bearer'
        ? [name, roles, auth.token.reveal()]
        : [name, roles, auth.username, auth.password.reveal()],
    );
    assert.deepEqual(seen, [
      ['alertmanager', ['webhook'], 'from-the-environment'],
      ['oncall', ['read', 'operate'], 'oncall', 's3cr3t pass'],
      ['rotated', ['webhook', 'read'], 'from-a-file'],
      ['legacy', ['read'], 'legacy', 'päss word'],
    ]);
  });

  it('names files by absolute paths', () => {
    assert.deepEqual(config.server.tls, {
      certFile: '/work/tls/server.pem',
      keyFile: '/work/tls/server.key',
      clientCaFile: '/work/tls/ca.pem',
    });
    assert.deepEqual(config.alertmanagers[0]?.tls, { caFile: '/work/tls/ca.pem' });
    assert.equal(config.diagnosisFile, '/work/rules/own.yml');
  });

  it('knows the ledger', () => {
    assert.ok(config.ledger.kind === 'redis');
    const { mode, tls, url } = config.ledger;
    assert.deepEqual([mode, tls, url.reveal()], ['single', true, 'rediss://:hunter2@redis:6379/0']);
  });

  it('shows no secret, however it is printed', () => {
    const printed = JSON.stringify(config) + String(config.ledger.kind === 'redis' && config.ledger.url);
    for (const secret of ['from-the-environment', 's3cr3t', 'from-a-file', 'päss', 'hunter2', 'hunter3']) {
      assert.ok(!printed.includes(secret), secret);
    }
  });
});

describe('ledger.url', () => {
  const accepted: [string, object][] = [
    ['sqlite:./x.db', { kind: 'sqlite', path: '/work/x.db' }],
    ['sqlite:x.db', { kind: 'sqlite', path: '/work/x.db' }],
    ['sqlite:/abs/x.db', { kind: 'sqlite', path: '/abs/x.db' }],
    ['sqlite:///abs/x.db', { kind: 'sqlite', path: '/abs/x.db' }],
    ['memory:', { kind: 'memory' }],
  ];
  for (const [url, expected] of accepted) {
    it(url, () => assert.deepEqual(valid(`ledger: { url: "${url}" }`).ledger, expected));
  }

  const redis: [string, string, boolean][] = [
    ['redis://h', 'single', false],
    ['rediss://u:p@h:6380/1', 'single', true],
    ['redis+sentinel://:p@h1:26379,h2:26379/mymaster/0', 'sentinel', false],
    ['redis+cluster://h1:7000,h2:7000', 'cluster', false],
  ];
  for (const [url, mode, tls] of redis) {
    it(url, () => {
      const { ledger } = valid(`ledger: { url: "${url}" }`);
      assert.ok(ledger.kind === 'redis');
      assert.deepEqual([ledger.mode, ledger.tls, ledger.url.reveal()], [mode, tls, url]);
    });
  }
});
