import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AlertmanagerOutcome, alertmanagerOutcomes } from '../../src/alertmanager/client.ts';
import {
  empty,
  garbage,
  half,
  hang,
  html,
  json,
  type Reply,
  raw,
  refusing,
  reset,
  SHORT_MS,
  silent,
  worker,
} from '../connect/worker.ts';
import { clientOf, ENDS_AT_MS, labelsOf, listed, silence } from './given.ts';

const ALERTS = '/api/v2/alerts?active=false&silenced=true&inhibited=true';
const LIMIT =
  'HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n' +
  'Limit of concurrent GET requests reached (8), try again later.\n';
const SILENCES = '/api/v2/silences';

describe('reading an Alertmanager', () => {
  test('lists alerts, asking for those that matter', async (t) => {
    const alert = listed('f1', labelsOf(), { silencedBy: ['s1'] });
    const { url, requests } = await worker(t, { 'GET *': json(200, [alert]) });
    const { client, seen } = clientOf(t, url);
    assert.deepEqual(await client.alerts({ filter: [], active: false }), {
      outcome: 'ok',
      value: [{ fingerprint: 'f1', labels: labelsOf(), status: { silencedBy: ['s1'], inhibitedBy: [] } }],
    });
    await client.alerts({ filter: ['remediation="kafka-connect"', 'a=~"b+ c"'], active: true });
    assert.deepEqual(requests, [
      `GET ${ALERTS}`,
      'GET /api/v2/alerts?active=true&silenced=true&inhibited=true' +
        '&filter=remediation%3D%22kafka-connect%22&filter=a%3D%7E%22b%2B+c%22',
    ]);
    assert.deepEqual(seen, ['alerts ok', 'alerts ok']);
  });

  test('lists silences and says the version', async (t) => {
    const { url } = await worker(t, {
      [`GET ${SILENCES}`]: json(200, [silence('s1', { connector: 'c' })]),
      'GET /api/v2/status': json(200, { versionInfo: { version: '0.25.0' }, uptime: 'x' }),
    });
    const { client, seen } = clientOf(t, url);
    assert.deepEqual(await client.silences(), {
      outcome: 'ok',
      value: [
        {
          id: 's1',
          state: 'active',
          createdBy: 'anna',
          comment: 'maintenance',
          endsAtMs: ENDS_AT_MS,
          matchers: [{ name: 'connector', value: 'c', isRegex: false, isEqual: true }],
        },
      ],
    });
    assert.deepEqual(await client.status(), { outcome: 'ok', value: { version: '0.25.0' } });
    assert.deepEqual(seen, ['silences ok', 'status ok']);
  });

  test('keeps the path prefix, with or without a slash at its end, and shows no credentials in its name', async (t) => {
    const { url, label, requests } = await worker(t, { 'GET *': json(200, []) });
    for (const prefix of ['/am', '/am/', '/a/b']) {
      const { client } = clientOf(t, url + prefix);
      assert.equal(client.name, `${label}${prefix.replace(/\/$/, '')}`);
      await client.silences();
    }
    const expected = ['/am', '/am', '/a/b'].map((prefix) => `GET ${prefix}${SILENCES}`);
    assert.deepEqual(requests, expected);
  });

  test('reads the credentials for each request', async (t) => {
    const { url, headers } = await worker(t, { 'GET *': json(200, []) });
    const tokens = ['Bearer one', 'Basic dXNlcjpwYXNz'];
    const { client } = clientOf(t, url, { authorization: () => tokens.shift() ?? '' });
    await client.silences();
    await client.silences();
    assert.deepEqual(
      headers.map(({ authorization }) => authorization),
      ['Bearer one', 'Basic dXNlcjpwYXNz'],
    );
  });

  test('sends nothing when the credentials cannot be read', async (t) => {
    const { url, requests } = await worker(t, { 'GET *': json(200, []) });
    const { client } = clientOf(t, url, { authorization: () => 'Bearer a\nb' });
    assert.equal((await client.silences()).outcome, 'unauthorized');
    assert.deepEqual(requests, []);
  });
});

describe('what an Alertmanager may do', () => {
  const cases: [what: string, reply: Reply, outcome: AlertmanagerOutcome, detail: RegExp][] = [
    ['401', json(401, 'who are you'), 'unauthorized', /^401 who are you$/],
    ['403 in HTML', html(403), 'unauthorized', /^403$/],
    [
      '500 from silences of a newer version',
      json(500, 'multiple sets'),
      'server_error',
      /^500 multiple sets$/,
    ],
    ['502 of a proxy', html(502), 'server_error', /^502$/],
    ['503 twice', json(503, 'too many concurrent requests'), 'overloaded', /^503 too many/],
    [
      '503 in a plain line, as the limit of concurrent reads says it',
      raw(LIMIT, 'end'),
      'overloaded',
      /^503 Limit of .* later\.$/,
    ],
    ['429 of a proxy twice', empty(429), 'overloaded', /^429$/],
    ['a redirect', empty(302, { location: '/elsewhere' }), 'nonsense', /redirect/],
    ['404', html(404), 'nonsense', /404: check the URL/],
    ['204', empty(204), 'nonsense', /^204$/],
    ['HTML with 200', html(200), 'nonsense', /not JSON/],
    ['an object instead of a list', json(200, { data: [] }), 'nonsense', /not a list/],
    ['null instead of a list', json(200, null), 'nonsense', /not a list/],
    ['bytes that are not HTTP', garbage, 'nonsense', /./],
    ['a connection that is reset', reset, 'unreachable', /./],
    ['half an answer and a reset', half(200, 'reset'), 'unreachable', /^200, then /],
    ['a 401 whose body never ends', half(401, 'hang'), 'unauthorized', /^401$/],
    ['no answer', hang, 'timeout', /within/],
    ['half an answer and silence', half(200, 'hang'), 'timeout', /^200, then /],
    ['half the headers', raw('HTTP/1.1 200 OK\r\ncontent-ty', 'hang'), 'timeout', /within/],
  ];
  for (const [what, reply, outcome, detail] of cases) {
    test(`${what} is ${outcome}`, async (t) => {
      const { url, requests } = await worker(t, { 'GET *': reply });
      const short = outcome === 'timeout' || what.includes('never ends');
      const { client, seen } = clientOf(t, url, short ? { requestTimeoutMs: SHORT_MS } : {});
      const result = await client.silences();
      assert.equal(result.outcome, outcome);
      assert.match('detail' in result ? result.detail : '', detail);
      const times = outcome === 'overloaded' ? 2 : 1;
      assert.deepEqual(seen, Array(times).fill(`silences ${outcome}`));
      assert.deepEqual(requests, Array(times).fill(`GET ${SILENCES}`));
      assert.ok(alertmanagerOutcomes.includes(outcome));
    });
  }

  test('nobody at the port is unreachable; somebody who never speaks is a timeout', async (t) => {
    const refused = await clientOf(t, `http://${await refusing()}`).client.silences();
    assert.deepEqual(refused, { outcome: 'unreachable', detail: 'connection refused (ECONNREFUSED)' });
    const { label } = await silent(t);
    const mute = await clientOf(t, `http://${label}`, { requestTimeoutMs: SHORT_MS }).client.silences();
    assert.equal(mute.outcome, 'timeout');
  });

  test('a 503 is retried once, after 250 to 500 ms', async (t) => {
    const { url } = await worker(t, { 'GET *': [empty(503), json(200, [])] });
    const { client, seen, slept } = clientOf(t, url);
    assert.deepEqual(await client.silences(), { outcome: 'ok', value: [] });
    assert.deepEqual(seen, ['silences overloaded', 'silences ok']);
    assert.deepEqual(slept, [375]);
  });

  // Boundary pair: `[` + 98 spaces + `]` is 100 bytes.
  for (const [limit, outcome] of [
    [100, 'ok'],
    [99, 'nonsense'],
  ] as const) {
    test(`an answer of 100 bytes under a limit of ${limit} is ${outcome}`, async (t) => {
      const body = `[${' '.repeat(98)}]`;
      const chunked: Reply = (_request, response) => {
        response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(body);
      };
      const { url } = await worker(t, { 'GET *': chunked });
      const { client } = clientOf(t, url, { bodyLimitBytes: limit });
      assert.equal((await client.silences()).outcome, outcome);
    });
  }

  test('details hold no secrets (P10): neither those that were sent nor those that look like some', async (t) => {
    const echo: Reply = (request, response) => {
      response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify(`${request.headers.authorization} password=hunter2`));
    };
    const { url } = await worker(t, { 'GET *': echo });
    const { client } = clientOf(t, url, { authorization: () => 'Bearer s3cr3t-t0ken' });
    const result = await client.silences();
    const detail = 'detail' in result ? result.detail : '';
    assert.equal(result.outcome, 'server_error');
    assert.doesNotMatch(detail, /s3cr3t|hunter2/);
  });

  test('a closed client answers, and does not throw', async (t) => {
    const { url } = await worker(t, { 'GET *': json(200, []) });
    const { client } = clientOf(t, url);
    await client.close();
    assert.equal((await client.silences()).outcome, 'unreachable');
  });
});
