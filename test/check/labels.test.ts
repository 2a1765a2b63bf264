/** What `--check` says about the labels of the alerts that fire. Real ones are in real.test.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import type { ListedAlert } from '../../src/alertmanager/client.ts';
import type { Connectors } from '../../src/check/connect.ts';
import { judgeAlerts } from '../../src/check/labels.ts';
import type { Config } from '../../src/config/config.ts';
import { type Labels, labelsOf } from '../alertmanager/given.ts';
import { valid } from '../config/helpers.ts';
import { linesOf, statusOf } from './given.ts';

const one = valid('');
const two = valid('clusters: [{ name: default, urls: [http://a:1] }, { name: other, urls: [http://b:1] }]');
const connectors: Connectors = new Map([
  ['c', statusOf('RUNNING', 'FAILED')],
  ['fine', statusOf('RUNNING', 'RUNNING')],
  ['off', statusOf('PAUSED', 'FAILED')],
  ['odd', null],
]);

let serial = 0;
function alert(labels: Labels, over: Partial<ListedAlert> = {}): ListedAlert {
  serial += 1;
  return { fingerprint: `f${serial}`, labels, status: { silencedBy: [], inhibitedBy: [] }, ...over };
}

/** The labels of an alert, without these. */
function without(...names: string[]): Labels {
  return Object.fromEntries(Object.entries(labelsOf()).filter(([name]) => !names.includes(name)));
}

function judged(
  alerts: readonly ListedAlert[],
  config: Config = one,
  clusters: ReadonlyMap<string, Connectors> = new Map([['default', connectors]]),
): string[] {
  return linesOf((findings) => judgeAlerts(alerts, clusters, config, findings));
}

const GOOD = alert(labelsOf());

test('there is nothing to say about an alert of a connector that failed', () => {
  assert.deepEqual(judged([GOOD, GOOD]), [
    'ok      alerts: 1 alert with remediation="kafka-connect", 1 of them about a configured cluster',
  ]);
});

test('the Watchdog is about no connector, whatever labels it has', () => {
  assert.equal(judged([GOOD, alert({ alertname: 'Watchdog', remediation: 'kafka-connect' })]).length, 1);
});

test('a cluster that could not be read is not judged by its connectors', () => {
  assert.equal(judged([GOOD, alert(labelsOf({ connector: 'gone' }))], one, new Map()).length, 1);
});

const cases: { why: string; alerts: ListedAlert[]; config?: Config; says: RegExp }[] = [
  {
    why: 'no cluster, though several are configured: it fails',
    alerts: [alert(without('connect_cluster')), alert(without('connect_cluster', 'connector'))],
    config: two,
    says: /^FAILED {2}alerts: 2 alerts without the label connect_cluster, though several clusters are configured \(default, other\): ignored\. .* Example: KafkaConnectTaskFailed\{remediation="kafka-connect", connector="c"\}$/,
  },
  {
    why: 'a cluster that is none of the configured ones',
    alerts: [alert(labelsOf({ connect_cluster: 'prod' }))],
    says: /^note {4}alerts: 1 alert with a connect_cluster that no configured cluster has \(prod; configured: default\): ignored here/,
  },
  {
    why: 'no connector: a hint only',
    alerts: [alert(without('connector'))],
    says: /^note .*1 alert without the label connector: only a reason to read the cluster's status, no restart/,
  },
  {
    why: 'no connector, where that leads to restarts',
    alerts: [alert(without('connector'))],
    config: valid('onClusterAlert: remediate'),
    says: /^note .*1 alert without the label connector: every connector that Connect calls failed/,
  },
  {
    why: 'a connector that Connect does not know',
    alerts: [alert(labelsOf({ connector: 'gone' }))],
    says: /^note .*1 alert about a connector that Connect does not know.*Example: .*connector="gone"/,
  },
  {
    why: 'a connector that is left alone by its policy',
    alerts: [alert(labelsOf())],
    config: valid(`overrides: [{ match: ['connector="c"'], policy: { enabled: false } }]`),
    says: /^note .*1 alert about a connector whose policy says enabled: false/,
  },
  {
    why: 'one that is silenced',
    alerts: [alert(labelsOf(), { status: { silencedBy: ['s'], inhibitedBy: [] } })],
    says: /^note .*1 alert silenced or inhibited now/,
  },
  {
    why: 'a failure without the remediation label, by its connector',
    alerts: [GOOD, alert({ alertname: 'SinkFailed', connector: 'c' })],
    says: /^note .*1 alert about a failure of Connect without remediation="kafka-connect": not acted on, unless .*Example: SinkFailed\{connector="c"\}/,
  },
  {
    why: 'a failure without the remediation label, by its name',
    alerts: [
      GOOD,
      alert({ alertname: 'ConnectTasksFailing' }),
      alert({ alertname: 'KafkaConnect', state: 'FAILED' }),
    ],
    says: /^note .*2 alerts about a failure of Connect without/,
  },
  {
    why: 'a failure that no alert tells of',
    alerts: [],
    says: /^note .*1 connector FAILED by Connect's REST API, and no alert for it \(default\/c\): the rules are not loaded/,
  },
];

describe('it is told of', () => {
  for (const { why, alerts, config, says } of cases) {
    test(why, () => {
      const said = judged(alerts, config).filter((line) => says.test(line));
      assert.equal(said.length, 1, judged(alerts, config).join('\n'));
      // What is not there is not told of.
      assert.ok(!judged([GOOD]).some((line) => says.test(line)));
    });
  }
});

test('the shipped alerts are all as they should be: those for humans lack the label on purpose', () => {
  const shipped = ['kafka-connect-humans.yml', 'connect-medic.yml', 'kafka-connect.yml'].flatMap((file) => {
    const text = readFileSync(join(import.meta.dirname, '../../rules', file), 'utf8');
    const { groups } = parse(text) as { groups: { rules: { alert?: string; labels?: Labels }[] }[] };
    return groups.flatMap(({ rules }) => rules);
  });
  const alerts = shipped.flatMap(({ alert: alertname, labels = {} }) => {
    if (alertname === undefined) return [];
    const target: Labels = alertname.endsWith('StartupFailed') ? {} : { connector: 'c' };
    return [alert({ ...labels, alertname, connect_cluster: 'default', ...target })];
  });
  assert.ok(alerts.length > 20);
  assert.deepEqual(judged(alerts), [
    'ok      alerts: 3 alerts with remediation="kafka-connect", 3 of them about a configured cluster',
  ]);
});

test('P10: labels are written by others: one line, no credentials', () => {
  const lines = judged([
    alert(labelsOf({ connect_cluster: 'a\n\u001b[31mok      all is well', note: 'password=pl4nted-s3cret' })),
  ]);
  assert.ok(lines.some((line) => line.includes('no configured cluster has')));
  for (const line of lines) {
    assert.ok(!line.includes('s3cret'), line);
    assert.doesNotMatch(line, /\p{Cc}/u);
  }
});
