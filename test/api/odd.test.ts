import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { type Built, build } from './given.ts';

/** Bodies and headers that no Alertmanager sends, as bytes on a real connection. */
const post = (body: string, ...headers: string[]): string =>
  [
    'POST /webhook HTTP/1.1',
    'host: h',
    'connection: close',
    ...headers,
    ...(headers.some((one) => /^(content-length|transfer-encoding):/.test(one))
      ? []
      : [`content-length: ${Buffer.byteLength(body)}`]),
    '',
    body,
  ].join('\r\n');
const get = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'host: h', 'connection: close', ...headers, '', ''].join('\r\n');
const alerts = (one: string): string => `{"version":"4","alerts":[${one}]}`;

const odd: Readonly<Record<string, string>> = {
  'an empty body': post(''),
  'white space': post(' \r\n\t'),
  'a byte order mark': post('\uFEFF{"version":"4","alerts":[]}'),
  null: post('null'),
  'a number': post('1e999'),
  'a text': post('"x"'),
  'an open brace': post('{'),
  NUL: post('\0'),
  'ten thousand brackets': post('['.repeat(10_000)),
  'ten thousand brackets, closed': post(alerts('['.repeat(10_000) + ']'.repeat(10_000))),
  'a deep object': post(alerts(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`)),
  'a prototype': post('{"__proto__":{"x":1},"version":"4","alerts":[]}'),
  'a prototype as a label': post(alerts('{"status":"firing","labels":{"__proto__":"x","connector":"c"}}')),
  'a constructor': post('{"constructor":{"prototype":{"x":1}},"version":"4","alerts":[]}'),
  'alerts that are an object': post('{"version":"4","alerts":{"length":4294967295}}'),
  'alerts that are a text': post('{"version":"4","alerts":"x"}'),
  'an alert that is a list': post(alerts('[]')),
  'an alert without labels': post(alerts('{"status":"firing"}')),
  'labels that are a list': post(alerts('{"status":"firing","labels":["connector"]}')),
  'a label that is an object': post(alerts('{"status":"firing","labels":{"connector":{}}}')),
  'an unknown status': post(alerts('{"status":"x","labels":{"connector":"c"}}')),
  'a connector with NUL': post(alerts('{"status":"firing","labels":{"connector":"a\\u0000b"}}')),
  'half a surrogate pair': post(alerts('{"status":"firing","labels":{"connector":"\\ud800"}}')),
  'a connector of a megabyte': post(
    alerts(`{"status":"firing","labels":{"connector":"${'x'.repeat(1_000_000)}"}}`),
  ),
  'a task that is none': post(alerts('{"status":"firing","labels":{"connector":"c","task":"-1e9"}}')),
  'a huge truncation': post('{"version":"4","alerts":[],"truncatedAlerts":1e308}'),
  'a body that is not UTF-8': post('{"version":"4","alerts":[]}\uDC80'),
  'a compressed body that is none': post('x', 'content-encoding: gzip'),
  'an unknown coding': post('{}', 'content-encoding: snake'),
  'a content type that is none': post('{"version":"4","alerts":[]}', 'content-type: /'),
  'a form': post('a=b', 'content-type: application/x-www-form-urlencoded'),
  'a multipart body': post('--x--', 'content-type: multipart/form-data; boundary=x'),
  'a negative length': post('{}', 'content-length: -1'),
  'a length beyond all': post('{}', 'content-length: 99999999999999999999'),
  'a length that is too large': post('{}', 'content-length: 8388609'),
  'a broken chunk': post('zz\r\n', 'transfer-encoding: chunked'),
  'an unknown transfer coding': post('{}', 'transfer-encoding: snake'),
  'a credential that is none': get('/api/v1/events', 'authorization: Basic ====', 'authorization: x'),
  'two hosts': get('/livez', 'host: i'),
  'a thousand headers': get('/livez', ...Array.from({ length: 1_500 }, (_, at) => `x${at}: y`)),
  'an absolute path': get('http://elsewhere/livez'),
  'a path that climbs': get('/web/../../package.json'),
  'an encoded path that climbs': get('/web/%2e%2e%2f%2e%2e%2fpackage.json'),
  'a path that is no UTF-8': get('/api/v1/remediations/a/%ff'),
  'a query that repeats': get('/api/v1/remediations?limit=1&limit=2&__proto__[x]=1'),
  'an upgrade': get('/livez', 'upgrade: websocket', 'sec-websocket-key: x'),
  'an expectation': post('{"version":"4","alerts":[]}', 'expect: 200-maybe'),
};

describe('odd bodies and headers', () => {
  let built: Built;
  let port: number;
  before(async () => {
    built = await build();
    port = Number(new URL(await built.app.listen({ host: '127.0.0.1', port: 0 })).port);
  });
  after(async () => {
    built.app.server.closeAllConnections();
    await built.app.close();
    await built.ledger.close();
  });

  for (const [what, bytes] of Object.entries(odd)) {
    it(`do not become an error of the service, nor end it (P9): ${what}`, async () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.end(bytes);
      const answer = await text(socket).catch(() => '');
      assert.doesNotMatch(answer, /^HTTP\/1\.1 5/);
      if (/^HTTP\/1\.1 4/.test(answer)) assert.match(answer, /application\/problem\+json/);
      assert.doesNotMatch(answer, /devDependencies/);
      assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
    });
  }
});
