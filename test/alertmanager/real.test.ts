/** What is said here about silences is compared with what a real Alertmanager says about the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { AlertmanagerClient, AlertmanagerResult } from '../../src/alertmanager/client.ts';
import { createAlertmanagerClient } from '../../src/alertmanager/http-client.ts';
import { pullAlerts } from '../../src/alertmanager/pull.ts';
import { activeSilences } from '../../src/alertmanager/silences.ts';
import { createSuppression } from '../../src/alertmanager/suppression.ts';
import { systemClock } from '../../src/clock.ts';
import { parseMatcher } from '../../src/config/matcher.ts';
import { type Part, suppressedParts } from '../../src/core/suppression.ts';
import { waitFor } from '../stack/process.ts';
import { type Labels, labelsOf, rules } from './given.ts';
import { type Matcher, type RealAlertmanager, startAlertmanager } from './real.ts';

let real: RealAlertmanager;
let client: AlertmanagerClient;

before(async () => {
  real = await startAlertmanager();
  client = createAlertmanagerClient(
    { url: real.url, authorization: null, tls: null, onRequest: () => {} },
    systemClock,
  );
});
after(async () => {
  await client?.close();
  await real?.stop();
});

function value<T>(result: AlertmanagerResult<T>): T {
  if (result.outcome !== 'ok') assert.fail(`${result.outcome}: ${result.detail}`);
  return result.value;
}

const is = (name: string, text: string): Matcher => ({ name, value: text, isRegex: false, isEqual: true });
const not = (name: string, text: string): Matcher => ({ ...is(name, text), isEqual: false });
const like = (name: string, text: string): Matcher => ({ ...is(name, text), isRegex: true });
const unlike = (name: string, text: string): Matcher => ({ ...like(name, text), isEqual: false });

/** The label `l` of the alerts, null: none. Each alert has `id` as well, so that none is another's. */
const texts: readonly (string | null)[] = [
  null,
  'a',
  'ab',
  'A',
  'a b',
  ' a',
  'a\nb',
  'a.b',
  'a->b',
  '"a->b.MirrorSourceConnector"',
  'größe',
  'ſ',
  '名前',
  '😀',
  '0',
  '10',
  'constructor',
  '\\d',
  '$',
];

/** One silence each. */
const silences: readonly (readonly Matcher[])[] = [
  [is('l', 'a')],
  [not('l', 'a'), like('id', '.+')],
  // A label that is missing is the empty string.
  [is('l', ''), like('id', '.+')],
  [not('l', ''), like('id', '.+')],
  [like('l', ''), like('id', '.+')],
  [unlike('l', ''), like('id', '.+')],
  [is('constructor', ''), like('id', '[0-9]')],
  [not('toString', ''), like('id', '.+')],
  // Anchored at both ends, also with alternatives.
  [like('l', 'a')],
  [like('l', 'a|b')],
  [like('l', 'b|a.')],
  [like('l', 'a.*')],
  [like('l', '.')],
  [like('l', '.+')],
  [unlike('l', 'a.*'), like('id', '.+')],
  [like('l', '^a$')],
  [like('l', 'a$|^b')],
  [like('l', '(?i)a')],
  [like('l', '(?i)S')],
  [like('l', '(?s)a.b')],
  [like('l', '(?m)a$')],
  [like('l', '(?m)a$.*')],
  [like('l', 'a\\.b')],
  [like('l', 'a\\sb')],
  [like('l', '\\d+')],
  [like('l', '[[:alpha:]]+')],
  [like('l', '\\pL+')],
  [like('l', '\\p{Han}+')],
  [like('l', '\\w+')],
  [like('l', '.*\\bb')],
  [like('l', '\\Qa.b\\E')],
  [like('l', '\\x61')],
  [like('l', '\\x{1F600}')],
  [like('l', '(?P<name>a)b?')],
  [like('l', 'a{1,2}b?')],
  [like('l', '[^a]+')],
  [like('l', '(?U)a.+')],
  [like('l', '\\Aa\\z')],
  [like('l', '"a->b\\..*"')],
  [is('l', '"a->b.MirrorSourceConnector"')],
  [is('l', '\\d')],
  [like('l', '\\\\d')],
  [is('l', '$')],
  // All have to fit.
  [is('l', 'a'), is('id', '1')],
  [is('l', 'a'), is('id', '2')],
  [is('l', 'a'), not('id', '2'), like('id', '1|2')],
];

test('silences match here as they do in Alertmanager', async () => {
  const alerts = texts.map((text, id) => ({
    alertname: 'Table',
    id: String(id),
    ...(text !== null && { l: text }),
  }));
  await real.post(alerts);
  const made = new Map<string, string>();
  for (const matchers of silences) {
    const name = JSON.stringify(
      matchers.map(({ name: label, value: v, isRegex, isEqual }) => [label, isEqual, isRegex, v]),
    );
    made.set(await real.silence(matchers), name);
  }
  const filter = ['alertname="Table"'];
  const listed = await waitFor(
    'the alerts',
    async () => {
      const all = value(await client.alerts({ filter, active: true }));
      return all.length === alerts.length && all;
    },
    30_000,
  );
  const seen = activeSilences(value(await client.silences())).filter(({ id }) => made.has(id));
  assert.equal(seen.length, silences.length);
  const differences: string[] = [];
  let yes = 0;
  for (const alert of listed) {
    for (const { id, fit } of seen) {
      const there = alert.status?.silencedBy.includes(id) ? 'yes' : 'no';
      if (there === 'yes') yes += 1;
      const here = fit(alert.labels);
      if (here !== there)
        differences.push(`${JSON.stringify(alert.labels)} ${made.get(id)}: ${there}, here ${here}`);
    }
  }
  assert.deepEqual(differences, []);
  assert.ok(yes > 100, `only ${yes} matches: the table says little`);
  for (const id of made.keys()) await real.expire(id);
});

test('pending and expired silences do not count', async () => {
  const connector = 'times';
  const pending = await real.silence([is('connector', connector)], 3_600_000);
  const expired = await real.silence([is('connector', connector)]);
  await real.expire(expired);
  const states = value(await client.silences());
  assert.equal(states.find(({ id }) => id === pending)?.state, 'pending');
  assert.equal(states.find(({ id }) => id === expired)?.state, 'expired');
  const alerts = [{ fingerprint: 'f', labels: labelsOf({ connector, task: '0' }) }];
  assert.deepEqual(await statesOf(connector, alerts, [0]), ['free']);
  const active = await real.silence([is('connector', connector)]);
  assert.deepEqual(await statesOf(connector, alerts, [0]), ['silenced']);
  await real.expire(active);
  assert.deepEqual(await statesOf(connector, alerts, [0]), ['free']);
});

/** The states of the parts, from a view that is read now. */
async function statesOf(
  connector: string,
  alerts: readonly { fingerprint: string; labels: Labels }[],
  parts: readonly Part[],
): Promise<string[]> {
  const view = await createSuppression({ clients: [client], clock: systemClock }).view();
  assert.equal(view.unknown, null);
  return suppressedParts(view, { cluster: 'default', connector, alerts, rules }, parts).map(
    ({ state }) => state,
  );
}

test('an alert that was never notified and is silenced counts, and so does an inhibition', async () => {
  const connector = 'listed';
  await real.post([labelsOf({ connector, task: '0' }), labelsOf({ connector, task: '1' })]);
  const id = await real.silence([is('connector', connector), is('task', '0')]);
  // Seen is only an alert of another name and task: what covers task 0 is the list.
  const alerts = [{ fingerprint: 'f', labels: labelsOf({ connector, task: '1', alertname: 'Other' }) }];
  await waitFor(
    'the silenced alert',
    async () => (await statesOf(connector, alerts, [0, 1, null])).join() === 'silenced,free,free',
    30_000,
  );
  const remediation = parseMatcher('remediation="kafka-connect"');
  const connectors = async (): Promise<unknown> => {
    const pulled = await pullAlerts([client], remediation, rules);
    assert.equal(pulled.outcome, 'ok');
    return (
      pulled.outcome === 'ok' &&
      pulled.reading.readings.map((one) => one.kind === 'signal' && one.signal.task)
    );
  };
  assert.deepEqual(await connectors(), [1], 'the pull path leaves the silenced one out');
  await real.expire(id);

  await real.post([{ alertname: 'WorkerDown', connect_cluster: 'default' }]);
  await waitFor(
    'the inhibition',
    async () => (await statesOf(connector, alerts, [0, 1, null])).join() === 'inhibited,inhibited,free',
    30_000,
  );
  assert.deepEqual(await connectors(), []);
});
