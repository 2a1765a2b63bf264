/** `--check` as a whole against scripted servers: what real ones do only when they are ill. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { lineOf } from '../../src/check/findings.ts';
import { limited } from '../../src/check/limited.ts';
import {
  parseAlertmanagerCount,
  parseGroups,
  parseVector,
  parseVersion,
} from '../../src/check/prometheus-parse.ts';
import { RoutingError, readRouting, routesOf } from '../../src/check/route-tree.ts';
import type { ConnectState } from '../../src/core/model.ts';
import { valid } from '../config/helpers.ts';
import { type Answer, run, serve, worker } from './given.ts';

const connect = (t: TestContext, connectors: Record<string, readonly ConnectState[]> = {}) =>
  serve(
    t,
    worker(() => connectors),
  );
const success = (data: unknown): Answer => ({ body: { status: 'success', data } });
const vector = (...result: unknown[]): Answer => success({ resultType: 'vector', result });

/** A Prometheus in which nothing is, but that answers. */
function prometheus(path: string): Answer | undefined {
  switch (path) {
    case '/api/v1/status/buildinfo':
      return success({ version: '3.5.0' });
    case '/api/v1/query':
      return vector();
    case '/api/v1/rules':
      return success({ groups: [] });
    case '/api/v1/alertmanagers':
      return success({ activeAlertmanagers: null });
    default:
      return undefined;
  }
}

/** An Alertmanager without alerts that shows no configuration. */
function alertmanager(path: string): Answer | undefined {
  if (path === '/api/v2/status') return { body: { versionInfo: { version: '0.34.0' } } };
  return path.startsWith('/api/v2/') ? { body: [] } : undefined;
}

async function checked(
  t: TestContext,
  script: (path: string) => Answer | undefined,
  bearerFile: string | null = null,
): Promise<{ code: number; text: string; seen: { path: string; authorization: string | undefined }[] }> {
  const seen: { path: string; authorization: string | undefined }[] = [];
  const [worker, { url }] = await Promise.all([
    connect(t),
    serve(t, (path, { headers }) => {
      seen.push({ path, authorization: headers.authorization });
      return script(path);
    }),
  ]);
  const config = valid(`ledger: { url: 'memory:' }\nclusters: [{ name: default, urls: ['${worker.url}'] }]`);
  const { code, lines } = await run(config, { prometheus: { url, bearerFile } });
  return { code, text: lines.join('\n'), seen };
}

describe('a Prometheus', () => {
  test('in which nothing is: no rules and no Alertmanager fail', async (t) => {
    const { code, text } = await checked(t, prometheus);
    assert.equal(code, 1, text);
    assert.match(text, /^ok .*Prometheus 3\.5\.0$/m);
    assert.match(text, /^FAILED .*no alerting rule/m);
    assert.match(text, /^FAILED .*it sends alerts to no Alertmanager/m);
  });

  const bad: { why: string; answer: Answer; says: RegExp }[] = [
    {
      why: 'that wants credentials',
      answer: { status: 401, body: { error: 'no' } },
      says: /unauthorized: 401 no$/m,
    },
    {
      why: 'that redirects',
      answer: { status: 302, body: '' },
      says: /nonsense: 302, a redirect, which is not followed/,
    },
    { why: 'that is a page', answer: { body: '<html>hello</html>' }, says: /nonsense: 200, but not JSON/ },
    {
      why: 'that answers something else',
      answer: { body: { data: 1 } },
      says: /nonsense: 200, but no vector/,
    },
    {
      why: 'that fails',
      answer: { status: 500, body: { error: 'token=pl4nted-s3cret' } },
      says: /server_error: 500 token=/,
    },
    { why: 'that is not there', answer: { status: 404, body: '' }, says: /nonsense: 404: check the URL/ },
  ];
  for (const { why, answer, says } of bad) {
    test(`${why} fails, once`, async (t) => {
      const { code, text, seen } = await checked(t, () => answer);
      assert.equal(code, 1);
      assert.equal(text.match(/^FAILED {2}prometheus/gm)?.length, 1, text);
      assert.match(text, says);
      assert.ok(!text.includes('s3cret'), text);
      assert.ok(seen.every(({ path }) => path.startsWith('/api/v1/')));
    });
  }

  test('that is something else which knows the query language is used as far as it goes', async (t) => {
    const { text } = await checked(t, (path) => (path === '/api/v1/query' ? vector() : undefined));
    assert.match(text, /^ok .*: answers queries$/m);
    assert.match(text, /^note .*its rules cannot be read, nonsense: 404/m);
    assert.match(text, /^note .*its Alertmanagers cannot be read/m);
  });

  test('that is too old for the shipped rules', async (t) => {
    const old = (path: string) =>
      path === '/api/v1/status/buildinfo' ? success({ version: '2.41.0' }) : prometheus(path);
    assert.match((await checked(t, old)).text, /^note .*need Prometheus 2\.42 or newer/m);
  });

  test('gets the token of the file, and shows it to nobody (P10)', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'connect-medic-check-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'token');
    writeFileSync(file, 'pl4nted-s3cret\n');
    const echo: Answer = { status: 403, body: { error: 'Bearer pl4nted-s3cret is not welcome' } };
    const { text, seen } = await checked(t, () => echo, file);
    assert.ok(
      seen.every(({ authorization }) => authorization === 'Bearer pl4nted-s3cret') && seen.length > 0,
    );
    assert.match(text, /is not welcome/);
    assert.ok(!text.includes('s3cret'), text);
    const without = await checked(t, prometheus, join(folder, 'nowhere'));
    assert.match(without.text, /^FAILED .*--prometheus-bearer-file cannot be read \(ENOENT\)/m);
    assert.equal(without.seen.length, 0);
  });
});

test('without --prometheus it says what was not looked at, and how to', async (t) => {
  const { url } = await connect(t);
  const { code, lines } = await run(valid(`ledger: { url: 'memory:' }\nclusters: [{ urls: ['${url}'] }]`));
  assert.equal(code, 0);
  assert.equal(
    lines.filter((line) => /^note .*were not looked at: --check --prometheus http/.test(line)).length,
    1,
  );
});

test('an Alertmanager that does not tell its alerts fails: nothing is restarted without them', async (t) => {
  const [{ url }, am] = await Promise.all([
    connect(t, { orders: ['RUNNING', 'FAILED'] }),
    serve(t, (path) => (path === '/api/v2/alerts' ? { status: 403, body: '"no"' } : alertmanager(path))),
  ]);
  const { code, lines } = await run(
    valid(
      `ledger: { url: 'memory:' }\nclusters: [{ urls: ['${url}'] }]\nalertmanagers: [{ url: '${am.url}' }]`,
    ),
  );
  assert.equal(code, 1);
  assert.ok(
    lines.some((line) => /^FAILED .*alerts unauthorized: 403/.test(line)),
    lines.join('\n'),
  );
  // What is not seen may fire: nothing is said about it.
  assert.ok(!lines.some((line) => line.includes('no alert for')), lines.join('\n'));
});

test('where all alerts are too much to read, those with the remediation label are enough', async (t) => {
  const [{ url }, am] = await Promise.all([
    connect(t),
    serve(t, (path, { url: whole = '' }) =>
      path === '/api/v2/alerts' && !whole.includes('filter=remediation%3D')
        ? { status: 500, body: '"too much"' }
        : alertmanager(path),
    ),
  ]);
  const { code, lines } = await run(
    valid(
      `ledger: { url: 'memory:' }\nclusters: [{ urls: ['${url}'] }]\nalertmanagers: [{ url: '${am.url}' }]`,
    ),
  );
  assert.equal(code, 0, lines.join('\n'));
  assert.ok(
    lines.some((line) =>
      /^note .*alerts without remediation=.* were not looked at, server_error: 500/.test(line),
    ),
    lines.join('\n'),
  );
});

test('of a pair, an alert that one of them lists is one alert', async (t) => {
  const alert = {
    fingerprint: 'f',
    labels: { alertname: 'A', remediation: 'kafka-connect', connector: 'orders' },
    status: { state: 'active', silencedBy: [], inhibitedBy: [] },
  };
  const [{ url }, a, b] = await Promise.all([
    connect(t, { orders: ['RUNNING', 'FAILED'] }),
    serve(t, (path) => (path === '/api/v2/alerts' ? { body: [alert] } : alertmanager(path))),
    serve(t, (path) => (path === '/api/v2/alerts' ? { body: [alert] } : alertmanager(path))),
  ]);
  const { code, lines } = await run(
    valid(
      `ledger: { url: 'memory:' }\nclusters: [{ urls: ['${url}'] }]\nalertmanagers: [{ url: '${a.url}' }, { url: '${b.url}' }]`,
    ),
  );
  assert.equal(code, 0, lines.join('\n'));
  assert.ok(
    lines.some((line) => /^ok {6}alerts: 1 alert with/.test(line)),
    lines.join('\n'),
  );
});

test('P8: a part that hangs is told as such, in its place, and keeps the others from nothing', async (t) => {
  const hang = (): Answer => 'hang';
  const [one, two, am, prom] = await Promise.all([
    serve(t, hang),
    connect(t),
    serve(t, hang),
    serve(t, hang),
  ]);
  const { code, lines } = await run(
    valid(
      `ledger: { url: 'memory:' }\nclusters: [{ name: one, urls: ['${one.url}'] }, { name: two, urls: ['${two.url}'] }]\n` +
        `alertmanagers: [{ url: '${am.url}' }]`,
    ),
    { prometheus: { url: prom.url, bearerFile: null }, partAtMostMs: 500 },
  );
  assert.equal(code, 1);
  assert.deepEqual(
    lines.map((line) => line.replace(/http:\S+(?=:)/, 'URL')),
    [
      'ok      configuration: medic.yml is valid',
      'ok      ledger memory: can be written, 0 remediations in it',
      'FAILED  cluster one: no answer within 0.5 s',
      'ok      cluster two URL: Kafka Connect 4.3.0, 0 connectors, 0 failed parts',
      'FAILED  alertmanager URL: no answer within 0.5 s',
      'FAILED  prometheus URL: no answer within 0.5 s',
      '3 of the above cannot be used, or keep remediation from working',
    ],
  );
});

test('P9: whatever Prometheus and Alertmanager say, nothing throws', () => {
  const parsers = [parseVersion, parseVector, parseGroups, parseAlertmanagerCount];
  const around = fc.oneof(
    fc.jsonValue(),
    fc.record({ status: fc.constant('success'), data: fc.jsonValue() }),
    fc.record({
      status: fc.constant('success'),
      data: fc.record({
        groups: fc.array(fc.jsonValue()),
        result: fc.array(fc.jsonValue()),
        resultType: fc.constant('vector'),
      }),
    }),
  );
  fc.assert(
    fc.property(around, (json) => {
      for (const parse of parsers) parse(json);
    }),
  );
  const route = fc.record({
    receiver: fc.jsonValue(),
    matchers: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
    match: fc.jsonValue(),
    match_re: fc.dictionary(fc.string(), fc.string()),
    group_by: fc.jsonValue(),
    routes: fc.jsonValue(),
  });
  const document = fc.oneof(
    fc.string(),
    fc.jsonValue().map((json) => JSON.stringify(json)),
    fc.record({ route, receivers: fc.jsonValue() }).map((json) => JSON.stringify(json)),
  );
  fc.assert(
    fc.property(document, (text) => {
      try {
        routesOf(readRouting(text).root, { alertname: 'a' });
      } catch (error) {
        assert.ok(error instanceof RoutingError, String(error));
      }
    }),
  );
});

test('a fault in one part is told in its place', async () => {
  const { findings, facts } = await limited('a part', 10_000, async () => {
    throw new TypeError('token=pl4nted-s3cret');
  });
  assert.equal(facts, null);
  assert.deepEqual(findings.list.map(lineOf), ['FAILED  a part: cannot be looked at: token=***']);
});
