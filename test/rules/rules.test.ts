/** The shipped rules and routes, checked by the tools of Prometheus and Alertmanager themselves. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { ROOT } from '../stack/parts.ts';
import { type MonitoringParts, provisionMonitoring } from '../stack/provision.ts';

const run = promisify(execFile);
const RULES = join(ROOT, 'rules');
const DRIVES_RESTARTS = 'kafka-connect.yml';
const RULE_FILES = [DRIVES_RESTARTS, 'kafka-connect-humans.yml', 'connect-medic.yml'];
const ROUTES = join(RULES, 'alertmanager.example.yml');
const OPERATIONS = join(ROOT, 'docs/operations.md');
/** Fires always: that is what it is for. */
const WATCHDOG = 'Watchdog';

interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  for?: string;
  keep_firing_for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface RuleTests {
  tests: {
    alert_rule_test?: { alertname: string; exp_alerts: { exp_labels: Record<string, string> }[] }[];
    promql_expr_test?: { expr: string }[];
  }[];
}

async function rulesOf(file: string): Promise<Rule[]> {
  const { groups } = parse(await readFile(join(RULES, file), 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

async function alerts(file: string): Promise<Rule[]> {
  return (await rulesOf(file)).filter((rule) => rule.alert !== undefined);
}

async function testsOf(file: string): Promise<RuleTests['tests']> {
  const name = file.replace('.yml', '_test.yml');
  return (parse(await readFile(join(RULES, 'tests', name), 'utf8')) as RuleTests).tests;
}

describe('the shipped rules', () => {
  let tools: MonitoringParts;
  before(async () => {
    tools = await provisionMonitoring();
  });

  test('are accepted by promtool, without a lint finding', async () => {
    const args = ['check', 'rules', '--lint=all', '--lint-fatal', ...RULE_FILES];
    await run(tools.promtool, args, { cwd: RULES });
  });

  test('pass their unit tests', async () => {
    const files = (await readdir(join(RULES, 'tests'))).filter((name) => name.endsWith('_test.yml'));
    assert.equal(files.length, RULE_FILES.length);
    await run(tools.promtool, ['test', 'rules', ...files], { cwd: join(RULES, 'tests') });
  });

  for (const file of RULE_FILES) {
    test(`of ${file} each have a test that fires them and one that does not`, async () => {
      const cases = (await testsOf(file)).flatMap((each) => each.alert_rule_test ?? []);
      for (const { alert } of await alerts(file)) {
        const own = cases.filter((each) => each.alertname === alert);
        assert.ok(
          own.some((each) => each.exp_alerts.length > 0),
          `${alert} fires in no test`,
        );
        assert.ok(
          alert === WATCHDOG || own.some((each) => each.exp_alerts.length === 0),
          `${alert} fires in every test`,
        );
      }
    });

    test(`of ${file} record what a test evaluates`, async () => {
      const suites = await Promise.all(RULE_FILES.map(testsOf));
      const evaluated = suites.flat().flatMap((each) => each.promql_expr_test ?? []);
      for (const { record } of await rulesOf(file)) {
        if (record === undefined) continue;
        assert.match(record, /^[a-z]+:[a-z_]+:[a-z0-9]+$/);
        assert.ok(
          evaluated.some(({ expr }) => expr.includes(record)),
          `${record} is evaluated by no test`,
        );
      }
    });

    test(`of ${file} carry a severity, a static summary, a description and a runbook of their own`, async () => {
      const runbook = await readFile(OPERATIONS, 'utf8');
      for (const { alert = '', labels = {}, annotations = {} } of await alerts(file)) {
        const severities = alert === WATCHDOG ? ['none'] : ['info', 'warning', 'critical'];
        assert.ok(severities.includes(labels['severity'] ?? ''), `${alert}: severity`);
        assert.deepEqual(
          Object.keys(annotations).sort(),
          ['description', 'runbook_url', 'summary'],
          `${alert}: annotations`,
        );
        assert.match(annotations['summary'] ?? '', /^[^{]+\.$/, `${alert}: summary`);
        assert.ok((annotations['description'] ?? '').length > 20, `${alert}: description`);
        assert.equal(annotations['runbook_url'], `docs/operations.md#${alert.toLowerCase()}`);
        assert.ok(runbook.includes(`\n### ${alert}\n`), `${alert} has no section in docs/operations.md`);
      }
    });
  }

  test('have names that begin with what they are about, each once', async () => {
    const names = (await Promise.all(RULE_FILES.map(alerts))).flat().map(({ alert }) => alert ?? '');
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^(KafkaConnect|ConnectMedic)[A-Z]|^Watchdog$/);
  });

  // Alertmanager mutes an inhibited alert for every receiver: one name cannot serve both.
  test('drive restarts and page humans by different alerts', async () => {
    for (const file of RULE_FILES) {
      const expected = file === DRIVES_RESTARTS ? 'kafka-connect' : undefined;
      for (const { alert, labels } of await alerts(file)) {
        assert.equal(labels?.['remediation'], expected, alert);
      }
    }
  });

  // A label that changes when a task moves would begin a new alert, with a new `for` and a new fingerprint.
  test('that drive restarts carry the target and nothing that moves with a task', async () => {
    const stable = new Set(['severity', 'remediation', 'connect_cluster', 'connector', 'task']);
    const cases = (await testsOf(DRIVES_RESTARTS)).flatMap((each) => each.alert_rule_test ?? []);
    for (const { alertname, exp_alerts } of cases) {
      for (const { exp_labels } of exp_alerts) {
        for (const label of Object.keys(exp_labels)) assert.ok(stable.has(label), `${alertname}: ${label}`);
      }
    }
    for (const rule of await alerts(DRIVES_RESTARTS)) {
      if (rule.for === undefined) continue;
      assert.deepEqual([rule.for, rule.keep_firing_for], ['1m', '5m'], rule.alert);
    }
  });
});

describe('the example routes', () => {
  let tools: MonitoringParts;
  before(async () => {
    tools = await provisionMonitoring();
  });

  test('are accepted by amtool', async () => {
    await run(tools.amtool, ['check-config', ROUTES]);
  });

  test("are accepted by amtool with the documentation's receiver for TLS as well", async () => {
    const blocks = [...(await readFile(OPERATIONS, 'utf8')).matchAll(/```yaml\n([\s\S]*?)```/g)];
    const block = blocks.map(([, text = '']) => text).find((text) => text.startsWith('# alertmanager.yml'));
    const config = parse(await readFile(ROUTES, 'utf8')) as { receivers: { name: string }[] };
    const others = config.receivers.filter(({ name }) => name !== 'connect-medic');
    const receiver = { name: 'connect-medic', ...(parse(block ?? '') as object) };
    const directory = await mkdtemp(join(tmpdir(), 'connect-medic-routes-'));
    try {
      const file = join(directory, 'alertmanager.yml');
      await writeFile(file, stringify({ ...config, receivers: [receiver, ...others] }));
      await run(tools.amtool, ['check-config', file]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('try the remediation first and let routes below see the same alert', async () => {
    const { route } = parse(await readFile(ROUTES, 'utf8')) as {
      route: { routes: { matchers: string[]; continue?: boolean; group_by: string[] }[] };
    };
    const [first] = route.routes;
    assert.deepEqual(first?.matchers, ['remediation="kafka-connect"']);
    assert.equal(first?.continue, true);
    assert.deepEqual(first?.group_by, ['connect_cluster', 'connector']);
  });

  const cases: { why: string; labels: Record<string, string>; receiver: string }[] = [
    {
      why: 'a failed task',
      labels: {
        alertname: 'KafkaConnectTaskFailed',
        remediation: 'kafka-connect',
        connector: 'orders',
        task: '0',
      },
      receiver: 'connect-medic',
    },
    {
      why: 'an alert without a connector',
      labels: { alertname: 'KafkaConnectTaskStartupFailed', remediation: 'kafka-connect' },
      receiver: 'connect-medic',
    },
    {
      why: 'the watchdog',
      labels: { alertname: WATCHDOG, severity: 'none' },
      receiver: 'connect-medic',
    },
    {
      why: 'an escalation',
      labels: { alertname: 'ConnectMedicEscalated', severity: 'critical', connector: 'orders' },
      receiver: 'humans',
    },
    {
      why: 'an alert on Kafka Connect for humans',
      labels: { alertname: 'KafkaConnectMostlyFailed', severity: 'warning', connector: 'orders' },
      receiver: 'humans',
    },
    {
      why: 'a remediation of another kind',
      labels: { alertname: 'DiskFull', remediation: 'kafka-connect-disk' },
      receiver: 'humans',
    },
  ];
  for (const { why, labels, receiver } of cases) {
    test(`send ${why} to ${receiver} alone`, async () => {
      const matchers = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
      const args = ['config', 'routes', 'test', `--config.file=${ROUTES}`, ...matchers];
      const { stdout } = await run(tools.amtool, args);
      assert.equal(stdout.trim(), receiver);
    });
  }
});
