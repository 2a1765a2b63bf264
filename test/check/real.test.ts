/** `--check` against a real Prometheus and a real Alertmanager, with what is shipped, and with what goes wrong in it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { Config } from '../../src/config/config.ts';
import type { ConnectState } from '../../src/core/model.ts';
import { Metrics } from '../../src/metrics.ts';
import { valid } from '../config/helpers.ts';
import { alertmanagerConfig, FAST, prometheusConfig, shippedRules } from '../stack/config.ts';
import { waitFor } from '../stack/process.ts';
import { run, serve, statusOf, worker } from './given.ts';
import { type Installed, startAlertmanagerWith, startPrometheusWith, untilFound } from './installation.ts';

/** What Connect has, what the JMX exporter says of it, and what connect-medic reads of it. */
let orders: readonly [ConnectState, ...ConnectState[]] = ['RUNNING', 'RUNNING'];
const cleanups: (() => unknown)[] = [];
const later = { after: (step: () => unknown): void => void cleanups.push(step) };

const jmx = (): string =>
  orders
    .map((state, index) => {
      const [name, task] =
        index === 0
          ? ['kafka_connect_connector_status', '']
          : ['kafka_connect_connector_task_status', `,task="${index - 1}"`];
      return `${name}{connector="orders"${task},status="${state.toLowerCase()}"} 1\n`;
    })
    .join('');

let connectUrl: string;
let exporterPort: number;
let medicPort: number;

before(async () => {
  ({ url: connectUrl } = await serve(
    later,
    worker(() => ({ orders })),
  ));
  ({ port: exporterPort } = await serve(later, () => ({ body: jmx() })));
  const metrics = new Metrics(['default'], 'test');
  let page = '';
  ({ port: medicPort } = await serve(later, () => {
    // The page is made for the next scrape.
    const [connector, ...tasks] = orders;
    void metrics
      .page([], new Map([['default', new Map([['orders', statusOf(connector, ...tasks)]])]]))
      .then((text) => {
        page = text;
      });
    return { body: page };
  }));
});
after(async () => {
  for (const step of cleanups.reverse()) await step();
});

const portOf = ({ url }: Installed): number => Number(new URL(url).port);
const configOf = (alertmanager: Installed, more = ''): Config =>
  valid(
    `server: { port: ${medicPort} }\nledger: { url: 'memory:' }\nalertmanagers: [{ url: '${alertmanager.url}' }]\n` +
      (more === '' ? `clusters: [{ name: default, urls: ['${connectUrl}'] }]\n` : more),
  );
const keep = (installed: Installed): Installed => {
  cleanups.push(() => installed.stop());
  return installed;
};
const firing = async ({ url }: Installed): Promise<string[]> => {
  const alerts = (await (await fetch(`${url}/api/v2/alerts`)).json()) as { labels: Record<string, string> }[];
  return alerts.map(({ labels }) => labels['alertname'] ?? '');
};

describe('an installation with what is shipped', () => {
  let alertmanager: Installed;
  let prometheus: Installed;

  before(async () => {
    const webhookUrls = [`http://127.0.0.1:${medicPort}/webhook`];
    // Times as shipped: they are looked at.
    alertmanager = keep(await startAlertmanagerWith(await alertmanagerConfig({ webhookUrls }, {})));
    const rules = Object.fromEntries(await shippedRules(FAST));
    const targets = {
      clusterName: 'default',
      workerMetricsPorts: [exporterPort],
      medicPorts: [medicPort],
      alertmanagerPort: portOf(alertmanager),
    };
    prometheus = keep(
      await startPrometheusWith({
        'prometheus.yml': prometheusConfig(targets, Object.keys(rules), FAST),
        ...rules,
      }),
    );
    await untilFound(
      prometheus.url,
      'connector:kafka_connect_rest_tasks:max and connector:kafka_connect_tasks:max',
    );
    await untilFound(prometheus.url, 'task:kafka_connect_status:max and on () connect_medic_build_info');
    await waitFor('the Watchdog', async () => (await firing(alertmanager)).includes('Watchdog'), 60_000);
  });

  test('has nothing to say but that all is well', async () => {
    const { code, lines } = await run(configOf(alertmanager), {
      prometheus: { url: prometheus.url, bearerFile: null },
    });
    const plain = lines.map((line) =>
      line
        .replaceAll(alertmanager.url, 'AM')
        .replaceAll(prometheus.url, 'PROM')
        .replaceAll(connectUrl, 'CONNECT')
        .replace(/(Prometheus|Alertmanager) \d[^\s,]*/, '$1 VERSION'),
    );
    assert.deepEqual(plain, [
      'ok      configuration: medic.yml is valid',
      'ok      ledger memory: can be written, 0 remediations in it',
      'ok      cluster default CONNECT: Kafka Connect 4.3.0, 1 connectors, 0 failed parts',
      'ok      alertmanager AM: Alertmanager VERSION, 0 active silences',
      'ok      alertmanager AM: alerts with remediation="kafka-connect" go to the receiver connect-medic',
      'ok      alerts: none carries remediation="kafka-connect" now',
      'ok      prometheus PROM: Prometheus VERSION',
      'ok      prometheus PROM: 3 alerting rules with remediation="kafka-connect"',
      'ok      prometheus PROM, cluster default: connectors by JMX and REST, tasks by JMX and REST',
      'ok      prometheus PROM: connect-medic is scraped',
      'ok      prometheus PROM: sends alerts to 1 Alertmanager',
      'everything can be used',
    ]);
    assert.equal(code, 0);
  });

  test('says which alert is about which failure, and under which cluster name it would be ignored', async () => {
    orders = ['RUNNING', 'FAILED'];
    try {
      await waitFor(
        'the alert',
        async () => (await firing(alertmanager)).includes('KafkaConnectTaskFailed'),
        60_000,
      );
      const known = await run(configOf(alertmanager));
      assert.ok(
        known.lines.some((line) =>
          /^ok {6}alerts: [12] alerts? with .*, [12] of them about a conf/.test(line),
        ),
        known.lines.join('\n'),
      );
      assert.ok(!known.lines.some((line) => line.includes('no alert for')), known.lines.join('\n'));
      const { code, lines } = await run(
        configOf(alertmanager, `clusters: [{ name: main, urls: ['${connectUrl}'] }]\n`),
      );
      const text = lines.join('\n');
      assert.match(
        text,
        /^note .*a connect_cluster that no configured cluster has \(default; configured: main\).*Example: KafkaConnectTaskFailed\{.*connector="orders"/m,
      );
      assert.match(
        text,
        /^note .*1 connector FAILED by Connect's REST API, and no alert for it \(main\/orders\)/m,
      );
      assert.equal(code, 0, text);
    } finally {
      orders = ['RUNNING', 'RUNNING'];
    }
  });

  test('is told apart from one for another cluster: its series carry another name', async () => {
    const { code, lines } = await run(
      configOf(alertmanager, `clusters: [{ name: main, urls: ['${connectUrl}'] }]\n`),
      { prometheus: { url: prometheus.url, bearerFile: null } },
    );
    const text = lines.join('\n');
    assert.equal(code, 1, text);
    assert.match(
      text,
      /^FAILED .*cluster main: no series says that one of its connectors is FAILED.*connect_cluster="main"/m,
    );
    assert.match(text, /^FAILED .*cluster main: no series says that one of its tasks is FAILED/m);
    assert.match(text, /^note .*series of the clusters default, which are not configured here/m);
  });
});

describe('an installation in which much is wrong', () => {
  let alertmanager: Installed;
  let prometheus: Installed;

  before(async () => {
    const shipped = await alertmanagerConfig({ webhookUrls: [`http://127.0.0.1:${medicPort}/alerts`] }, {});
    alertmanager = keep(await startAlertmanagerWith(shipped));
    // Only the alerts were copied, one of them with a slip; no Alertmanager; connect-medic under another job name.
    const rules = parse((await shippedRules(FAST)).get('kafka-connect.yml') ?? '') as {
      groups: { rules: { alert?: string; expr: string }[] }[];
    };
    const alerts = rules.groups.flatMap((group) => group.rules).filter(({ alert }) => alert !== undefined);
    for (const rule of alerts) {
      if (rule.alert === 'KafkaConnectTaskStartupFailed') {
        rule.expr = 'up * on () kafka_connect_connector_status';
      }
    }
    const config = parse(
      prometheusConfig(
        {
          clusterName: 'default',
          workerMetricsPorts: [exporterPort],
          medicPorts: [medicPort],
          alertmanagerPort: 1,
        },
        ['rules.yml'],
        FAST,
      ),
    ) as {
      alerting?: unknown;
      scrape_configs: {
        job_name: string;
        honor_labels?: boolean;
        static_configs: { labels?: Record<string, string> }[];
      }[];
    };
    delete config.alerting;
    const [workers, medic] = config.scrape_configs;
    assert.ok(workers !== undefined && medic !== undefined);
    medic.job_name = 'medic';
    medic.honor_labels = false;
    for (const one of medic.static_configs) one.labels = { cluster: 'kubernetes-1' };
    prometheus = keep(
      await startPrometheusWith({
        'prometheus.yml': stringify(config),
        'rules.yml': stringify({ groups: [{ name: 'mine', rules: alerts }] }),
      }),
    );
    await untilFound(prometheus.url, 'connect_medic_tasks and on () kafka_connect_connector_task_status');
    await waitFor(
      'an evaluation that fails',
      async () => (await (await fetch(`${prometheus.url}/api/v1/rules`)).text()).includes('"health":"err"'),
      60_000,
    );
  });

  test('is told what', async () => {
    const { code, lines } = await run(configOf(alertmanager), {
      prometheus: { url: prometheus.url, bearerFile: null },
    });
    const text = lines.join('\n');
    assert.equal(code, 1, text);
    for (const expected of [
      /^note .*alertmanager .*: no receiver has a webhook whose URL ends in \/webhook \(the path of .* is \/alerts, not \/webhook/m,
      /^FAILED .*: the rule KafkaConnectTaskStartupFailed cannot be evaluated: /m,
      /^FAILED .*: alerts rest on .*task:kafka_connect_status:max.*, which no rule records/m,
      /^ok .*cluster default: connectors by JMX, tasks by JMX$/m,
      /^note .*cluster default: connect-medic's own gauges are missing.*exported_cluster: scrape connect-medic with honor_labels/m,
      /^note .*connect-medic is scraped, but the job is not called connect-medic/m,
      /^FAILED .*it sends alerts to no Alertmanager/m,
    ])
      assert.match(text, expected);
    assert.match(text, /^3 of the above cannot be used, or keep remediation from working$/m);
  });
});
