import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Credential } from '../../src/auth.ts';
import { type Built, build } from './given.ts';

const basic = (words: string): string => `Basic ${Buffer.from(words).toString('base64')}`;
const webhook = JSON.stringify({ version: '4', alerts: [] });

let built: Built;
afterEach(async () => {
  built.app.server.closeAllConnections();
  await built.app.close();
  await built.ledger.close();
});
const listen = async (): Promise<number> =>
  Number(new URL(await built.app.listen({ host: '127.0.0.1', port: 0 })).port);

describe('requests that another site makes a browser send', () => {
  const put = async (headers: Record<string, string>): Promise<number> =>
    (
      await built.app.inject({
        method: 'PUT',
        url: '/api/v1/pauses',
        headers: { host: 'medic.example:9099', ...headers },
        payload: { reason: 'r' },
      })
    ).statusCode;

  for (const [what, status, headers] of [
    ['a program, which says nothing', 200, {}],
    ['the own page', 200, { 'sec-fetch-site': 'same-origin', origin: 'http://medic.example:9099' }],
    [
      'the own page behind a proxy that renames the host',
      200,
      {
        'sec-fetch-site': 'same-origin',
        origin: 'https://medic.public.example',
      },
    ],
    ['the own page in an old browser', 200, { origin: 'http://medic.example:9099' }],
    ['the own page behind TLS of a proxy', 200, { origin: 'https://medic.example:9099' }],
    ['an address that was typed', 200, { 'sec-fetch-site': 'none' }],
    ['another site', 403, { 'sec-fetch-site': 'cross-site', origin: 'http://evil.example' }],
    ['another port of the host', 403, { 'sec-fetch-site': 'same-site', origin: 'http://medic.example:3000' }],
    ['another site in an old browser', 403, { origin: 'http://evil.example' }],
    ['another port in an old browser', 403, { origin: 'http://medic.example:3000' }],
    ['a page without an origin', 403, { origin: 'null' }],
    ['a name that begins alike', 403, { origin: 'http://medic.example:9099.evil.example' }],
  ] as const) {
    it(`${status === 200 ? 'takes' : 'refuses'} a change from ${what}`, async () => {
      built = await build();
      assert.equal(await put(headers), status);
      assert.equal((await built.ledger.pauses()).pauses.length, status === 200 ? 1 : 0);
    });
  }

  it('are no matter where nothing is changed', async () => {
    built = await build();
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'http://evil.example' };
    const response = await built.app.inject({ url: '/api/v1/pauses', headers });
    assert.equal(response.statusCode, 200);
    assert.equal(
      response.headers['access-control-allow-origin'],
      undefined,
      'and the other site cannot read it',
    );
  });
});

describe('credentials', () => {
  it('are asked for in the ways that are configured: a browser asks for a password only where one is taken', async () => {
    const bearer: Credential = { name: 'b', roles: ['read'], scheme: { kind: 'bearer', token: () => 't' } };
    const password: Credential = {
      name: 'p',
      roles: ['read'],
      scheme: { kind: 'basic', username: 'u', password: () => 'p' },
    };
    for (const [credentials, challenges] of [
      [[bearer], ['Bearer realm="connect-medic"']],
      [[password], ['Basic realm="connect-medic", charset="UTF-8"']],
      [
        [bearer, password],
        ['Basic realm="connect-medic", charset="UTF-8"', 'Bearer realm="connect-medic"'],
      ],
    ] as const) {
      built = await build({ credentials });
      const { statusCode, headers } = await built.app.inject('/');
      assert.deepEqual([statusCode, headers['www-authenticate']], [401, challenges]);
      await built.app.close();
      await built.ledger.close();
    }
    built = await build();
  });

  it('can be rotated: two are valid at once, and a new value counts from the next request on', async () => {
    let token = 'old';
    const named = (name: string, value: () => string): Credential => ({
      name,
      roles: ['read'],
      scheme: { kind: 'bearer', token: value },
    });
    built = await build({ credentials: [named('one', () => token), named('two', () => 'next')] });
    const status = async (given: string): Promise<number> =>
      (await built.app.inject({ url: '/api/v1/pauses', headers: { authorization: `Bearer ${given}` } }))
        .statusCode;
    assert.deepEqual([await status('old'), await status('next'), await status('new')], [200, 200, 401]);
    token = 'new';
    assert.deepEqual([await status('old'), await status('next'), await status('new')], [401, 200, 200]);
  });

  it('of Alertmanager post webhooks and do nothing else', async () => {
    const scheme = { kind: 'basic', username: 'am', password: () => 'p' } as const;
    built = await build({ credentials: [{ name: 'am', roles: ['webhook'], scheme }] });
    const headers = { authorization: basic('am:p') };
    const status = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string): Promise<number> =>
      (
        await built.app.inject({
          method,
          url,
          headers,
          ...(method === 'POST' || method === 'PUT' ? { payload: webhook } : {}),
        })
      ).statusCode;
    assert.equal(await status('POST', '/webhook'), 202);
    for (const [method, url] of [
      ['GET', '/'],
      ['GET', '/web/page.js'],
      ['GET', '/api/v1/remediations'],
      ['GET', '/api/v1/remediations/a/b'],
      ['POST', '/api/v1/remediations/a/b/retry'],
      ['GET', '/api/v1/pauses'],
      ['PUT', '/api/v1/pauses'],
      ['DELETE', '/api/v1/pauses'],
      ['GET', '/api/v1/events'],
      ['GET', '/api/v1/summary'],
    ] as const) {
      assert.equal(await status(method, url), 403, `${method} ${url}`);
    }
  });

  it('tell who asks what he may do', async () => {
    const scheme = { kind: 'basic', username: 'u', password: () => 'p' } as const;
    built = await build({ credentials: [{ name: 'ann', roles: ['read'], scheme }] });
    const { actor, roles, clusters } = (
      await built.app.inject({ url: '/api/v1/summary', headers: { authorization: basic('u:p') } })
    ).json();
    assert.deepEqual([actor, roles, clusters], ['ann', ['read'], ['a']]);
  });
});

describe('limits', () => {
  it('turn webhooks away with 503 while too many bytes are on their way, never with 429', async () => {
    built = await build({ bodyLimitBytes: 1_000 });
    const port = await listen();
    const head =
      'POST /webhook HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n';
    // Eight that have announced their bodies and do not send them.
    const slow = Array.from({ length: 8 }, () => connect(port, '127.0.0.1'));
    for (const socket of slow) socket.write(head);
    const first = built.app.server.listenerCount('request');
    assert.equal(first, 1);
    const post = async (): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/webhook`, { method: 'POST', body: webhook });
    let response = await post();
    // The eight arrive in their own time.
    while (response.status === 202) response = await post();
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
    assert.match(String(response.headers.get('content-type')), /^application\/problem\+json/);
    assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200, 'probes are always answered');
    for (const socket of slow) socket.destroy();
    while ((await post()).status === 503);
    assert.match(
      await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
      /connect_medic_limit_hits_total\{limit="requests"\} [1-9]/,
    );
  });

  it('are given back by every request that ends, also by ones that are refused or broken', async () => {
    built = await build({ bodyLimitBytes: 1_000 });
    const port = await listen();
    for (let round = 0; round < 30; round += 1) {
      const tooLarge = await fetch(`http://127.0.0.1:${port}/webhook`, {
        method: 'POST',
        body: 'x'.repeat(1_500),
      });
      assert.equal(tooLarge.status, 413);
    }
    for (let round = 0; round < 300; round += 1) {
      assert.equal((await built.app.inject('/api/v1/nowhere')).statusCode, 404);
    }
    const good = await fetch(`http://127.0.0.1:${port}/webhook`, { method: 'POST', body: webhook });
    assert.equal(good.status, 202);
  });

  it('tell a client that is still sending that its body is too large', async () => {
    built = await build();
    const url = `http://127.0.0.1:${await listen()}/webhook`;
    // In a process of its own: one that shares ours writes everything before we read anything.
    const client = `const statuses = [];
      for (let n = 0; n < 5; n += 1) {
        const body = Buffer.alloc(9_000_000, 'x');
        statuses.push(await fetch(process.argv[1], { method: 'POST', body }).then((r) => r.status, (e) => String(e.cause)));
      }
      console.log(JSON.stringify(statuses));`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      client,
      url,
    ]);
    assert.deepEqual(JSON.parse(stdout), [413, 413, 413, 413, 413]);
  });

  it('let a crowd before the open paths cost no more than two who ask', async () => {
    built = await build();
    const crowd = async (url: string): Promise<number[]> => {
      built.calls.length = 0;
      const answers = await Promise.all(Array.from({ length: 150 }, () => built.app.inject(url)));
      return answers.map(({ statusCode }) => statusCode);
    };
    const count = (name: string): number => built.calls.filter((one) => one === name).length;

    const statuses = await crowd('/metrics');
    assert.deepEqual([...new Set(statuses)].toSorted(), [200, 503]);
    assert.ok(count('overview') <= 3 && count('ping') <= 3, built.calls.join(' '));
    assert.equal((await built.app.inject('/metrics')).statusCode, 200, 'places are given back');

    assert.deepEqual([...new Set(await crowd('/readyz'))], [200]);
    assert.ok(count('ping') <= 3, built.calls.join(' '));
  });

  it('count the connections that are dropped since there are too many, and say so once', async () => {
    built = await build();
    const port = await listen();
    built.app.server.maxConnections = 1;
    const kept = connect(port, '127.0.0.1');
    await once(kept, 'connect');
    for (let count = 0; count < 3; count += 1) {
      const dropped = once(built.app.server, 'drop');
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      await dropped;
      socket.destroy();
    }
    assert.match(
      (await built.app.inject('/metrics')).body,
      /connect_medic_limit_hits_total\{limit="connections"\} 3\n/,
    );
    assert.equal(built.logged.length, 1);
    assert.match(built.logged[0] ?? '', /a connection was dropped/);
    kept.destroy();
  });

  it('cut off slow clients and crowds', async () => {
    built = await build();
    const server = built.app.server as Server;
    assert.deepEqual(
      [server.headersTimeout, server.requestTimeout, server.timeout, server.maxConnections],
      [10_000, 30_000, 60_000, 2_000],
    );
  });
});

describe('what is no request', () => {
  const say = async (bytes: string): Promise<string> => {
    built = await build();
    const socket = connect(await listen(), '127.0.0.1');
    await once(socket, 'connect');
    socket.end(bytes);
    return text(socket);
  };

  for (const [what, bytes, status] of [
    ['nonsense', 'nonsense\r\n\r\n', 400],
    ['an unknown method', 'BREW /webhook HTTP/1.1\r\nhost: h\r\n\r\n', 400],
    ['headers without an end', `GET / HTTP/1.1\r\nhost: h\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, 431],
    [
      'two lengths',
      'POST /webhook HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
      400,
    ],
    [
      'a length and chunks',
      'POST /webhook HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['no host', 'GET /livez HTTP/1.1\r\n\r\n', 400],
  ] as const) {
    it(`is answered ${status}: ${what}`, async () => {
      const answer = await say(bytes);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      if (what !== 'no host') assert.match(answer, /content-type: application\/problem\+json/);
    });
  }
});

describe('every answer', () => {
  it('carries security headers, and lets no browser keep it', async () => {
    built = await build({ credentials: [] });
    for (const url of ['/livez', '/nowhere', '/', '/openapi.json', '/api/v1/events', '/%zz']) {
      const { headers } = await built.app.inject(url);
      assert.equal(headers['x-content-type-options'], 'nosniff', url);
      assert.equal(headers['cache-control'], 'no-store', url);
      assert.equal(headers['referrer-policy'], 'no-referrer', url);
      assert.match(
        String(headers['content-security-policy']),
        /^default-src 'none';.* frame-ancestors 'none'/,
      );
    }
  });

  it('of the page allows its own script and style, and nothing inline', async () => {
    built = await build();
    const response = await built.app.inject('/');
    assert.match(String(response.headers['content-type']), /^text\/html/);
    const policy = String(response.headers['content-security-policy']);
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ]) {
      assert.ok(policy.split('; ').includes(part), part);
    }
    assert.doesNotMatch(response.body, /<script(?![^>]* src=)|<style|style=|\son[a-z]+=|https?:/);
  });

  it('to a method that a path does not know is 405 with those that it does', async () => {
    built = await build();
    for (const [method, url, allow] of [
      ['DELETE', '/api/v1/remediations', 'GET, HEAD'],
      ['PATCH', '/api/v1/pauses?x=1', 'DELETE, GET, HEAD, PUT'],
      ['GET', '/api/v1/remediations/a/b%2Fc/retry', 'POST'],
      ['POST', '/', 'GET, HEAD'],
    ] as const) {
      const response = await built.app.inject({ method, url });
      assert.deepEqual([response.statusCode, response.headers['allow']], [405, allow], url);
    }
  });

  it('to a rare method is 405 as well', async () => {
    built = await build();
    const port = await listen();
    for (const method of ['TRACE', 'PROPFIND']) {
      const socket = connect(port, '127.0.0.1');
      socket.end(`${method} /webhook HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`);
      const answer = await text(socket);
      assert.match(answer, /^HTTP\/1\.1 405 /);
      assert.match(answer, /^allow: POST\r$/im);
    }
  });

  it('to a path that cannot be decoded is 400 for those who are known', async () => {
    const scheme = { kind: 'basic', username: 'u', password: () => 'p' } as const;
    built = await build({ credentials: [{ name: 'u', roles: ['read'], scheme }] });
    const ask = (headers: Record<string, string>) =>
      built.app.inject({ url: '/api/v1/remediations/a/%zz', headers });
    assert.equal((await ask({ authorization: basic('u:p') })).statusCode, 400);
    assert.deepEqual(built.logged, []);
    const { statusCode, headers } = await ask({});
    assert.deepEqual(
      [statusCode, headers['www-authenticate']],
      [401, ['Basic realm="connect-medic", charset="UTF-8"']],
    );
    assert.match(built.logged[0] ?? '', /"actor":"anonymous","status":401,.*"request refused"/);
  });
});
