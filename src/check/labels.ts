import type { ListedAlert } from '../alertmanager/client.ts';
import { type Config, policyFor } from '../config/config.ts';
import { formatMatcher, matches } from '../config/matcher.ts';
import { type AlertReading, readAlert, type SignalRules, WATCHDOG } from '../core/signals.ts';
import { statusVerdict } from '../core/verdict.ts';
import type { Connectors } from './connect.ts';
import { count, type Findings, names, shown } from './findings.ts';

const WHAT = 'alerts';

/** Alerts of the shipped rules that speak of failures, and are for humans on purpose. */
const FOR_HUMANS =
  /^(?:ConnectMedic.*|KafkaConnect(?:MostlyFailed|DeadLetterQueueFailing|OffsetCommitsFailing))$/;
/** The shipped alert that names no connector on purpose. */
const NAMELESS = 'KafkaConnectTaskStartupFailed';

interface Read {
  readonly alert: ListedAlert;
  readonly reading: AlertReading;
}

/**
 * Judges the alerts that fire now by their labels: which of them cannot lead to a restart, and why; and which failures that
 * Connect's REST API knows no alert tells of. `clusters` has the connectors of each cluster that could be read.
 */
export function judgeAlerts(
  listed: readonly ListedAlert[],
  clusters: ReadonlyMap<string, Connectors>,
  config: Config,
  findings: Findings,
): void {
  // Several Alertmanagers of one pair list the same alert.
  const alerts = [...new Map(listed.map((alert) => [alert.fingerprint, alert])).values()];
  const rules = signalRulesOf(config);
  const carrying: Read[] = alerts
    .filter(({ labels }) => rules.isForRemediation(labels) && labels['alertname'] !== WATCHDOG)
    .map((alert) => ({ alert, reading: readAlert(alert, rules, 'firing') }));

  const good = carrying.filter(({ reading }) => reading.kind !== 'ignored').length;
  findings.ok(
    WHAT,
    carrying.length === 0
      ? `none carries ${formatMatcher(config.remediationLabel)} now`
      : `${count(carrying.length, 'alert')} with ${formatMatcher(config.remediationLabel)}, ${good} of them about a configured cluster`,
  );
  judgeClusters(carrying, config, findings);
  judgeConnectors(carrying, clusters, config, findings);
  judgeUnlabelled(alerts, rules, config, findings);
  judgeFailures(carrying, clusters, config, findings);
}

/** How alerts are read, as the service reads them. */
export function signalRulesOf(config: Config): SignalRules {
  return {
    labels: config.labels,
    clusters: config.clusters.map(({ name }) => name),
    isForRemediation: (labels) => matches(config.remediationLabel, labels),
  };
}

function judgeClusters(carrying: readonly Read[], config: Config, findings: Findings): void {
  const configured = names(config.clusters.map(({ name }) => name));
  const label = config.labels.cluster;
  const without = carrying.filter(({ reading }) => ignoredAs(reading, 'no_target'));
  if (without.length > 0) {
    findings.failed(
      WHAT,
      `${count(without.length, 'alert')} without the label ${label === '' ? 'of the cluster' : label}, though several clusters are configured (${configured}): ignored. ` +
        `The scrape configuration has to add it. ${exampleOf(without)}`,
    );
  }
  const unknown = carrying.filter(({ reading }) => ignoredAs(reading, 'unknown_cluster'));
  if (unknown.length > 0) {
    const values = names(new Set(unknown.map(({ alert }) => alert.labels[label] ?? '')));
    findings.note(
      `${WHAT}: ${count(unknown.length, 'alert')} with a ${label} that no configured cluster has (${values}; configured: ${configured}): ignored here. ${exampleOf(unknown)}`,
    );
  }
}

function judgeConnectors(
  carrying: readonly Read[],
  clusters: ReadonlyMap<string, Connectors>,
  config: Config,
  findings: Findings,
): void {
  const nameless = carrying.filter(
    ({ alert, reading }) => reading.kind === 'cluster' && alert.labels['alertname'] !== NAMELESS,
  );
  if (nameless.length > 0) {
    const follows =
      config.onClusterAlert === 'remediate'
        ? 'every connector that Connect calls failed is then looked at (onClusterAlert: remediate)'
        : "only a reason to read the cluster's status, no restart (onClusterAlert: look)";
    findings.note(
      `${WHAT}: ${count(nameless.length, 'alert')} without the label ${config.labels.connector}: ${follows}. ${exampleOf(nameless)}`,
    );
  }
  const strangers: Read[] = [];
  const disabled: Read[] = [];
  const suppressed: Read[] = [];
  for (const read of carrying) {
    if (read.reading.kind !== 'signal') continue;
    const { cluster, connector } = read.reading.signal;
    const { status } = read.alert;
    if (clusters.get(cluster)?.has(connector) === false) strangers.push(read);
    else if (!policyFor(config, cluster, connector).enabled) disabled.push(read);
    else if (status !== null && status.silencedBy.length + status.inhibitedBy.length > 0)
      suppressed.push(read);
  }
  const tell = (reads: readonly Read[], text: string): void => {
    if (reads.length > 0)
      findings.note(`${WHAT}: ${count(reads.length, 'alert')} ${text}. ${exampleOf(reads)}`);
  };
  tell(
    strangers,
    `about a connector that Connect does not know: deleted, renamed by a relabelling, or of another cluster (a worker that has just started does not know all)`,
  );
  tell(disabled, 'about a connector whose policy says enabled: false: ignored');
  tell(suppressed, 'silenced or inhibited now: nothing is restarted for them meanwhile');
}

/** Alerts about failures of Connect that lack the remediation label: the pull path passes them over. */
function judgeUnlabelled(
  alerts: readonly ListedAlert[],
  rules: SignalRules,
  config: Config,
  findings: Findings,
): void {
  const unlabelled = alerts.filter(({ labels }) => {
    const name = labels['alertname'] ?? '';
    if (rules.isForRemediation(labels) || FOR_HUMANS.test(name)) return false;
    const ofConnect = (labels[config.labels.connector] ?? '') !== '' || /connect(?!ion|iv|ed)/i.test(name);
    return (
      ofConnect && (/fail/i.test(name) || Object.values(labels).some((value) => /^failed$/i.test(value)))
    );
  });
  if (unlabelled.length === 0) return;
  findings.note(
    `${WHAT}: ${count(unlabelled.length, 'alert')} about a failure of Connect without ${formatMatcher(config.remediationLabel)}: not acted on, ` +
      `unless a route sends it to the webhook and it names a connector. ${exampleOf(unlabelled.map((alert) => ({ alert })))}`,
  );
}

/** What Connect calls FAILED and no alert tells of: nothing restarts it. */
function judgeFailures(
  carrying: readonly Read[],
  clusters: ReadonlyMap<string, Connectors>,
  config: Config,
  findings: Findings,
): void {
  const told = new Set(
    carrying.flatMap(({ reading }) => (reading.kind === 'signal' ? [keyOf(reading.signal)] : [])),
  );
  const untold: string[] = [];
  for (const [cluster, connectors] of clusters) {
    for (const [connector, status] of connectors) {
      if (status === null || statusVerdict(status) !== 'failed') continue;
      if (!policyFor(config, cluster, connector).enabled) continue;
      if (!told.has(keyOf({ cluster, connector }))) untold.push(`${cluster}/${connector}`);
    }
  }
  if (untold.length === 0) return;
  findings.note(
    `${WHAT}: ${count(untold.length, 'connector')} FAILED by Connect's REST API, and no alert for ${untold.length === 1 ? 'it' : 'them'} (${names(untold)}): ` +
      `the rules are not loaded or do not see ${untold.length === 1 ? 'it' : 'them'}, or the alert's \`for\` is not over yet`,
  );
}

function ignoredAs(reading: AlertReading, why: 'no_target' | 'unknown_cluster'): boolean {
  return reading.kind === 'ignored' && reading.why === why;
}

function keyOf({ cluster, connector }: { readonly cluster: string; readonly connector: string }): string {
  return `${cluster}\n${connector}`;
}

/** The labels of one alert, as Prometheus writes them. */
function exampleOf(reads: readonly Pick<Read, 'alert'>[]): string {
  const [first] = reads;
  if (first === undefined) return '';
  const { alertname = 'an alert without a name', ...others } = first.alert.labels;
  const labels = Object.entries(others).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `Example: ${shown(`${alertname}{${labels.join(', ')}}`)}`;
}
