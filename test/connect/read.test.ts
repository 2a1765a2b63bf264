import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { ReadOutcome } from '../../src/connect/client.ts';
import {
  ask,
  connectError,
  empty,
  garbage,
  half,
  hang,
  hangInHeaders,
  html,
  json,
  type Reply,
  refusing,
  reset,
  SHORT,
  silent,
  statusBody,
  worker,
} from './worker.ts';

const MEBIBYTE = 1024 * 1024;
const good = json(200, statusBody('c', 'RUNNING', 'FAILED'));

describe('a read of one worker', () => {
  const rows: [what: string, reply: Reply, outcome: ReadOutcome, detail: RegExp][] = [
    ['401', html(401), 'unauthorized', /401$/],
    [
      '403 with a message',
      connectError(403, 'User cannot access'),
      'unauthorized',
      /403 User cannot access$/,
    ],
    ['401 whose body hangs', half(401, 'hang'), 'unauthorized', /401$/],
    ['409', connectError(409, 'rebalance in process'), 'conflict', /409 rebalance in process$/],
    [
      '404 of Connect',
      connectError(404, 'No status found for connector c'),
      'not_found',
      /404 No status found/,
    ],
    ['404 of a worker that is starting', html(404), 'unreachable', /is the worker starting/],
    ['404 of a proxy, in JSON', json(404, { message: 'no route' }), 'unreachable', /without Connect's/],
    ['404 for a path nobody serves', connectError(404, 'HTTP 404 Not Found'), 'nonsense', /no such path/],
    ['500', connectError(500, 'Request timed out'), 'server_error', /500 Request timed out$/],
    ['503 of a proxy', html(503), 'server_error', /503$/],
    ['500 whose body is reset', half(500, 'reset'), 'server_error', /500$/],
    ['200 in HTML', html(200), 'nonsense', /200, but not JSON$/],
    ['200 of another shape', json(200, []), 'nonsense', /200, but not a status$/],
    [
      'the status of another connector',
      json(200, statusBody('d', 'RUNNING')),
      'nonsense',
      /another connector/,
    ],
    ['204', empty(204), 'nonsense', /204$/],
    ['302', empty(302, { location: '/elsewhere' }), 'nonsense', /302$/],
    ['400 of Jetty', html(400), 'nonsense', /400 from the HTTP server, not from Connect/],
    ['400', connectError(400, 'odd'), 'nonsense', /400 odd$/],
    ['bytes that are not HTTP', garbage, 'nonsense', /does not match the HTTP.1.1 protocol/],
    ['a reset', reset, 'unreachable', /ECONNRESET|UND_ERR_SOCKET/],
    ['a reset within the body', half(200, 'reset'), 'unreachable', /200, then /],
    ['nothing at all', hang, 'timeout', /no whole answer within 400 ms$/],
    ['half the headers', hangInHeaders, 'timeout', /within 400 ms$/],
    ['half the body', half(200, 'hang'), 'timeout', /200, then no whole answer within 400 ms$/],
  ];
  for (const [what, reply, outcome, detail] of rows) {
    test(`that answers ${what} is ${outcome}`, async (t) => {
      const fake = await worker(t, { 'GET *': reply });
      const { client, seen } = ask(t, [fake.url], SHORT);
      const result = await client.status('c');
      assert.equal(result.outcome, outcome);
      assert.match('detail' in result ? result.detail : '', detail);
      assert.ok('detail' in result && result.detail.startsWith(`${fake.label}: `));
      assert.deepEqual(seen, [`status ${outcome}`]);
      assert.deepEqual(fake.requests, ['GET /connectors/c/status']);
    });
  }

  test('that nobody listens at is unreachable', async (t) => {
    const label = await refusing();
    const result = await ask(t, [`http://${label}`]).client.status('c');
    assert.deepEqual(result, {
      outcome: 'unreachable',
      detail: `${label}: connection refused (ECONNREFUSED)`,
    });
  });

  test('whose name does not exist is unreachable', async (t) => {
    const result = await ask(t, ['http://no-such-host.invalid:8083']).client.status('c');
    assert.equal(result.outcome, 'unreachable');
    assert.match('detail' in result ? result.detail : '', /^no-such-host\.invalid:8083: host name /);
  });

  test('that accepts connections and never reads is a timeout', async (t) => {
    const { label } = await silent(t);
    assert.equal((await ask(t, [`http://${label}`], SHORT).client.statuses()).outcome, 'timeout');
  });

  test('that redirects is not followed', async (t) => {
    const target = await worker(t, { 'GET *': good });
    const fake = await worker(t, { 'GET *': empty(307, { location: `${target.url}/connectors/c/status` }) });
    assert.equal((await ask(t, [fake.url]).client.status('c')).outcome, 'nonsense');
    assert.equal(target.connections(), 0);
  });

  test('cuts what it says to a short line without control characters', async (t) => {
    const fake = await worker(t, {
      'GET *': connectError(500, `a\r\nb\u0000\u001b[31m\u202e${'x'.repeat(5_000)}`),
    });
    const result = await ask(t, [fake.url]).client.status('c');
    const detail = 'detail' in result ? result.detail : '';
    assert.match(detail, /500 a b \[31m x+…$/);
    assert.ok(detail.length < 250);
    assert.doesNotMatch(detail, /[\p{Cc}\p{Cf}]/u);
  });

  for (const how of ['announced', 'streamed'] as const) {
    test(`is cut off beyond the body limit, ${how}`, async (t) => {
      const fake = await worker(t, {
        'GET *': (_request, response) => {
          if (how === 'announced') response.setHeader('content-length', 2 * MEBIBYTE);
          response.write('x'.repeat(MEBIBYTE + 1));
        },
      });
      const result = await ask(t, [fake.url]).client.settings('c');
      assert.equal(result.outcome, 'nonsense');
      assert.match('detail' in result ? result.detail : '', /more than 1048576 bytes/);
    });
  }

  test('up to the body limit is read', async (t) => {
    const head = '{"name":"c","config":{"a":"';
    const body = `${head}${'x'.repeat(MEBIBYTE - head.length - 3)}"}}`;
    assert.equal(body.length, MEBIBYTE);
    const fake = await worker(t, { 'GET *': (_request, response) => response.end(body) });
    assert.equal((await ask(t, [fake.url]).client.settings('c')).outcome, 'ok');
  });
});

describe('each read', () => {
  test('of all statuses is one call', async (t) => {
    const recorded = await readFile(new URL('../fixtures/connect-expand-status-info.json', import.meta.url));
    const fake = await worker(t, {
      'GET /connectors?expand=status': (_request, response) => response.end(recorded),
    });
    const { client, seen } = ask(t, [fake.url]);
    const result = await client.statuses();
    assert.equal(result.outcome === 'ok' && result.value.size, 8);
    assert.deepEqual(fake.requests, ['GET /connectors?expand=status']);
    assert.deepEqual(seen, ['status ok']);
  });

  test('of all statuses is nonsense where Connect does not know expand', async (t) => {
    const fake = await worker(t, { 'GET *': json(200, ['a', 'b']) });
    const result = await ask(t, [fake.url]).client.statuses();
    assert.match('detail' in result ? result.detail : '', /does not know expand=status/);
  });

  test('of settings tells a connector from a missing one, and both from a worker that is starting', async (t) => {
    const fake = await worker(t, {
      'GET /connectors/here': json(200, { name: 'here', config: {}, tasks: [] }),
      'GET /connectors/gone': connectError(404, 'Connector gone not found'),
      'GET /connectors/early': html(404),
    });
    const { client, seen } = ask(t, [fake.url]);
    assert.deepEqual(await client.settings('here'), {
      outcome: 'ok',
      value: { optedOut: false, connectorClass: null, configHash: null },
    });
    assert.deepEqual(await client.settings('gone'), { outcome: 'ok', value: 'missing' });
    assert.equal((await client.settings('early')).outcome, 'unreachable');
    assert.deepEqual(seen, ['settings ok', 'settings ok', 'settings unreachable']);
  });

  test('of the version gives the Kafka cluster, too', async (t) => {
    const fake = await worker(t, {
      'GET /': json(200, { version: '4.3.0', commit: 'abc', kafka_cluster_id: 'XYZ' }),
    });
    const { client, seen } = ask(t, [fake.url]);
    assert.deepEqual(await client.info(), {
      outcome: 'ok',
      value: { version: '4.3.0', kafkaClusterId: 'XYZ' },
    });
    assert.deepEqual(seen, ['info ok']);
  });

  test('keeps connections for the next', async (t) => {
    const fake = await worker(t, { 'GET *': good });
    const { client } = ask(t, [fake.url]);
    for (let n = 0; n < 20; n += 1) assert.equal((await client.status('c')).outcome, 'ok');
    assert.ok(fake.connections() <= 4);
  });

  test('shares at most four connections with all others', async (t) => {
    const fake = await worker(t, { 'GET *': good });
    const { client } = ask(t, [fake.url]);
    const results = await Promise.all(Array.from({ length: 30 }, () => client.status('c')));
    assert.ok(results.every(({ outcome }) => outcome === 'ok'));
    assert.ok(fake.connections() <= 4);
  });

  test('that waits behind others at a hanging worker ends in time as well, unsent', async (t) => {
    const fake = await worker(t, { 'GET *': hang });
    const { client } = ask(t, [fake.url], SHORT);
    const results = await Promise.all(Array.from({ length: 12 }, () => client.status('c')));
    assert.ok(results.every(({ outcome }) => outcome === 'timeout'));
    assert.ok(fake.requests.length <= 4);
  });

  test('after close is unreachable', async (t) => {
    const fake = await worker(t, { 'GET *': good });
    const { client } = ask(t, [fake.url]);
    await client.close();
    assert.equal((await client.status('c')).outcome, 'unreachable');
    assert.deepEqual(fake.requests, []);
  });
});

describe('a name in a URL', () => {
  const rows: [name: string, segment: string][] = [
    ['plain-1.2_x~', 'plain-1.2_x~'],
    ['a->b.MirrorSourceConnector', 'a-%3Eb.MirrorSourceConnector'],
    ['with space', 'with%20space'],
    ['a/b', 'a%2Fb'],
    ['a?b#c&d=e', 'a%3Fb%23c%26d%3De'],
    ['100%', '100%25'],
    ['a\\b"c', 'a%5Cb%22c'],
    ['ünï😀', '%C3%BCn%C3%AF%F0%9F%98%80'],
    ['a\r\nX: y', 'a%0D%0AX%3A%20y'],
    ['.', '%2E'],
    ['..', '%2E%2E'],
    ['...', '...'],
    ['../connectors/x', '..%2Fconnectors%2Fx'],
  ];
  for (const [name, segment] of rows) {
    test(`${JSON.stringify(name)} is sent as ${segment}`, async (t) => {
      const fake = await worker(t, { 'GET *': json(200, statusBody(name, 'RUNNING')) });
      assert.equal((await ask(t, [`${fake.url}/prefix/`]).client.status(name)).outcome, 'ok');
      assert.deepEqual(fake.requests, [`GET /prefix/connectors/${segment}/status`]);
    });
  }

  test('that no URL can carry is not sent', async (t) => {
    const fake = await worker(t, { 'GET *': good });
    const { client, seen } = ask(t, [fake.url]);
    assert.equal((await client.status('half \ud800')).outcome, 'nonsense');
    assert.equal((await client.settings('half \ud800')).outcome, 'nonsense');
    assert.deepEqual([fake.requests, seen], [[], []]);
  });
});

describe('several URLs', () => {
  const passedOn: [what: string, reply: Reply][] = [
    ['hangs', hang],
    ['resets', reset],
    ['is starting', html(404)],
    ['fails', connectError(500, 'x')],
    ['talks nonsense', garbage],
    ['redirects', empty(301, { location: '/' })],
  ];
  for (const [what, reply] of passedOn) {
    test(`are tried in turn where the first ${what}, and the one that worked is asked first then`, async (t) => {
      const first = await worker(t, { 'GET *': reply });
      const second = await worker(t, { 'GET *': good });
      const { client } = ask(t, [first.url, second.url], SHORT);
      assert.equal((await client.status('c')).outcome, 'ok');
      assert.equal((await client.status('c')).outcome, 'ok');
      assert.equal(first.requests.length, 1);
      assert.equal(second.requests.length, 2);
    });
  }

  const final: [outcome: ReadOutcome, reply: Reply][] = [
    ['unauthorized', html(401)],
    ['conflict', connectError(409, 'rebalance')],
    ['not_found', connectError(404, 'No status found for connector c')],
  ];
  for (const [outcome, reply] of final) {
    test(`are not tried further after ${outcome}`, async (t) => {
      const first = await worker(t, { 'GET *': reply });
      const second = await worker(t, { 'GET *': good });
      assert.equal((await ask(t, [first.url, second.url]).client.status('c')).outcome, outcome);
      assert.deepEqual(second.requests, []);
    });
  }

  test('that all fail give the most telling outcome and name each', async (t) => {
    const refused = await refusing();
    const hanging = await worker(t, { 'GET *': hang });
    const failing = await worker(t, { 'GET *': connectError(500, 'Request timed out') });
    const odd = await worker(t, { 'GET *': html(200) });
    const urls = [`http://user:secret@${refused}`, hanging.url, failing.url, odd.url];
    const { client, seen } = ask(t, urls, SHORT);
    const result = await client.status('c');
    assert.deepEqual(result, {
      outcome: 'server_error',
      detail: [
        `${refused}: connection refused (ECONNREFUSED)`,
        `${hanging.label}: no whole answer within 400 ms`,
        `${failing.label}: 500 Request timed out`,
        `${odd.label}: 200, but not JSON`,
      ].join('; '),
    });
    assert.deepEqual(seen, [
      'status unreachable',
      'status timeout',
      'status server_error',
      'status nonsense',
    ]);
  });

  test('leave one that timed out for last for thirty seconds', async (t) => {
    let nowMs = 0;
    const slow = await worker(t, { 'GET *': [good, hang, good] });
    const other = await worker(t, { 'GET *': [connectError(500, 'x'), good, connectError(500, 'x')] });
    const { client } = ask(t, [slow.url, other.url], SHORT, () => nowMs);
    await client.status('c'); // slow answers
    await client.status('c'); // slow hangs, other fails
    nowMs = 29_999;
    await client.status('c'); // other answers
    assert.equal(slow.requests.length, 2);
    await client.status('c'); // other fails, slow is asked last
    assert.equal(slow.requests.length, 3);
    assert.equal(other.requests.length, 3);
  });

  test('ask one that timed out in its old place after thirty seconds', async (t) => {
    let nowMs = 0;
    const slow = await worker(t, { 'GET *': [hang, good] });
    const other = await worker(t, { 'GET *': connectError(500, 'x') });
    const { client } = ask(t, [slow.url, other.url], SHORT, () => nowMs);
    await client.status('c');
    nowMs = 30_000;
    assert.equal((await client.status('c')).outcome, 'ok');
    assert.equal(other.requests.length, 1);
  });
});

describe('credentials', () => {
  test('are sent as they are at each request', async (t) => {
    const fake = await worker(t, { 'GET *': good });
    let n = 0;
    const { client } = ask(t, [fake.url], {
      authorization: () => {
        n += 1;
        return `Bearer token-${n}`;
      },
    });
    await client.status('c');
    await client.status('c');
    assert.deepEqual(
      fake.headers.map((headers) => headers.authorization),
      ['Bearer token-1', 'Bearer token-2'],
    );
  });

  test('that cannot be read are unauthorized, without a request and without a secret', async (t) => {
    const fake = await worker(t, { 'GET *': good });
    const missing = Object.assign(new Error('hunter2'), { code: 'ENOENT' });
    const { client } = ask(t, [fake.url], {
      authorization: () => {
        throw missing;
      },
    });
    assert.deepEqual(await client.status('c'), {
      outcome: 'unauthorized',
      detail: 'the credentials cannot be read (ENOENT)',
    });
    const broken = ask(t, [fake.url], { authorization: () => 'Bearer hunter2\r\nx: y' });
    const result = await broken.client.status('c');
    assert.equal(result.outcome, 'unauthorized');
    assert.doesNotMatch(JSON.stringify(result), /hunter2/);
    assert.deepEqual(fake.requests, []);
  });

  const basic = Buffer.from('oncall:hunter2').toString('base64');
  for (const authorization of ['Bearer hunter2', `Basic ${basic}`]) {
    test(`that a server echoes are kept out of the detail (${authorization.split(' ')[0]})`, async (t) => {
      const echo: Reply = (request, response) => {
        const message = `bad ${request.headers.authorization} for oncall:hunter2, hunter2, ${basic}`;
        connectError(500, message)(request, response);
      };
      const fake = await worker(t, { 'GET *': echo });
      const { client } = ask(t, [fake.url], { authorization: () => authorization });
      const result = await client.status('c');
      const text = JSON.stringify(result);
      assert.match(text, /\[redacted\]/);
      assert.ok(!text.includes('hunter2'));
      assert.ok(!text.includes(authorization.slice(authorization.indexOf(' ') + 1)));
    });
  }
});
