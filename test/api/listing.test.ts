import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Phase, Remediation } from '../../src/core/model.ts';
import { type Key, LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { remediation, T0 } from '../core/given.ts';
import { type Built, build } from './given.ts';

interface Page {
  readonly remediations: { connector: string; cluster: string; state: string; alerts: unknown[] }[];
  readonly next?: string | null;
  readonly total?: number;
}

const waiting: Phase = { state: 'waiting', nextAtMs: T0 };
const recovered: Phase = { state: 'recovered', untilMs: T0 };

describe('long lists of remediations', () => {
  let built: Built;
  afterEach(async () => {
    await built.app.close();
    await built.ledger.close();
  });
  const put = async (records: readonly Remediation[]): Promise<void> => {
    await built.ledger.store(records.map((next) => ({ key: next, expectedVersion: null, next, events: [] })));
  };
  const get = async (query: string): Promise<Page> => {
    const response = await built.app.inject(`/api/v1/remediations?${query}`);
    assert.equal(response.statusCode, 200, response.body);
    return response.json();
  };
  const names = ({ remediations }: Page): string[] => remediations.map(({ connector }) => connector);
  const many = (count: number): Remediation[] =>
    Array.from({ length: count }, (_, index) =>
      remediation(index % 3 === 0 ? recovered : waiting, {
        connector: `c-${String(index).padStart(5, '0')}`,
      }),
    );

  it('come whole without parameters, read a hundred at a time', async () => {
    built = await build();
    await put(many(1_234));
    const sizes: number[] = [];
    const load = built.ledger.load.bind(built.ledger);
    Object.assign(built.ledger, {
      load: (keys: readonly Key[]) => {
        sizes.push(keys.length);
        return load(keys);
      },
    });
    const page = await get('');
    assert.deepEqual(Object.keys(page), ['remediations'], 'as the contract says');
    assert.deepEqual(
      names(page),
      many(1_234).map(({ connector }) => connector),
    );
    assert.equal(sizes.length, 13);
    assert.ok(sizes.every((size) => size <= 100));
  });

  it('come in pages with a cursor that walks over each exactly once, whatever goes meanwhile', async () => {
    built = await build();
    await put(many(250));
    for (const order of ['name', 'attention']) {
      const seen: string[] = [];
      let after = '';
      for (;;) {
        const page: Page = await get(`limit=60&order=${order}${after}`);
        assert.equal(page.total, 250);
        seen.push(...names(page));
        if (page.next == null) break;
        after = `&after=${page.next}`;
      }
      assert.equal(seen.length, 250);
      assert.equal(new Set(seen).size, 250);
      if (order === 'name') assert.deepEqual(seen, seen.toSorted());
      else assert.equal(seen.indexOf('c-00000'), 166, 'what rests comes after what waits');
    }
    // The cursor names a place, not a record.
    const { next } = await get('limit=10');
    const { claims } = await built.ledger.claim({ cluster: 'a', limit: 1_000, leaseMs: 1_000 });
    const last = claims.find(({ remediation }) => remediation.connector === 'c-00009');
    assert.ok(last && (await built.ledger.commit(last, null, [])));
    assert.deepEqual(names(await get(`limit=1&after=${next}`)), ['c-00010']);
  });

  it('break off where the ledger goes away in the middle, so that nobody takes them for whole', async () => {
    built = await build();
    await put(many(1_000));
    const address = await built.app.listen({ host: '127.0.0.1', port: 0 });
    const load = built.ledger.load.bind(built.ledger);
    let left = 3;
    Object.assign(built.ledger, {
      load: (keys: readonly Key[]) => {
        left -= 1;
        return left < 0 ? Promise.reject(new LedgerUnavailable('gone')) : load(keys);
      },
    });
    const response = await fetch(`${address}/api/v1/remediations`);
    assert.equal(response.status, 200);
    await assert.rejects(response.text());
    // At the very first piece it is still an error of the request.
    assert.equal((await fetch(`${address}/api/v1/remediations`)).status, 503);
    left = 100;
    const whole = (await (await fetch(`${address}/api/v1/remediations`)).json()) as Page;
    assert.equal(whole.remediations.length, 1_000);
    assert.equal((await fetch(`${address}/api/v1/remediations`, { method: 'HEAD' })).status, 200);
    // Whoever goes away early takes nothing along.
    const away = new AbortController();
    const early = await fetch(`${address}/api/v1/remediations`, { signal: away.signal });
    away.abort();
    await assert.rejects(early.text());
    assert.equal((await fetch(`${address}/livez`)).status, 200);
    built.app.server.closeAllConnections();
  });

  it('end with null, also on an exact page, and are empty beyond', async () => {
    built = await build();
    await put(many(4));
    assert.equal((await get('limit=4')).next, null);
    const { next } = await get('limit=3');
    assert.deepEqual(names(await get(`after=${next}`)), ['c-00003']);
    assert.equal((await get('limit=3&search=none')).total, 0);
  });

  it('are ordered by name by code point, cluster first', async () => {
    built = await build();
    const keys = [
      ['b', 'a'],
      ['a', '\u{1F600}'],
      ['a', '\uFFFD'],
      ['a', 'Z'],
      ['a', 'a'],
    ] as const;
    await put(keys.map(([cluster, connector]) => remediation(waiting, { cluster, connector })));
    const seen: string[] = [];
    let after = '';
    do {
      const page: Page = await get(`limit=1${after}`);
      seen.push(...page.remediations.map((one) => `${one.cluster}/${one.connector}`));
      after = page.next == null ? '' : `&after=${page.next}`;
    } while (after !== '');
    assert.deepEqual(seen, ['a/Z', 'a/a', 'a/\uFFFD', 'a/\u{1F600}', 'b/a']);
  });

  it('are filtered by what is open and by a part of the name', async () => {
    built = await build();
    await put(many(6));
    assert.deepEqual(names(await get('open=true')), ['c-00001', 'c-00002', 'c-00004', 'c-00005']);
    assert.deepEqual(names(await get('open=false')), ['c-00000', 'c-00003']);
    assert.deepEqual(names(await get('search=C-00004')), ['c-00004']);
  });

  it('leave alerts and history out where they are to be brief', async () => {
    built = await build();
    const seen = { fingerprint: 'f', labels: {}, status: 'firing', seenAtMs: T0 } as const;
    await put([remediation(waiting, { alerts: [seen] })]);
    assert.equal((await get('')).remediations[0]?.alerts.length, 1);
    assert.equal((await get('brief=true')).remediations[0]?.alerts.length, 0);
  });

  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=ten',
    'limit=1.5',
    'limit=1&limit=2',
    'after=nonsense',
    `after=${Buffer.from('["attention",0,"a","b"]').toString('base64url')}`,
    `after=${Buffer.from('[1]').toString('base64url')}`,
    'escalated=perhaps',
    'order=age',
  ]) {
    it(`are refused with 400 for ${query}`, async () => {
      built = await build();
      const response = await built.app.inject(`/api/v1/remediations?${query}`);
      assert.equal(response.statusCode, 400, response.body);
      assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
    });
  }
});
