/** The shipped rules and routes, checked by the tools of Prometheus and Alertmanager themselves. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ROOT } from '../stack/parts.ts';
import { type MonitoringParts, provisionMonitoring } from '../stack/provision.ts';

const run = promisify(execFile);
const RULES = join(ROOT, 'rules');
const RULE_FILES = ['kafka-connect.yml', 'connect-medic.yml'];
const ROUTES = join(RULES, 'alertmanager.example.yml');

interface Rule {
  alert?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface RuleTest {
  tests: { alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[] }[];
}

async function alerts(file: string): Promise<Rule[]> {
  const { groups } = parse(await readFile(join(RULES, file), 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules).filter((rule) => rule.alert !== undefined);
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
      const name = file.replace('.yml', '_test.yml');
      const { tests } = parse(await readFile(join(RULES, 'tests', name), 'utf8')) as RuleTest;
      const cases = tests.flatMap((each) => each.alert_rule_test ?? []);
      for (const { alert } of await alerts(file)) {
        const own = cases.filter((each) => each.alertname === alert);
        assert.ok(
          own.some((each) => each.exp_alerts.length > 0),
          `${alert} fires in no test`,
        );
        assert.ok(
          own.some((each) => each.exp_alerts.length === 0),
          `${alert} fires in every test`,
        );
      }
    });

    test(`of ${file} carry a severity, a static summary, a description and a runbook of their own`, async () => {
      for (const { alert, labels = {}, annotations = {} } of await alerts(file)) {
        assert.ok(['info', 'warning', 'critical'].includes(labels['severity'] ?? ''), `${alert}: severity`);
        assert.doesNotMatch(annotations['summary'] ?? '{{', /\{\{/, `${alert}: summary`);
        assert.ok((annotations['description'] ?? '').length > 20, `${alert}: description`);
        assert.equal(annotations['runbook_url'], `docs/operations.md#${alert?.toLowerCase()}`);
      }
    });
  }

  // Alertmanager mutes an inhibited alert for every receiver: one name cannot serve both.
  test('drive restarts and page humans by different alerts', async () => {
    for (const { alert, labels } of await alerts('kafka-connect.yml')) {
      assert.equal(labels?.['remediation'], 'kafka-connect', alert);
    }
    for (const { alert, labels } of await alerts('connect-medic.yml')) {
      assert.equal(labels?.['remediation'], undefined, alert);
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
      why: 'an escalation',
      labels: { alertname: 'ConnectMedicEscalated', severity: 'critical', connector: 'orders' },
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
