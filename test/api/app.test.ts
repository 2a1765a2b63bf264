import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';

import { type Built, build } from './given.ts';

const alert = (labels: unknown, over: object = {}): object => ({
  status: 'firing',
  labels,
  annotations: {},
  fingerprint: JSON.stringify(labels),
  ...over,
});
const payload = (...alerts: unknown[]): object => ({ version: '4', status: 'firing', alerts });
const orders = alert({ connect_cluster: 'a', connector: 'orders', task: '0' });

describe('POST /webhook', () => {
  let built: Built;
  before(async () => {
    built = await build();
  });
  after(async () => {
    await built.app.close();
    await built.ledger.close();
  });
  const post = (body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    built.app.inject({
      method: 'POST',
      url: '/webhook',
      headers,
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    });

  it('answers 202 once the signal is in the ledger, and wakes the loop', async () => {
    const response = await post(payload(orders));
    assert.equal(response.statusCode, 202);
    assert.deepEqual(response.json(), { accepted: 1, ignored: 0 });
    assert.deepEqual(built.woken, ['orders']);
    assert.equal((await built.ledger.overview())[0]?.connector, 'orders');
  });

  it('takes every webhook that a real Alertmanager sent', async () => {
    const recorded: unknown[] = JSON.parse(
      readFileSync(new URL('../fixtures/alertmanager-webhooks.json', import.meta.url), 'utf8'),
    );
    const answers = [];
    for (const body of recorded) answers.push((await post(body)).json());
    assert.deepEqual(answers, [
      { accepted: 1, ignored: 0 },
      { accepted: 2, ignored: 0 },
      { accepted: 2, ignored: 0 },
      { accepted: 0, ignored: 1 },
      { accepted: 1, ignored: 0 },
      { accepted: 2, ignored: 0 },
      { accepted: 0, ignored: 1 },
    ]);
  });

  const bad: readonly (readonly [because: string, body: unknown])[] = [
    ['is not JSON', 'nonsense'],
    ['is empty', ''],
    ['is JSON, but no object', '[1,2]'],
    ['is cut off', '{"version":"4","alerts":['],
    ['is of another version', { version: '3', alerts: [] }],
    ['has a numeric version', { version: 4, alerts: [] }],
    ['has no alerts', { version: '4' }],
    ['has null alerts', { version: '4', alerts: null }],
  ];
  for (const [because, body] of bad) {
    it(`answers 400 with problem details when the body ${because}`, async () => {
      const response = await post(body);
      assert.equal(response.statusCode, 400);
      assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
      assert.equal(response.json().status, 400);
    });
  }

  const counted: readonly (readonly [
    because: string,
    accepted: number,
    ignored: number,
    ...alerts: unknown[],
  ])[] = [
    ['a null label drops that alert only', 1, 1, alert({ connect_cluster: 'a', connector: null }), orders],
    ['a number as a label drops that alert only', 1, 1, alert({ connector: 'orders', task: 0 }), orders],
    ['null among the alerts', 1, 1, null, orders],
    ['an unknown cluster', 0, 1, alert({ connect_cluster: 'z', connector: 'orders' })],
    ['no connector and not for remediation', 0, 1, alert({ connect_cluster: 'a' })],
    ['a disabled connector', 0, 1, alert({ connect_cluster: 'a', connector: 'legacy' })],
    ['resolved, with nothing open', 1, 0, alert({ connector: 'never-seen' }, { status: 'resolved' })],
    ['no alerts at all', 0, 0],
  ];
  for (const [because, accepted, ignored, ...alerts] of counted) {
    it(`counts: ${because}`, async () => {
      const response = await post(payload(...alerts));
      assert.equal(response.statusCode, 202);
      assert.deepEqual(response.json(), { accepted, ignored });
    });
  }

  it('reads the cluster soon when an alert for remediation names no connector', async () => {
    built.poked.length = 0;
    const response = await post(payload(alert({ connect_cluster: 'a', remediation: 'kafka-connect' })));
    assert.deepEqual(response.json(), { accepted: 1, ignored: 0 });
    assert.deepEqual(built.poked, ['a']);
  });

  it('reads the cluster soon when the group was truncated', async () => {
    built.poked.length = 0;
    await post({ ...payload(orders), truncatedAlerts: 7 });
    assert.deepEqual(built.poked, ['a']);
  });

  it('takes JSON under any content type', async () => {
    for (const type of ['application/json; charset=utf-8', 'text/plain', 'application/vnd.x+json']) {
      assert.equal((await post(payload(orders), { 'content-type': type })).statusCode, 202);
    }
  });

  it('takes a body that tries to reach the prototype, as plain data', async () => {
    const response = await post(
      '{"version":"4","alerts":[],"__proto__":{"polluted":true},"constructor":{"prototype":{}}}',
    );
    assert.equal(response.statusCode, 202);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  it('takes ten thousand alerts in one body', async () => {
    const alerts = Array.from({ length: 10_000 }, (_, index) =>
      alert({ connect_cluster: 'a', connector: `many-${index % 500}`, task: String(index) }),
    );
    const response = await post(payload(...alerts));
    assert.deepEqual(response.json(), { accepted: 10_000, ignored: 0 });
    const many = (await built.ledger.list()).filter(({ remediation }) =>
      remediation.connector.startsWith('many-'),
    );
    assert.equal(many.length, 500);
    assert.ok(many.every(({ remediation }) => remediation.alerts.length === 20));
  });

  it('answers 413 beyond the body limit', async () => {
    const small = await build({ bodyLimitBytes: 1_000 });
    const response = await small.app.inject({
      method: 'POST',
      url: '/webhook',
      payload: payload('x'.repeat(2_000)),
    });
    assert.equal(response.statusCode, 413);
    const metrics = await small.app.inject('/metrics');
    assert.match(metrics.body, /connect_medic_webhooks_total\{outcome="too_large"\} 1/);
    assert.match(metrics.body, /connect_medic_limit_hits_total\{limit="body"\} 1\n/);
    await small.app.close();
    await small.ledger.close();
  });

  it('answers 405 to everything but POST', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'] as const) {
      const response = await built.app.inject({ method, url: '/webhook' });
      assert.equal(response.statusCode, 405, method);
      assert.equal(response.headers['allow'], 'POST');
    }
  });

  it('P6: answers 503 while the ledger cannot be written, and 202 when it can again', async () => {
    built.down = true;
    assert.equal((await post(payload(orders))).statusCode, 503);
    assert.equal((await built.app.inject('/readyz')).statusCode, 503);
    assert.equal((await built.app.inject('/livez')).statusCode, 200);
    assert.match((await built.app.inject('/metrics')).body, /connect_medic_ledger_up 0/);
    assert.equal((await built.app.inject('/api/v1/remediations')).statusCode, 503);
    built.down = false;
    assert.equal((await post(payload(orders))).statusCode, 202);
    assert.equal((await built.app.inject('/readyz')).statusCode, 200);
    assert.match((await built.app.inject('/metrics')).body, /connect_medic_ledger_up 1/);
  });

  it('ignores and counts what is beyond the limit of remediations', async () => {
    const small = await build({ remediations: 2 });
    const alerts = ['c1', 'c2', 'c3'].map((connector) => alert({ connector }));
    const response = await small.app.inject({ method: 'POST', url: '/webhook', payload: payload(...alerts) });
    assert.deepEqual(response.json(), { accepted: 2, ignored: 1 });
    await small.app.close();
    await small.ledger.close();
  });
});

describe('GET /api/v1/remediations', () => {
  let built: Built;
  before(async () => {
    built = await build();
    const names = ['orders', 'a->b.MirrorSourceConnector', 'with / slash', 'ünïcödé', '...'];
    const alerts = names.map((connector) => alert({ connect_cluster: 'a', connector }));
    await built.app.inject({ method: 'POST', url: '/webhook', payload: payload(...alerts) });
  });
  after(async () => {
    await built.app.close();
    await built.ledger.close();
  });
  const get = async (url: string) => built.app.inject(url);

  it('lists what the contract names, ordered by connector', async () => {
    const { remediations } = (await get('/api/v1/remediations')).json();
    assert.equal(remediations.length, 5);
    const one = remediations.find(({ connector }: { connector: string }) => connector === 'orders');
    assert.deepEqual(Object.keys(one).sort(), [
      'alerts',
      'attempts',
      'attemptsMax',
      'cause',
      'cluster',
      'connector',
      'escalation',
      'history',
      'hold',
      'lastRestartAt',
      'nextAt',
      'reason',
      'since',
      'state',
    ]);
    assert.deepEqual([one.state, one.attempts, one.attemptsMax, one.escalation], ['waiting', 0, 7, null]);
    assert.match(one.nextAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(one.alerts[0].labels, { connect_cluster: 'a', connector: 'orders' });
  });

  it('filters by cluster, state and escalation, and refuses a state that is none', async () => {
    const count = async (query: string) =>
      (await get(`/api/v1/remediations?${query}`)).json().remediations.length;
    assert.deepEqual(
      [
        await count('cluster=a'),
        await count('cluster=z'),
        await count('state=waiting'),
        await count('state=held'),
      ],
      [5, 0, 5, 0],
    );
    assert.deepEqual([await count('escalated=true'), await count('escalated=false')], [0, 5]);
    assert.equal((await get('/api/v1/remediations?state=broken')).statusCode, 400);
  });

  it('gives one by its percent-encoded name', async () => {
    for (const name of ['orders', 'a->b.MirrorSourceConnector', 'with / slash', 'ünïcödé', '...']) {
      const response = await get(`/api/v1/remediations/a/${encodeURIComponent(name)}`);
      assert.equal(response.statusCode, 200, name);
      assert.equal(response.json().connector, name);
    }
  });

  it('answers 404 with problem details for what it does not know', async () => {
    for (const url of ['/api/v1/remediations/a/none', '/api/v1/remediations/z/orders', '/nowhere']) {
      const response = await get(url);
      assert.equal(response.statusCode, 404);
      assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
    }
  });
});

describe('credentials', () => {
  let built: Built;
  before(async () => {
    built = await build({
      credentials: [
        { name: 'alertmanager', roles: ['webhook'], scheme: { kind: 'bearer', token: () => 't0k3n' } },
        {
          name: 'oncall',
          roles: ['read', 'operate'],
          scheme: { kind: 'basic', username: 'oncall', password: () => 'pässword:x' },
        },
      ],
    });
  });
  after(async () => {
    await built.app.close();
    await built.ledger.close();
  });
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  const call = async (method: 'GET' | 'POST', url: string, authorization?: string) =>
    (
      await built.app.inject({
        method,
        url,
        ...(method === 'POST' ? { payload: payload() } : {}),
        ...(authorization === undefined ? {} : { headers: { authorization } }),
      })
    ).statusCode;

  it('are needed for every path that is not open, whether it exists or not', async () => {
    assert.equal(await call('POST', '/webhook'), 401);
    assert.equal(await call('GET', '/webhook'), 401);
    assert.equal(await call('GET', '/api/v1/remediations'), 401);
    assert.equal(await call('GET', '/api/v1/remediations/a/b'), 401);
    assert.equal(await call('GET', '/nowhere'), 401);
    for (const open of ['/livez', '/readyz', '/metrics']) assert.equal(await call('GET', open), 200);
  });

  it('are needed for a path that cannot even be decoded', async () => {
    const response = await built.app.inject('/api/v1/remediations/a/%zz');
    assert.equal(response.statusCode, 401);
    assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
  });

  it('open what their roles say, and nothing else', async () => {
    assert.equal(await call('POST', '/webhook', 'Bearer t0k3n'), 202);
    assert.equal(await call('GET', '/api/v1/remediations', 'Bearer t0k3n'), 403);
    assert.equal(await call('GET', '/api/v1/remediations', basic('oncall:pässword:x')), 200);
    assert.equal(await call('POST', '/webhook', basic('oncall:pässword:x')), 403);
    assert.equal(await call('GET', '/nowhere', 'Bearer t0k3n'), 404);
  });

  it('have to be exact', async () => {
    for (const wrong of [
      'Bearer t0k3',
      'Bearer t0k3nn',
      'bearer',
      'Basic t0k3n',
      't0k3n',
      basic('oncall:'),
      '',
    ]) {
      assert.equal(await call('POST', '/webhook', wrong), 401, wrong);
    }
    assert.equal(await call('POST', '/webhook', 'bearer t0k3n'), 202, 'the scheme has no case');
  });
});
