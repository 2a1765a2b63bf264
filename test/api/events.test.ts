import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { AuditEvent } from '../../src/core/model.ts';
import { remediation, SECOND, T0 } from '../core/given.ts';
import { type Built, build } from './given.ts';

const event = (connector: string, seconds: number, over: Partial<AuditEvent> = {}): AuditEvent => ({
  atMs: T0 + seconds * SECOND,
  cluster: 'a',
  connector,
  kind: 'decision',
  reason: 'attempt',
  attempt: 1,
  actor: 'connect-medic',
  detail: null,
  ...over,
});

describe('GET /api/v1/events', () => {
  let built: Built;
  afterEach(async () => {
    await built.app.close();
    await built.ledger.close();
  });
  const given = async (): Promise<void> => {
    built = await build();
    const next = remediation({ state: 'waiting', nextAtMs: T0 });
    const events = [
      event('orders', 0),
      event('a->b', 1, { kind: 'restart', detail: 'accepted' }),
      event('', 2, { kind: 'operator', reason: 'paused', actor: 'ann', attempt: null, cluster: '' }),
      event('orders', 3, { cluster: 'b' }),
    ];
    await built.ledger.store([{ key: next, expectedVersion: null, next, events }]);
  };
  const seconds = async (query: string): Promise<number[]> => {
    const response = await built.app.inject(`/api/v1/events?${query}`);
    assert.equal(response.statusCode, 200, response.body);
    return response.json().events.map(({ at }: { at: string }) => (Date.parse(at) - T0) / SECOND);
  };

  it('gives the audit trail, oldest first, with actor and reason', async () => {
    await given();
    const { events } = (await built.app.inject('/api/v1/events')).json();
    assert.deepEqual(events[1], {
      at: '2026-01-05T03:00:01.000Z',
      cluster: 'a',
      connector: 'a->b',
      kind: 'restart',
      reason: 'attempt',
      attempt: 1,
      actor: 'connect-medic',
      detail: 'accepted',
    });
    assert.deepEqual([events[2].cluster, events[2].connector, events[2].actor], [null, null, 'ann']);
    assert.deepEqual(await seconds(''), [0, 1, 2, 3]);
  });

  it('filters by time, cluster and connector, and keeps the newest', async () => {
    await given();
    assert.deepEqual(await seconds('since=2026-01-05T03:00:02Z'), [2, 3]);
    assert.deepEqual(await seconds('since=2026-01-05T04:00:02%2B01:00'), [2, 3]);
    assert.deepEqual(
      await seconds('since=2026-01-05T04:00:02+01:00'),
      [2, 3],
      'a plus sign as it is written',
    );
    assert.deepEqual(await seconds('cluster=a'), [0, 1]);
    assert.deepEqual(await seconds('connector=orders'), [0, 3]);
    assert.deepEqual(await seconds('cluster=a&connector=a-%3Eb'), [1]);
    assert.deepEqual(await seconds('limit=2'), [2, 3]);
  });

  it('gives what is older page by page, each event once, while new ones arrive', async () => {
    await given();
    const page = async (query: string) => (await built.app.inject(`/api/v1/events?${query}`)).json();
    const first = await page('limit=3');
    assert.equal(first.events.length, 3);
    const [stored] = await built.ledger
      .load([remediation({ state: 'waiting', nextAtMs: T0 })])
      .then((all) => all.stored);
    assert.ok(stored);
    const { version, remediation: next } = stored;
    await built.ledger.store([{ key: next, expectedVersion: version, next, events: [event('orders', 1)] }]);
    const second = await page(`limit=3&before=${first.next}`);
    assert.deepEqual(
      [second.events.map(({ at }: { at: string }) => Date.parse(at) - T0), second.next],
      [[0], null],
    );
    assert.deepEqual(await seconds('until=2026-01-05T03:00:01Z'), [0, 1, 1], 'in the order of their arrival');
    assert.deepEqual(await seconds('until='), [0, 1, 2, 3, 1]);
  });

  for (const query of [
    'until=tomorrow',
    'before=x',
    'before=-',
    'since=yesterday',
    'since=2026-01-05',
    'limit=0',
    'limit=10001',
    'limit=x',
  ]) {
    it(`is 400 for ${query}`, async () => {
      built = await build();
      const response = await built.app.inject(`/api/v1/events?${query}`);
      assert.equal(response.statusCode, 400);
      assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
    });
  }
});
