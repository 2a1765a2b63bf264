import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RestartResult } from '../../src/connect/client.ts';
import type { RestartPlan } from '../../src/core/model.ts';
import {
  ask,
  connectError,
  empty,
  type FakeWorker,
  garbage,
  half,
  hang,
  hangInHeaders,
  html,
  json,
  type Reply,
  raw,
  refusing,
  reset,
  type Script,
  SHORT,
  silent,
  states,
  statusBody,
  worker,
} from './worker.ts';

const FAILED: RestartPlan = { kind: 'failed' };
const KIP_745 = 'POST /connectors/c/restart?includeTasks=true&onlyFailed=true';
const STATUS = 'GET /connectors/c/status';
const MODERN: Script = { 'GET /': json(200, { version: '4.3.0' }) };
const accepted = json(202, statusBody('c', 'RUNNING', 'RESTARTING'));
const oneFailed = states('RUNNING', 'FAILED');

type Outcome = RestartResult['outcome'];

/** What was posted, and what was read to do so; the question for the version left out. */
function calls(fake: FakeWorker): string[] {
  return fake.requests.filter((request) => request !== 'GET /');
}

describe('one restart call', () => {
  const rows: [what: string, reply: Reply, outcome: Outcome, detail: RegExp][] = [
    ['202', accepted, 'accepted', /202$/],
    ['200', empty(200), 'accepted', /200$/],
    ['202 whose body is lost', half(202, 'reset'), 'accepted', /202, then /],
    [
      '409',
      connectError(409, 'Cannot complete request because of a conflicting operation'),
      'conflict',
      /409 C/,
    ],
    ['409 whose body hangs', half(409, 'hang'), 'conflict', /409, then no whole answer/],
    ['401', html(401), 'unauthorized', /401$/],
    ['403', connectError(403, 'no'), 'unauthorized', /403 no$/],
    ['404 of Connect', connectError(404, 'Unknown connector: c'), 'not_found', /404 Unknown connector: c$/],
    ['404 of a worker that is starting', html(404), 'refused', /is the worker starting/],
    ['404 for a path nobody serves', connectError(404, 'HTTP 404 Not Found'), 'refused', /no such path/],
    [
      '500, as the leader refused the connection',
      connectError(
        500,
        'IO Error trying to forward REST request: java.net.ConnectException: Connection refused',
      ),
      'refused',
      /500 IO Error trying to forward/,
    ],
    // Each of these may have been carried out.
    [
      '500, as the leader did not answer',
      connectError(500, 'IO Error trying to forward REST request: java.util.concurrent.TimeoutException'),
      'ambiguous',
      /500 IO Error/,
    ],
    [
      '500 that only mentions a refused connection',
      connectError(500, 'Connection refused'),
      'ambiguous',
      /500 C/,
    ],
    ['500', connectError(500, 'Request timed out'), 'ambiguous', /500 Request timed out$/],
    ['500 in HTML', html(500), 'ambiguous', /500$/],
    ['500 whose body is lost', half(500, 'reset'), 'ambiguous', /500, then /],
    ['404 whose body is lost', half(404, 'reset'), 'ambiguous', /404, then /],
    ['503', html(503), 'ambiguous', /503$/],
    ['400', html(400), 'ambiguous', /400 from the HTTP server, not from Connect/],
    ['429', html(429), 'ambiguous', /429$/],
    ['301', empty(301, { location: '/elsewhere' }), 'ambiguous', /301$/],
    ['bytes that are not HTTP', garbage, 'ambiguous', /does not match the HTTP.1.1 protocol/],
    ['a reset', reset, 'ambiguous', /ECONNRESET|UND_ERR_SOCKET/],
    [
      'a reset within the headers',
      raw('HTTP/1.1 202 Acc', 'reset'),
      'ambiguous',
      /ECONNRESET|UND_ERR_SOCKET/,
    ],
    ['nothing at all', hang, 'ambiguous', /no whole answer within 400 ms$/],
    ['half the headers', hangInHeaders, 'ambiguous', /within 400 ms$/],
  ];
  for (const [what, reply, outcome, detail] of rows) {
    test(`answered by ${what} is ${outcome}, and sent exactly once`, async (t) => {
      const fake = await worker(t, { ...MODERN, 'POST *': reply });
      const { client, seen } = ask(t, [fake.url], SHORT);
      const result = await client.restart('c', FAILED, oneFailed);
      assert.equal(result.outcome, outcome, result.detail);
      assert.match(result.detail, detail);
      assert.deepEqual(calls(fake), [KIP_745]);
      assert.deepEqual(seen, ['info ok', `restart ${outcome}`]);
    });
  }

  for (const [what, reply, outcome] of rows.filter(([, , outcome]) => outcome === 'ambiguous')) {
    test(`answered by ${what} is not made again at another worker`, async (t) => {
      const first = await worker(t, { ...MODERN, 'POST *': reply });
      const second = await worker(t, { ...MODERN, 'POST *': accepted });
      const { client } = ask(t, [first.url, second.url], SHORT);
      assert.equal((await client.restart('c', FAILED, oneFailed)).outcome, outcome);
      assert.deepEqual(calls(first), [KIP_745]);
      assert.deepEqual(second.requests, []);
    });
  }

  for (const [what, reply] of rows.filter(([what]) =>
    /^(409$|40[13]$|404 of Connect|500, as the leader r)/.test(what),
  )) {
    test(`answered by ${what} is not made at another worker`, async (t) => {
      const first = await worker(t, { ...MODERN, 'POST *': reply });
      const second = await worker(t, { ...MODERN, 'POST *': accepted });
      await ask(t, [first.url, second.url]).client.restart('c', FAILED, oneFailed);
      assert.deepEqual(second.requests, []);
    });
  }

  test('answered by a redirect does not reach its target', async (t) => {
    const target = await worker(t, { 'POST *': accepted });
    const fake = await worker(t, { ...MODERN, 'POST *': empty(308, { location: target.url }) });
    assert.equal((await ask(t, [fake.url]).client.restart('c', FAILED, oneFailed)).outcome, 'ambiguous');
    assert.equal(target.connections(), 0);
  });

  test('has a connection of its own, so that a kept one cannot break under it', async (t) => {
    const fake = await worker(t, {
      ...MODERN,
      [STATUS]: json(200, statusBody('c', 'FAILED')),
      'POST *': accepted,
    });
    const { client } = ask(t, [fake.url]);
    await client.status('c');
    await client.restart('c', FAILED, oneFailed);
    const before = fake.connections();
    await client.restart('c', FAILED, oneFailed);
    await client.restart('c', FAILED, oneFailed);
    assert.equal(fake.connections(), before + 2);
    assert.ok(fake.headers.at(-1)?.connection === 'close');
  });

  test('goes to the next worker where it certainly never left', async (t) => {
    const refused = await refusing();
    const starting = await worker(t, { 'GET *': html(404), 'POST *': html(404) });
    const last = await worker(t, { 'GET *': html(404), 'POST *': accepted });
    const urls = [`http://${refused}`, 'http://no-such-host.invalid', starting.url, last.url];
    const { client, seen } = ask(t, urls);
    const result = await client.restart('c', FAILED, oneFailed);
    assert.deepEqual(result, { outcome: 'accepted', detail: `all failed parts: ${last.label}: 202` });
    assert.deepEqual([calls(starting), calls(last)], [[KIP_745], [KIP_745]]);
    assert.deepEqual(
      seen.filter((call) => call.startsWith('restart')),
      ['restart refused', 'restart refused', 'restart refused', 'restart accepted'],
    );
  });

  test('is refused where no worker took it, and each is named', async (t) => {
    const refused = await refusing();
    const starting = await worker(t, { 'GET *': html(404), 'POST *': html(404) });
    const { client, seen } = ask(t, [`http://${refused}`, starting.url]);
    assert.deepEqual(await client.restart('c', FAILED, oneFailed), {
      outcome: 'refused',
      detail:
        `all failed parts: ${refused}: connection refused (ECONNREFUSED); ` +
        `${starting.label}: 404 without Connect's error body: is the worker starting?`,
    });
    assert.deepEqual(seen.slice(2), ['restart refused', 'restart refused']);
  });

  test('is refused where the TLS handshake never ends', async (t) => {
    const { label, connections } = await silent(t);
    const { client } = ask(t, [`https://${label}`], SHORT);
    const result = await client.restart('c', FAILED, oneFailed);
    assert.equal(result.outcome, 'refused', result.detail);
    assert.ok(connections() >= 1);
  });

  test('is refused where the TLS handshake is answered in plain HTTP', async (t) => {
    const fake = await worker(t, {});
    const { client } = ask(t, [fake.url.replace('http:', 'https:')]);
    assert.equal((await client.restart('c', FAILED, oneFailed)).outcome, 'refused');
    assert.deepEqual(fake.requests, []);
  });

  test('has the name percent-encoded', async (t) => {
    const fake = await worker(t, { ...MODERN, 'POST *': accepted });
    await ask(t, [`${fake.url}/p`]).client.restart('a->b/c?d.Mirror', FAILED, oneFailed);
    assert.equal(
      fake.requests.at(-1),
      'POST /p/connectors/a-%3Eb%2Fc%3Fd.Mirror/restart?includeTasks=true&onlyFailed=true',
    );
  });

  test('is not sent for a name that no URL can carry, nor after close', async (t) => {
    const fake = await worker(t, { ...MODERN, 'POST *': accepted });
    const { client } = ask(t, [fake.url]);
    assert.equal((await client.restart('\udfff', FAILED, oneFailed)).outcome, 'refused');
    await client.close();
    assert.equal((await client.restart('c', FAILED, oneFailed)).outcome, 'refused');
    assert.deepEqual(fake.requests, []);
  });

  test('carries the credentials, and shows none', async (t) => {
    const echo: Reply = (request, response) =>
      connectError(500, `refused ${request.headers.authorization}`)(request, response);
    const fake = await worker(t, { ...MODERN, 'POST *': echo });
    const { client } = ask(t, [fake.url], { authorization: () => 'Bearer hunter2' });
    const result = await client.restart('c', FAILED, oneFailed);
    assert.equal(fake.headers.at(-1)?.authorization, 'Bearer hunter2');
    assert.match(result.detail, /500 refused \[redacted\]$/);
  });

  test('is unauthorized where the credentials cannot be read', async (t) => {
    const fake = await worker(t, { ...MODERN, 'POST *': accepted });
    const { client } = ask(t, [fake.url], {
      authorization: () => {
        throw new Error('hunter2');
      },
    });
    const result = await client.restart('c', FAILED, oneFailed);
    assert.equal(result.outcome, 'unauthorized');
    assert.doesNotMatch(result.detail, /hunter2/);
    assert.deepEqual(fake.requests, []);
  });
});
