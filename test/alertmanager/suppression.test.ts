import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { activeSilences } from '../../src/alertmanager/silences.ts';
import { createSuppression, type SuppressionOptions } from '../../src/alertmanager/suppression.ts';
import { suppress, suppressedParts } from '../../src/core/suppression.ts';
import { empty, garbage, hang, html, json, type Reply, refusing, reset, worker } from '../connect/worker.ts';
import { clientOf, ENDS_AT_MS, labelsOf, listed, rules, silence, TestClock } from './given.ts';

const target = {
  cluster: 'default',
  connector: 'c',
  alerts: [{ fingerprint: 'f0', labels: labelsOf({ task: '0' }) }],
  rules,
};

/** Answers to the reads of alerts and of silences. */
interface Script {
  readonly alerts?: Reply | Reply[];
  readonly silences?: Reply | Reply[];
}
const nothing = json(200, []);

async function server(t: TestContext, { alerts = nothing, silences = nothing }: Script = {}) {
  return worker(t, {
    'GET /api/v2/alerts?active=false&silenced=true&inhibited=true': alerts,
    'GET /api/v2/silences': silences,
  });
}

function suppressionOf(
  t: TestContext,
  urls: readonly string[],
  over: Partial<SuppressionOptions & { requestTimeoutMs: number }> = {},
) {
  const { requestTimeoutMs = 10_000, ...options } = over;
  const clock = new TestClock();
  const clients = urls.map((url) => clientOf(t, url, { requestTimeoutMs }).client);
  return { clock, suppression: createSuppression({ clients, clock, ...options }) };
}

const silenced = json(200, [silence('s1', { connector: 'c' })]);

describe('the view of all Alertmanagers', () => {
  test('without any, nothing is suppressed', async (t) => {
    const { suppression } = suppressionOf(t, []);
    const view = await suppression.view();
    assert.deepEqual(suppress(view, target, [0], 0), { holds: [], plan: { kind: 'failed' } });
  });

  test('a silence holds, with who made it and until when', async (t) => {
    const { url } = await server(t, { silences: silenced });
    const view = await suppressionOf(t, [url]).suppression.view();
    assert.deepEqual(suppress(view, target, [0], 0).holds, [
      { reason: 'silenced', detail: 'silence s1 by anna: maintenance', untilMs: ENDS_AT_MS },
    ]);
  });

  test('suppressed is what any of two suppresses', async (t) => {
    const one = await server(t, { silences: silenced });
    const other = await server(t, {
      alerts: json(200, [listed('f1', labelsOf({ task: '1' }), { inhibitedBy: ['w'] })]),
    });
    for (const urls of [
      [one.url, other.url],
      [other.url, one.url],
    ]) {
      const view = await suppressionOf(t, urls).suppression.view();
      assert.deepEqual(
        suppressedParts(view, { ...target, alerts: [...target.alerts] }, [0]).map(({ state }) => state),
        ['silenced'],
      );
      const task = {
        ...target,
        connector: 'c',
        alerts: [{ fingerprint: 'x', labels: { alertname: 'x', task: '1' } }],
      };
      assert.deepEqual(suppressedParts(view, task, [1])[0]?.detail, 'inhibited by alert w');
    }
  });

  const failures: [what: string, script: Script | null][] = [
    ['is down', null],
    ['answers 500 to silences', { silences: json(500, 'multiple sets') }],
    ['answers 500 to alerts', { alerts: json(500, 'no') }],
    ['answers 401', { alerts: empty(401), silences: empty(401) }],
    ['answers garbage', { alerts: garbage, silences: garbage }],
    ['answers HTML', { alerts: html(200), silences: html(200) }],
    ['resets', { alerts: reset, silences: reset }],
    ['hangs', { alerts: hang, silences: hang }],
  ];
  for (const [what, script] of failures) {
    test(`one that ${what} is unknown, unless another answers both`, async (t) => {
      const bad = script === null ? `http://${await refusing()}` : (await server(t, script)).url;
      const options = script?.alerts === hang ? { requestTimeoutMs: 200 } : {};
      const alone = await suppressionOf(t, [bad], options).suppression.view();
      const name = new URL(bad).host;
      assert.ok(alone.unknown?.startsWith(`${name}: `), String(alone.unknown));
      const { holds } = suppress(alone, target, [0], 0);
      assert.deepEqual(
        holds.map(({ reason }) => reason),
        ['alertmanager_unreachable'],
      );

      const good = await server(t);
      const both = await suppressionOf(t, [bad, good.url], options).suppression.view();
      assert.deepEqual(suppress(both, target, [0], 0).holds, []);
      const stopping = await server(t, { silences: silenced });
      const held = await suppressionOf(t, [bad, stopping.url], options).suppression.view();
      assert.deepEqual(suppress(held, target, [0], 0).holds[0]?.reason, 'silenced');
    });
  }

  test('two halves are no whole, and each is named', async (t) => {
    const one = await server(t, { alerts: empty(500) });
    const other = await server(t, { silences: empty(500) });
    const view = await suppressionOf(t, [one.url, other.url]).suppression.view();
    assert.equal(
      view.unknown,
      `${one.label}: alerts server_error (500); ${other.label}: silences server_error (500)`,
    );
  });

  test('what one said that answered in part still counts', async (t) => {
    const half = await server(t, { alerts: empty(500), silences: silenced });
    const whole = await server(t);
    const view = await suppressionOf(t, [half.url, whole.url]).suppression.view();
    assert.equal(view.unknown, null);
    assert.equal(suppress(view, target, [0], 0).holds[0]?.reason, 'silenced');
  });

  test('an alert whose status cannot be read is unknown for its parts only', async (t) => {
    const alert = { ...listed('f1', labelsOf({ task: '1' })), status: 'odd' };
    const { url, label } = await server(t, { alerts: json(200, [alert]) });
    const view = await suppressionOf(t, [url]).suppression.view();
    const alerts = ['0', '1'].map((task) => ({ fingerprint: `f${task}`, labels: labelsOf({ task }) }));
    const [zero, one] = suppressedParts(view, { ...target, alerts }, [0, 1]);
    assert.equal(zero?.state, 'free');
    assert.deepEqual(one, {
      part: 1,
      state: 'unknown',
      detail: `${label}: the status of alert f1 cannot be read`,
      untilMs: null,
    });
  });
});

describe('a read', () => {
  test('serves everybody who asks at the same time, and for three seconds', async (t) => {
    const { url, requests } = await server(t, { silences: [silenced, nothing] });
    const { clock, suppression } = suppressionOf(t, [url]);
    const views = await Promise.all(Array.from({ length: 100 }, () => suppression.view()));
    assert.equal(requests.length, 2);
    assert.ok(views.every((view) => view.alertmanagers[0]?.silences.length === 1));
    clock.go(2_999);
    assert.equal((await suppression.view()).alertmanagers[0]?.silences.length, 1);
    assert.equal(requests.length, 2);
    clock.go(1);
    assert.equal((await suppression.view()).alertmanagers[0]?.silences.length, 0);
    assert.equal(requests.length, 4);
  });

  test('that failed is made again after a second', async (t) => {
    const { url, requests } = await server(t, { silences: [empty(500), nothing] });
    const changes: string[] = [];
    const onChange = (name: string, readable: boolean, detail: string): void => {
      changes.push(`${url.endsWith(name)} ${readable} ${detail}`);
    };
    const { clock, suppression } = suppressionOf(t, [url], { onChange });
    assert.notEqual((await suppression.view()).unknown, null);
    clock.go(999);
    assert.notEqual((await suppression.view()).unknown, null);
    assert.equal(requests.length, 2);
    clock.go(1);
    assert.equal((await suppression.view()).unknown, null);
    assert.equal(requests.length, 4);
    assert.deepEqual(changes, ['true false silences server_error (500)', 'true true ']);
  });

  test('of an Alertmanager that failed before is waited for briefly (P8), and its answer is kept', async (t) => {
    const replies: (() => void)[] = [];
    const later: Reply = (_request, response) => {
      replies.push(() => response.writeHead(200, { 'content-type': 'application/json' }).end('[]'));
    };
    const slow = await server(t, { silences: [empty(500), later] });
    const quick = await server(t);
    const changes: boolean[] = [];
    const onChange = (_name: string, readable: boolean): void => {
      changes.push(readable);
    };
    const { clock, suppression } = suppressionOf(t, [slow.url, quick.url], { onChange });
    assert.equal((await suppression.view()).unknown, null);
    clock.go(3_000);
    const waiting = suppression.view();
    while (replies.length === 0) await new Promise(setImmediate);
    clock.go(1_000);
    const view = await waiting;
    assert.equal(view.unknown, null);
    assert.equal(slow.requests.length, 4);
    clock.go(3_000);
    // Whoever comes now does not wait for it again.
    assert.equal((await suppression.view()).alertmanagers.length, 2);
    // The read goes on, and answers whoever asks next.
    for (const reply of replies) reply();
    while (changes.length < 2) {
      await suppression.view();
      await new Promise(setImmediate);
    }
    assert.deepEqual(changes, [false, true]);
    assert.equal(slow.requests.length, 4);
  });
});

describe('a silence in words', () => {
  test('holds no secrets and is short (P10)', () => {
    const [seen] = activeSilences([
      {
        id: 's1',
        state: 'active',
        createdBy: 'anna\u0007',
        comment: `db down password=hunter2 ${'x'.repeat(500)}`,
        endsAtMs: null,
        matchers: [],
      },
    ]);
    assert.equal(seen?.author, 'anna');
    assert.match(seen?.comment ?? '', /^db down password=\*\*\* x+…$/);
    assert.ok((seen?.comment.length ?? 0) <= 120);
  });

  const regex = (value: string, name = 'l') => ({ name, value, isRegex: true, isEqual: true });
  const cases: [
    what: string,
    matchers: Parameters<typeof activeSilences>[0][number]['matchers'],
    fit: string,
  ][] = [
    ['an expression that RE2 refuses', [regex('(')], 'unknown'],
    ['look-ahead, which RE2 does not have', [regex('a(?=b)')], 'unknown'],
    ['a matcher that cannot be read', [null], 'unknown'],
    ['matchers that cannot be read', null, 'unknown'],
    ['one that cannot be evaluated beside one that fits', [regex('('), regex('x')], 'unknown'],
    ['one that cannot be evaluated beside one that does not', [regex('('), regex('y')], 'no'],
    ['one that fits', [regex('x')], 'yes'],
  ];
  for (const [what, matchers, fit] of cases) {
    test(`with ${what} is ${fit}`, () => {
      const one = { id: 's', createdBy: '', comment: '', endsAtMs: null, matchers };
      const [active] = activeSilences([{ ...one, state: 'active' }]);
      assert.equal(active?.fit({ l: 'x' }), fit);
      // A state that cannot be read may be active.
      const [odd] = activeSilences([{ ...one, state: null }]);
      assert.equal(odd?.fit({ l: 'x' }), fit === 'yes' ? 'unknown' : fit);
      assert.deepEqual(
        activeSilences([
          { ...one, state: 'pending' },
          { ...one, state: 'expired' },
        ]),
        [],
      );
    });
  }
});
