/** What `--check` says about Prometheus' answers. Real ones are in real.test.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import type { Connectors } from '../../src/check/connect.ts';
import { namesAbout, RECORDED } from '../../src/check/metric-names.ts';
import { type Around, judgePrometheus } from '../../src/check/metrics.ts';
import type { PrometheusFacts } from '../../src/check/prometheus.ts';
import type { Group, Rule, Sample } from '../../src/check/prometheus-parse.ts';
import { valid } from '../config/helpers.ts';
import { seriesIn } from '../rules/series.ts';
import { linesOf, statusOf } from './given.ts';

const running: Connectors = new Map([['orders', statusOf('RUNNING', 'RUNNING')]]);
const around: Around = { config: valid(''), clusters: new Map([['default', running]]), alertsSeen: false };
const two: Around = {
  ...around,
  config: valid('clusters: [{ name: default, urls: [http://a:1] }, { name: other, urls: [http://b:1] }]'),
  clusters: new Map([
    ['default', running],
    ['other', new Map()],
  ]),
};

const series = (name: string, labels: Record<string, string> = {}): Sample => ({
  metric: name === '' ? labels : { __name__: name, ...labels },
  value: 1,
});
const of = { connect_cluster: 'default' };
const JMX = [series('kafka_connect_connector_status', of), series('kafka_connect_connector_task_status', of)];
const REST = [
  series('connect_medic_connector_state', { cluster: 'default' }),
  series('connect_medic_tasks', { cluster: 'default' }),
];
const INFO = series('connect_medic_build_info');
const up = (value: number): Sample => ({ metric: { __name__: 'up', job: 'connect-medic' }, value });

const rule = (over: Partial<Rule>): Rule => ({
  kind: 'recording',
  name: 'r',
  labels: {},
  query: '',
  health: 'ok',
  lastError: '',
  ...over,
});
const ALERT = rule({
  kind: 'alerting',
  name: 'KafkaConnectTaskFailed',
  labels: { remediation: 'kafka-connect' },
  query: 'task:kafka_connect_status:max == 1 or connector:kafka_connect_rest_tasks:max > 0',
});
const RECORDS = [...RECORDED.keys()].map((name) => rule({ name }));
const groupsOf = (...rules: Rule[]): PrometheusFacts['groups'] => {
  const value: Group[] = [{ name: 'g', rules }];
  return { outcome: 'ok', value };
};

const GOOD: PrometheusFacts = {
  url: 'http://p:9090',
  series: [...JMX, ...REST, INFO, ...[...RECORDED.keys()].map((name) => series(name, of))],
  targets: [up(1)],
  groups: groupsOf(...RECORDS, ALERT),
  alertmanagers: { outcome: 'ok', value: 1 },
};

function judged(over: Partial<PrometheusFacts>, given: Around = around): string[] {
  return linesOf((findings) => judgePrometheus({ ...GOOD, ...over }, given, findings));
}

test('where all is there, all is well', () => {
  const lines = judged({});
  assert.equal(lines.length, 4);
  assert.ok(
    lines.every((line) => line.startsWith('ok ')),
    lines.join('\n'),
  );
});

const only = (...samples: readonly Sample[]): Sample[] => [
  ...samples,
  ...GOOD.series.filter(({ metric }) => (metric['__name__'] ?? '').includes(':')),
];

const cases: { why: string; over: Partial<PrometheusFacts>; given?: Around; says: RegExp; count?: number }[] =
  [
    {
      why: 'no rule: nothing can fire',
      over: { groups: groupsOf(...RECORDS) },
      says: /^FAILED .*no alerting rule with remediation="kafka-connect" is loaded/,
    },
    {
      why: 'no rule here, though such alerts fire',
      over: { groups: groupsOf() },
      given: { ...around, alertsSeen: true },
      says: /^note .*such alerts come from elsewhere/,
    },
    {
      why: 'a rule that cannot be evaluated',
      over: {
        groups: groupsOf(
          rule({ name: 'a:b', health: 'err', lastError: 'password=pl4nted-s3cret' }),
          ALERT,
          ...RECORDS,
        ),
      },
      says: /^FAILED .*the rule a:b cannot be evaluated: password/,
    },
    {
      why: 'rules that were not evaluated yet',
      over: { groups: groupsOf({ ...ALERT, health: 'unknown' }, ...RECORDS) },
      says: /^note .*were not evaluated yet/,
    },
    {
      why: 'rules that cannot be read',
      over: { groups: { outcome: 'nonsense', detail: '404: check the URL' } },
      says: /^note .*its rules cannot be read, nonsense: 404/,
    },
    {
      why: 'series that are not recorded by any rule',
      over: { groups: groupsOf(ALERT), series: [...JMX, ...REST, INFO] },
      says: /^FAILED .*alerts rest on task:kafka_connect_status:max, connector:kafka_connect_rest_tasks:max, which no rule records/,
    },
    {
      why: 'series that are not recorded yet',
      over: { series: [...JMX, ...REST, INFO] },
      says: /^note .*task:kafka_connect_status:max is not recorded yet/,
    },
    {
      why: 'no source of tasks',
      over: { series: only(series('kafka_connect_connector_status', of), INFO) },
      says: /^FAILED .*cluster default: no series says that one of its tasks is FAILED: none of kafka_connect_connector_task_status, .*connect_medic_tasks with connect_cluster="default"/,
    },
    {
      why: 'no source of connectors',
      over: { series: only(series('kafka_connect_connector_task_status', of), INFO) },
      says: /^FAILED .*cluster default: no series says that one of its connectors is FAILED/,
    },
    {
      why: 'no source, and nothing that runs: not certain',
      over: { series: only(series('kafka_connect_connector_status', of), ...REST.slice(0, 1), INFO) },
      given: {
        ...around,
        clusters: new Map([['default', new Map([['orders', statusOf('RUNNING', 'FAILED')]])]]),
      },
      says: /^note .*no series says that one of its tasks is FAILED/,
    },
    {
      why: 'no source but a connect-medic that does not run yet',
      over: { series: [], targets: [up(0)] },
      says: /^note .*no series says that one of its tasks .*connect-medic, which is scraped and down, would add them/,
    },
    {
      why: 'JMX alone',
      over: { series: only(...JMX, INFO) },
      says: /^note .*cluster default: connect-medic's own gauges are missing, and JMX does not see .*once connect-medic runs/,
    },
    {
      why: 'gauges scraped without honor_labels',
      over: {
        series: only(
          ...JMX,
          INFO,
          series('connect_medic_tasks', { cluster: 'k8s', exported_cluster: 'default' }),
        ),
      },
      says: /^note .*they come with exported_cluster: scrape connect-medic with honor_labels: true/,
    },
    {
      why: 'gauges alone',
      over: { series: only(...REST, INFO) },
      says: /^note .*only connect-medic's own gauges tell of it/,
    },
    {
      why: 'clusters with other names',
      over: {
        series: [...GOOD.series, series('kafka_connect_connector_status', { connect_cluster: 'prod' })],
      },
      says: /^note .*series of the clusters prod, which are not configured here \(configured: default\)/,
    },
    {
      why: 'series without a cluster, though there are several',
      over: { series: [...GOOD.series, series('kafka_connect_connector_status')] },
      given: two,
      says: /^note .*series without the label connect_cluster, though several clusters are configured/,
    },
    {
      why: 'a cluster of several that no series names',
      over: {},
      given: { ...two, clusters: new Map([['other', running]]) },
      says: /^FAILED .*cluster other: no series says that one of its tasks/,
    },
    {
      why: 'a target that is down',
      over: { targets: [up(1), up(0)] },
      says: /^note .*a target of the job connect-medic is down/,
    },
    { why: 'another job name', over: { targets: [] }, says: /^note .*the job is not called connect-medic/ },
    {
      why: 'no scrape of connect-medic',
      over: { targets: [], series: only(...JMX) },
      says: /^note .*connect-medic is not scraped: there is no target/,
    },
    {
      why: 'no Alertmanager',
      over: { alertmanagers: { outcome: 'ok', value: 0 } },
      says: /^FAILED .*it sends alerts to no Alertmanager/,
    },
    {
      why: 'no Alertmanager here, though such alerts fire',
      over: { alertmanagers: { outcome: 'ok', value: 0 } },
      given: { ...around, alertsSeen: true },
      says: /^note .*it sends alerts to no Alertmanager/,
    },
    {
      why: 'Alertmanagers that cannot be read',
      over: { alertmanagers: { outcome: 'unauthorized', detail: '403' } },
      says: /^note .*its Alertmanagers cannot be read, unauthorized: 403/,
    },
  ];

describe('it is told of', () => {
  for (const { why, over, given, says } of cases) {
    test(why, () => {
      const lines = judged(over, given);
      assert.equal(lines.filter((line) => says.test(line)).length, 1, lines.join('\n'));
      assert.ok(!lines.some((line) => line.includes('s3cret')), lines.join('\n'));
      assert.ok(!judged({}).some((line) => says.test(line)));
    });
  }
});

describe('a cluster is seen by', () => {
  const seen = (samples: readonly Sample[], given = around): string =>
    judged({ series: only(...samples, INFO) }, given).find(
      (line) => line.startsWith('ok ') && line.includes('cluster default'),
    ) ?? '';

  test("Strimzi's reporter", () => {
    const names = [
      'kafka_connect_connector_metrics_status_info',
      'kafka_connect_connector_task_metrics_status_info',
    ];
    assert.match(
      seen(names.map((name) => series(name, of))),
      /connectors by Strimzi's reporter, tasks by Strimzi's reporter$/,
    );
  });
  test("Strimzi's earlier packs, which have tasks under the connector's name", () => {
    assert.match(
      seen([series('kafka_connect_connector_status', of), series('', of)]),
      /connectors by JMX, tasks by JMX$/,
    );
  });
  test('series without a name of the cluster, where it is the only one', () => {
    const samples = [series('kafka_connect_connector_status'), series('kafka_connect_connector_task_status')];
    assert.match(seen(samples), /connectors by JMX, tasks by JMX$/);
    assert.equal(seen(samples, two), '');
  });
});

test('the names are those of the shipped rules', () => {
  const { groups } = parse(
    readFileSync(join(import.meta.dirname, '../../rules/kafka-connect.yml'), 'utf8'),
  ) as { groups: { rules: { record?: string; expr: string }[] }[] };
  const rules = new Map(groups.flatMap((group) => group.rules).map((one) => [one.record ?? '', one.expr]));
  const all = new Set<string>([...namesAbout('connectors'), ...namesAbout('tasks')]);
  for (const [recorded, from] of RECORDED) {
    const used = seriesIn(rules.get(recorded) ?? '');
    assert.ok(used.size > 0, recorded);
    for (const name of from) assert.ok(name === '' || used.has(name), `${recorded} of ${name}`);
    for (const name of used) assert.ok(all.has(name), `${recorded} rests on ${name}`);
  }
});
