import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pullAlerts } from '../../src/alertmanager/pull.ts';
import { parseMatcher } from '../../src/config/matcher.ts';
import { empty, json, worker } from '../connect/worker.ts';
import { clientOf, labelsOf, listed, rules } from './given.ts';

const label = parseMatcher('remediation="kafka-connect"');
const PATH =
  '/api/v2/alerts?active=true&silenced=true&inhibited=true&filter=remediation%3D%22kafka-connect%22';

async function pull(t: TestContext, ...answers: (readonly unknown[] | null)[]) {
  const servers = await Promise.all(
    answers.map((answer) => worker(t, { [`GET ${PATH}`]: answer === null ? empty(500) : json(200, answer) })),
  );
  const clients = servers.map(({ url }) => clientOf(t, url).client);
  return { servers, result: await pullAlerts(clients, label, rules) };
}

/** Connector and task of the signals. */
function targets(result: Awaited<ReturnType<typeof pullAlerts>>): string[] {
  assert.equal(result.outcome, 'ok');
  if (result.outcome !== 'ok') return [];
  return result.reading.readings.map((one) =>
    one.kind === 'signal' ? `${one.signal.connector}/${one.signal.task}` : one.kind,
  );
}

test('active alerts become what a webhook would have brought', async (t) => {
  const { result } = await pull(t, [
    listed('f1', labelsOf({ task: '0' })),
    listed('f2', labelsOf({ connector: '"a->b.MirrorSourceConnector"' })),
    listed('f3', { remediation: 'kafka-connect', alertname: 'Worker' }),
    listed('f4', labelsOf({ connect_cluster: 'elsewhere' })),
  ]);
  assert.deepEqual(targets(result), ['c/0', 'a->b.MirrorSourceConnector/null', 'cluster', 'ignored']);
  assert.ok(result.outcome === 'ok' && result.missing === null);
  const [first] = result.reading.readings;
  assert.deepEqual(first, {
    kind: 'signal',
    signal: {
      cluster: 'default',
      connector: 'c',
      task: 0,
      status: 'firing',
      fingerprint: 'f1',
      labels: labelsOf({ task: '0' }),
    },
  });
});

test('suppressed alerts, and those of which that is unknown, are left out', async (t) => {
  const { result } = await pull(t, [
    listed('f1', labelsOf({ task: '1' }), { silencedBy: ['s'] }),
    listed('f2', labelsOf({ task: '2' }), { inhibitedBy: ['f'] }),
    { ...listed('f3', labelsOf({ task: '3' })), status: {} },
    listed('f4', labelsOf({ task: '4' })),
  ]);
  assert.deepEqual(targets(result), ['c/4']);
});

test('alerts of two are merged by fingerprint, and one suppressed by either is left out', async (t) => {
  const free = listed('f1', labelsOf({ task: '1' }));
  const [one, other] = [
    listed('f2', labelsOf({ task: '2' })),
    listed('f2', labelsOf({ task: '2' }), { silencedBy: ['s'] }),
  ];
  const { result } = await pull(t, [free, one], [other, free]);
  assert.deepEqual(targets(result), ['c/1']);
  const turned = await pull(t, [other, free], [free, one]);
  assert.deepEqual(targets(turned.result), ['c/1']);
});

test('an alert without the label is left out, should the filter have been lost on the way', async (t) => {
  const { result } = await pull(t, [listed('f1', labelsOf({ remediation: '' }))]);
  assert.deepEqual(targets(result), []);
});

test('one that does not answer is named; none that answers is unknown', async (t) => {
  const { result, servers } = await pull(t, null, [listed('f1', labelsOf({ task: '1' }))]);
  assert.deepEqual(targets(result), ['c/1']);
  const missing = `${servers[0]?.label}: alerts server_error (500)`;
  assert.equal(result.outcome === 'ok' && result.missing, missing);
  const none = await pull(t, null);
  assert.deepEqual(none.result, {
    outcome: 'unknown',
    detail: `${none.servers[0]?.label}: alerts server_error (500)`,
  });
  assert.equal((await pullAlerts([], label, rules)).outcome, 'unknown');
});
