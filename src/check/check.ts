import type { ListedAlert } from '../alertmanager/client.ts';
import type { Config } from '../config/config.ts';
import { matches } from '../config/matcher.ts';
import { checkAlertmanager } from './alertmanager.ts';
import { type Connectors, checkCluster } from './connect.ts';
import { Findings, lineOf } from './findings.ts';
import { judgeAlerts } from './labels.ts';
import { checkLedger } from './ledger.ts';
import { limited, PART_AT_MOST_MS } from './limited.ts';
import { judgePrometheus } from './metrics.ts';
import { checkPrometheus, type PrometheusOptions } from './prometheus.ts';
import { judgeRouting } from './routing.ts';

export interface CheckOptions {
  /** Without it metric names and rules are not looked at. */
  readonly prometheus?: PrometheusOptions | null;
  /** For each part. Default: `PART_AT_MOST_MS`. */
  readonly partAtMostMs?: number;
}

const NOT_LOOKED_AT =
  'metric names and rules were not looked at: --check --prometheus http://127.0.0.1:9090 asks that Prometheus for them';

/**
 * `--check`: tries everything that the configuration names, looks at what fires and at what is scraped, and prints in plain
 * words what would keep remediation from working. The parts are tried at once and printed in a fixed order. Returns the exit status:
 * 1 when something cannot be used, or keeps remediation from working for certain; what is not certain is a note.
 */
export async function check(
  config: Config,
  source: string,
  warnings: readonly string[],
  print: (line: string) => void,
  { prometheus: options = null, partAtMostMs = PART_AT_MOST_MS }: CheckOptions = {},
): Promise<0 | 1> {
  const ledger = limited('ledger', partAtMostMs, (findings) => checkLedger(config, findings));
  const clusters = config.clusters.map((cluster) =>
    limited(`cluster ${cluster.name}`, partAtMostMs, (findings) => checkCluster(cluster, findings)),
  );
  const alertmanagers = config.alertmanagers.map((one) =>
    limited(`alertmanager ${one.url}`, partAtMostMs, (findings) =>
      checkAlertmanager(one, config.remediationLabel, findings),
    ),
  );
  const prometheus =
    options === null
      ? null
      : limited(`prometheus ${options.url}`, partAtMostMs, (findings) =>
          checkPrometheus(options, config, findings),
        );

  let failed = 0;
  const tell = ({ list }: Findings): void => {
    for (const finding of list) print(lineOf(finding));
    failed += list.filter(({ kind }) => kind === 'failed').length;
  };
  const judge = (work: (findings: Findings) => void): void => {
    const findings = new Findings();
    work(findings);
    tell(findings);
  };

  judge((findings) => {
    findings.ok('configuration', `${source} is valid`);
    for (const text of [...warnings, ...notYet(config)]) findings.note(text);
  });
  tell((await ledger).findings);
  const known = new Map<string, Connectors>();
  for (const [index, cluster] of clusters.entries()) {
    const { findings, facts } = await cluster;
    tell(findings);
    if (facts !== null) known.set(config.clusters[index]?.name ?? '', facts);
  }
  const alerts: ListedAlert[] = [];
  let answered = false;
  for (const alertmanager of alertmanagers) {
    const { findings, facts } = await alertmanager;
    tell(findings);
    if (facts === null) continue;
    judge((more) => judgeRouting(facts, config, more));
    alerts.push(...facts.alerts);
    answered = true;
  }
  // Without an answer nothing follows: an alert that is not seen may fire.
  if (answered) judge((findings) => judgeAlerts(alerts, known, config, findings));
  if (prometheus === null) judge((findings) => findings.note(NOT_LOOKED_AT));
  else {
    const { findings, facts } = await prometheus;
    tell(findings);
    const alertsSeen = alerts.some(({ labels }) => matches(config.remediationLabel, labels));
    if (facts !== null) {
      judge((more) => judgePrometheus(facts, { config, clusters: known, alertsSeen }, more));
    }
  }
  print(
    failed === 0
      ? 'everything can be used'
      : `${failed} of the above cannot be used, or keep remediation from working`,
  );
  return failed === 0 ? 0 : 1;
}

/** What the configuration asks for and this version does not do: said at the start, not found out at night. */
export function notYet(config: Config): string[] {
  const later: string[] = [];
  if (config.alertmanagers.length === 0) {
    later.push('no alertmanagers are configured: webhooks only, and silences are not checked');
  }
  if (config.policy.dryRun) later.push('policy.dryRun is true: no restart call is made');
  else if (config.overrides.some(({ policy }) => policy.dryRun)) {
    later.push('dryRun is true in an override: no restart call is made where it matches');
  }
  return later;
}
