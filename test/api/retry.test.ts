import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Credential } from '../../src/auth.ts';
import type { Remediation } from '../../src/core/model.ts';
import { remediation, T0 } from '../core/given.ts';
import { type Built, build } from './given.ts';

const credentials: Credential[] = [
  { name: 'oncall', roles: ['read', 'operate'], scheme: { kind: 'bearer', token: () => 'o' } },
  { name: 'grafana', roles: ['read'], scheme: { kind: 'bearer', token: () => 'g' } },
];
const escalated = (over: Partial<Remediation> = {}): Remediation =>
  remediation(
    { state: 'escalated', nextAtMs: null, hold: null, refusals: 0, retryAtMs: 0 },
    { attempts: 7, chargedAtMs: [T0], escalation: { reason: 'exhausted', sinceMs: T0 }, ...over },
  );

describe('POST /api/v1/remediations/{cluster}/{connector}/retry', () => {
  let built: Built;
  afterEach(async () => {
    await built.app.close();
    await built.ledger.close();
  });
  const put = (...records: Remediation[]) =>
    built.ledger.store(records.map((next) => ({ key: next, expectedVersion: null, next, events: [] })));
  const retry = (name: string, { token = 'o', headers = {} as object, payload = '', cluster = 'a' } = {}) =>
    built.app.inject({
      method: 'POST',
      url: `/api/v1/remediations/${cluster}/${encodeURIComponent(name)}/retry`,
      headers: { authorization: `Bearer ${token}`, ...headers },
      payload,
    });

  it('answers 202 with a fresh budget, wakes the loop, and notes who asked', async () => {
    built = await build({ credentials });
    await put(escalated({ connector: 'a->b / ü' }));
    const response = await retry('a->b / ü');
    assert.equal(response.statusCode, 202);
    const { state, attempts, escalation, reason, nextAt } = response.json();
    assert.deepEqual([state, attempts, escalation, reason], ['waiting', 0, null, 'operator']);
    assert.ok(Date.parse(nextAt) <= Date.now());
    assert.deepEqual(built.retried, ['a/a->b / ü']);
    const [event] = await built.ledger.events();
    assert.deepEqual(
      [event?.kind, event?.reason, event?.actor, event?.detail, event?.connector],
      ['operator', 'operator', 'oncall', 'retry', 'a->b / ü'],
    );
    const [stored] = await built.ledger.list();
    assert.deepEqual(stored?.remediation.chargedAtMs, []);
    assert.ok((stored?.remediation.lookAtMs ?? Number.POSITIVE_INFINITY) <= Date.now(), 'due now');
  });

  it('takes a name as long as names may be, every character percent-encoded', async () => {
    built = await build({ credentials });
    const connector = '\u20ac'.repeat(1_000);
    await put(escalated({ connector }));
    assert.equal((await retry(connector)).json().connector, connector);
    assert.equal((await retry(`${connector}x`)).statusCode, 400);
  });

  it('needs no body, and takes any', async () => {
    built = await build({ credentials });
    await put(escalated());
    const json = { 'content-type': 'application/json' };
    for (const [headers, payload] of [
      [{}, ''],
      [json, ''],
      [json, '{}'],
      [{ 'content-type': 'application/x-www-form-urlencoded' }, ''],
    ] as const) {
      assert.equal((await retry('orders', { headers, payload })).statusCode, 202);
    }
  });

  it('is 404 for what has no remediation, and 409 for a cluster that is configured no more', async () => {
    built = await build({ credentials });
    await put(escalated({ cluster: 'gone' }));
    assert.equal((await retry('none')).statusCode, 404);
    const refused = await retry('orders', { cluster: 'gone' });
    assert.equal(refused.statusCode, 409);
    assert.match(String(refused.headers['content-type']), /^application\/problem\+json/);
    assert.deepEqual([built.retried, await built.ledger.events()], [[], []]);
  });

  it('is for those who may operate', async () => {
    built = await build({ credentials });
    await put(escalated());
    assert.equal((await retry('orders', { token: 'g' })).statusCode, 403);
    assert.equal((await retry('orders', { token: 'x' })).statusCode, 401);
    assert.equal((await built.ledger.list())[0]?.remediation.attempts, 7);
  });

  it('is 503 while the ledger is down (P6)', async () => {
    built = await build({ credentials });
    built.down = true;
    assert.equal((await retry('orders')).statusCode, 503);
    built.down = false;
  });
});
