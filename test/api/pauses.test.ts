import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Credential } from '../../src/auth.ts';
import { type Built, build } from './given.ts';

const IN_AN_HOUR = (): string => new Date(Date.now() + 3_600_000).toISOString();
const credentials: Credential[] = [
  { name: 'oncall', roles: ['read', 'operate'], scheme: { kind: 'bearer', token: () => 'o' } },
  { name: 'grafana', roles: ['read'], scheme: { kind: 'bearer', token: () => 'g' } },
];

describe('/api/v1/pauses', () => {
  let built: Built;
  afterEach(async () => {
    await built.app.close();
    await built.ledger.close();
  });
  const call = (method: 'GET' | 'PUT' | 'DELETE', query = '', payload?: object, token = 'o') =>
    built.app.inject({
      method,
      url: `/api/v1/pauses${query}`,
      headers: { authorization: `Bearer ${token}` },
      ...(payload === undefined ? {} : { payload }),
    });

  it('sets, shows and ends pauses, with who, why and until when', async () => {
    built = await build({ credentials });
    const until = IN_AN_HOUR();
    const set = await call('PUT', '', { cluster: 'a', connector: 'a->b', reason: 'upgrade', until });
    assert.equal(set.statusCode, 200);
    const { at, ...shown } = set.json();
    assert.deepEqual(shown, { cluster: 'a', connector: 'a->b', reason: 'upgrade', until, by: 'oncall' });
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
    assert.equal((await call('PUT', '', { reason: 'everything' })).json().until, null);

    const { pauses } = (await call('GET', '', undefined, 'g')).json();
    assert.deepEqual(
      pauses.map((one: { cluster: string; connector: string }) => [one.cluster, one.connector]),
      [
        [null, null],
        ['a', 'a->b'],
      ],
    );
    assert.equal((await call('DELETE', '?cluster=a&connector=a-%3Eb')).statusCode, 204);
    assert.equal((await call('DELETE')).statusCode, 204);
    assert.deepEqual((await call('GET')).json(), { pauses: [] });
    assert.deepEqual(built.resumed, [
      { cluster: 'a', connector: 'a->b' },
      { cluster: null, connector: null },
    ]);
    const told = (await built.ledger.events()).map((one) => [one.kind, one.reason, one.actor, one.connector]);
    assert.deepEqual(told, [
      ['operator', 'paused', 'oncall', 'a->b'],
      ['operator', 'paused', 'oncall', ''],
      ['operator', 'operator', 'oncall', 'a->b'],
      ['operator', 'operator', 'oncall', ''],
    ]);
  });

  it('says nothing and changes nothing where there was no pause to end', async () => {
    built = await build({ credentials });
    assert.equal((await call('DELETE', '?cluster=a')).statusCode, 204);
    assert.deepEqual(built.resumed, []);
    assert.deepEqual(await built.ledger.events(), []);
  });

  it('ends a pause whose cluster or connector is written and empty: it is that of everything', async () => {
    built = await build({ credentials });
    await call('PUT', '', { reason: 'everything' });
    await call('PUT', '', { cluster: 'a', reason: 'one' });
    assert.equal((await call('DELETE', '?cluster=a&connector=')).statusCode, 204);
    assert.deepEqual(built.resumed, [{ cluster: 'a', connector: null }]);
    assert.equal((await call('DELETE', '?cluster=&connector=')).statusCode, 204);
    assert.deepEqual((await call('GET')).json(), { pauses: [] });
    assert.equal((await call('DELETE', '?clusters=')).statusCode, 400, 'what is unknown is not passed over');
  });

  it('ends a pause of a cluster that is configured no more', async () => {
    built = await build({ credentials });
    const pause = { cluster: 'old', connector: 'c', reason: 'r', untilMs: null, by: 'oncall', atMs: 1 };
    const event = {
      atMs: 1,
      cluster: 'old',
      connector: 'c',
      kind: 'operator',
      reason: 'paused',
      attempt: null,
      actor: 'oncall',
      detail: null,
    } as const;
    await built.ledger.putPause(pause, event);
    assert.equal((await call('DELETE', '?cluster=old&connector=c')).statusCode, 204);
    assert.deepEqual((await call('GET')).json(), { pauses: [] });
  });

  it('takes the one cluster for a connector that comes without, and asks where there are several', async () => {
    built = await build({ credentials });
    assert.equal((await call('PUT', '', { connector: 'c', reason: 'r' })).json().cluster, 'a');
    await built.app.close();
    built = await build({ credentials, clusters: ['a', 'b'] });
    const refused = await call('PUT', '', { connector: 'c', reason: 'r' });
    assert.equal(refused.statusCode, 400);
    assert.match(refused.json().detail, /connector needs cluster/);
  });

  for (const [what, body, detail] of [
    ['an end that has passed', { reason: 'r', until: '2020-01-01T00:00:00Z' }, /until has passed/],
    ['an end that is no time', { reason: 'r', until: 'tomorrow' }, /until is not a time/],
    ['an end without an offset', { reason: 'r', until: '2999-01-01T00:00:00' }, /until is not a time/],
    ['a day that is none', { reason: 'r', until: '2999-02-99T00:00:00Z' }, /until is not a time/],
    ['an unknown cluster', { reason: 'r', cluster: 'z' }, /none of the configured ones: a/],
    ['no reason', { cluster: 'a' }, /reason/],
    ['an empty reason', { reason: ' ' }, /reason is empty/],
    ['an unknown key', { reason: 'r', conector: 'c' }, /additional properties/],
    ['a cluster that is no text', { reason: 'r', cluster: 1 }, /cluster/],
    ['no object', [], /object/],
  ] as const) {
    it(`refuses ${what}, and changes nothing (P9)`, async () => {
      built = await build({ credentials });
      const refused = await call('PUT', '', body);
      assert.equal(refused.statusCode, 400);
      assert.match(refused.headers['content-type'] as string, /application\/problem\+json/);
      assert.match(refused.json().detail, detail);
      assert.deepEqual((await built.ledger.pauses()).pauses, []);
    });
  }

  it('is for those who may operate, and open to read for those who may read', async () => {
    built = await build({ credentials });
    assert.equal((await call('PUT', '', { reason: 'r' }, 'g')).statusCode, 403);
    assert.equal((await call('DELETE', '', undefined, 'g')).statusCode, 403);
    assert.equal((await call('PUT', '', { reason: 'r' }, 'x')).statusCode, 401);
    assert.deepEqual((await built.ledger.pauses()).pauses, []);
  });

  it('is 503 while the ledger is down (P6)', async () => {
    built = await build({ credentials });
    built.down = true;
    for (const method of ['GET', 'DELETE'] as const) assert.equal((await call(method)).statusCode, 503);
    assert.equal((await call('PUT', '', { reason: 'r' })).statusCode, 503);
    built.down = false;
  });
});
