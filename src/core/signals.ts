import type { AlertSeen, Remediation } from './model.ts';
import type { Policy } from './policy.ts';
import { firstAttemptAtMs, tell } from './transitions.ts';

/** What one alert says. It is a hint, never a fact: what is broken is read from Connect before every action. */
export interface Signal {
  readonly cluster: string;
  readonly connector: string;
  readonly task: number | null;
  readonly status: 'firing' | 'resolved';
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** An alert that names a cluster but no connector: a reason to read the cluster. */
export interface ClusterSignal {
  readonly cluster: string;
  readonly status: 'firing' | 'resolved';
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Why an alert was not taken: values of `connect_medic_alerts_total{outcome}`. */
export type Ignored = 'invalid' | 'unknown_cluster' | 'no_target' | 'watchdog';

export type AlertReading =
  | { readonly kind: 'signal'; readonly signal: Signal }
  | { readonly kind: 'cluster'; readonly signal: ClusterSignal }
  | {
      readonly kind: 'ignored';
      readonly why: Ignored;
      readonly status: 'firing' | 'resolved' | 'unknown';
      /** What it carried, where that could be read: for the person who wonders why nothing happened. */
      readonly labels: Readonly<Record<string, string>> | null;
    };

/** How alerts name their target. */
export interface SignalRules {
  readonly labels: { readonly cluster: string; readonly connector: string; readonly task: string };
  /** Names of the configured clusters. */
  readonly clusters: readonly string[];
  /** Whether labels carry the remediation label: an alert without a connector counts only then. */
  readonly isForRemediation: (labels: Readonly<Record<string, string>>) => boolean;
}

/** Longest name of a cluster or a connector, in characters. */
export const NAME_AT_MOST = 1_000;

/** The alert that Prometheus fires always, to show that the way from it to here works. */
export const WATCHDOG = 'Watchdog';

/**
 * Reads one alert of a webhook body or of `GET /api/v2/alerts`. Total: whatever comes in, one reading comes out, and a bad
 * alert says nothing about its neighbours.
 */
export function readAlert(
  alert: unknown,
  rules: SignalRules,
  status: 'firing' | 'resolved' | null = null,
): AlertReading {
  const invalid: AlertReading = {
    kind: 'ignored',
    why: 'invalid',
    status: status ?? 'unknown',
    labels: null,
  };
  if (!isObject(alert)) return invalid;
  const said = status ?? alert['status'];
  if (said !== 'firing' && said !== 'resolved') return invalid;
  const labels = readLabels(alert['labels']);
  if (labels === null) return { ...invalid, status: said };
  if (labels['alertname'] === WATCHDOG) return { kind: 'ignored', why: 'watchdog', status: said, labels };

  const given = alert['fingerprint'];
  const fingerprint = typeof given === 'string' && given !== '' ? given : labelKey(labels);
  const connector = unquoteJmx(labels[rules.labels.connector] ?? '');
  if (connector === '' && !rules.isForRemediation(labels)) {
    return { kind: 'ignored', why: 'no_target', status: said, labels };
  }
  // The API could not name it, nor could a request to Connect. Its labels are too much for a line in the log.
  if (!isName(connector)) return { ...invalid, status: said };
  const cluster = clusterOf(labels, rules);
  if (typeof cluster !== 'string') return { kind: 'ignored', why: cluster.why, status: said, labels };
  if (connector === '') {
    return { kind: 'cluster', signal: { cluster, status: said, fingerprint, labels } };
  }
  const task = readTask(labels[rules.labels.task]);
  return { kind: 'signal', signal: { cluster, connector, task, status: said, fingerprint, labels } };
}

/** A whole webhook body (Alertmanager's version 4). */
export type PayloadReading =
  | { readonly ok: false; readonly problem: string }
  | {
      readonly ok: true;
      readonly readings: readonly AlertReading[];
      /** Clusters to read because the group was truncated: some of its alerts are not in the body. */
      readonly truncated: readonly ClusterSignal[];
      readonly watchdog: boolean;
    };

/**
 * Reads a webhook body: strict on what it needs, tolerant of everything else. A body without a version is taken: people and
 * programs other than Alertmanager leave it out, and what matters are the alerts.
 */
export function readPayload(payload: unknown, rules: SignalRules): PayloadReading {
  if (!isObject(payload)) return { ok: false, problem: 'the body is not a JSON object' };
  if (payload['version'] !== undefined && payload['version'] !== '4') {
    return { ok: false, problem: 'version is not "4": this is not a webhook body of Alertmanager' };
  }
  const { alerts } = payload;
  if (!Array.isArray(alerts)) return { ok: false, problem: 'alerts is not a list' };
  const readings = alerts.map((alert: unknown) => readAlert(alert, rules));
  const watchdog = readings.some(
    (reading) => reading.kind === 'ignored' && reading.why === 'watchdog' && reading.status === 'firing',
  );
  return { ok: true, readings, truncated: truncatedClusters(payload, rules), watchdog };
}

/** Which clusters a truncated group may be about: the one that its common labels name, else every one. */
function truncatedClusters(payload: Readonly<Record<string, unknown>>, rules: SignalRules): ClusterSignal[] {
  const count = payload['truncatedAlerts'];
  if (typeof count !== 'number' || !(count > 0)) return [];
  const labels = { ...readLabels(payload['groupLabels']), ...readLabels(payload['commonLabels']) };
  const named = labels[rules.labels.cluster];
  const clusters = named === undefined || named === '' ? rules.clusters : [named];
  return clusters
    .filter((cluster) => rules.clusters.includes(cluster))
    .map((cluster) => ({ cluster, status: 'firing', fingerprint: labelKey(labels), labels }));
}

function clusterOf(
  labels: Readonly<Record<string, string>>,
  rules: SignalRules,
): string | { why: 'unknown_cluster' | 'no_target' } {
  const named = rules.labels.cluster === '' ? undefined : labels[rules.labels.cluster];
  if (named !== undefined && named !== '') {
    return rules.clusters.includes(named) ? named : { why: 'unknown_cluster' };
  }
  const [only, ...others] = rules.clusters;
  return only !== undefined && others.length === 0 ? only : { why: 'no_target' };
}

/** Whether a text can be named everywhere: without half a surrogate pair, and not longer than {@link NAME_AT_MOST}. */
function isName(text: string): boolean {
  if (!text.isWellFormed() || text.length > 2 * NAME_AT_MOST) return false;
  return text.length <= NAME_AT_MOST || Array.from(text).length <= NAME_AT_MOST;
}

/** A label map whose values are all strings; null for anything else, a null value included. */
function readLabels(value: unknown): Record<string, string> | null {
  if (!isObject(value)) return null;
  const labels: Record<string, string> = {};
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') return null;
    labels[name] = text;
  }
  return labels;
}

function readTask(label: string | undefined): number | null {
  return label !== undefined && /^\d{1,9}$/.test(label) ? Number(label) : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names a label set where an alert brings no fingerprint. */
export function labelKey(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * JMX quotes names outside `[\w-%. \t]` (Kafka's Sanitizer, `ObjectName.quote`), so every MirrorMaker 2 name arrives as
 * `"a->b.MirrorSourceConnector"` with the quotes in it. Text that is not quoted that way stays as it is.
 */
export function unquoteJmx(name: string): string {
  if (name.length < 2 || !name.startsWith('"') || !name.endsWith('"')) return name;
  let text = '';
  for (let index = 1; index < name.length - 1; index += 1) {
    const char = name.charAt(index);
    if (char === '"') return name;
    if (char !== '\\') {
      text += char;
      continue;
    }
    index += 1;
    const escaped = name.charAt(index);
    if (index >= name.length - 1 || !'\\"*?n'.includes(escaped)) return name;
    text += escaped === 'n' ? '\n' : escaped;
  }
  return text;
}

/** So long repetitions gather: a flood of them costs one look, not one each. */
const REPETITIONS_MS = 2_000;

/** What became of a signal: values of `connect_medic_alerts_total{outcome}`. */
export type MergeOutcome = 'opened' | 'merged' | 'nothing_open' | 'disabled';

export interface Merged {
  /** null: there is, and remains, no record. */
  readonly next: Remediation | null;
  readonly outcome: MergeOutcome;
  /** How many alerts were dropped because `alertsPerRemediation` was reached. */
  readonly dropped: number;
}

/**
 * Merges one signal into the record of its connector, opening one for a first firing signal. Many alerts of one connector
 * are one remediation, however often they repeat. `resolved` opens nothing and never counts as recovery: it only brings
 * the next look forward, as every signal does: to now, or for mere repetitions to a moment in which they gather. No signal
 * moves `nextAt`.
 */
export function mergeSignal(
  current: Remediation | null,
  signal: Signal,
  policy: Policy,
  alertsAtMost: number,
  nowMs: number,
): Merged {
  if (current === null) {
    if (signal.status === 'resolved') return { next: null, outcome: 'nothing_open', dropped: 0 };
    if (!policy.enabled) return { next: null, outcome: 'disabled', dropped: 0 };
    return { next: open(signal, policy, nowMs), outcome: 'opened', dropped: 0 };
  }
  const rests = current.phase.state === 'recovered' || current.phase.state === 'closed';
  if (rests && !policy.enabled) return { next: current, outcome: 'disabled', dropped: 0 };
  const { alerts, dropped } = withAlert(current.alerts, seen(signal, nowMs), alertsAtMost);
  const next: Remediation = {
    ...current,
    alerts,
    signalAtMs: signal.status === 'firing' ? nowMs : current.signalAtMs,
    lookAtMs: Math.min(current.lookAtMs, nowMs + (isRepetition(current, signal) ? REPETITIONS_MS : 0)),
  };
  return { next, outcome: 'merged', dropped };
}

/** Says again what is known of a remediation that is under way. */
function isRepetition({ phase, alerts }: Remediation, { fingerprint, status }: Signal): boolean {
  const rests = phase.state === 'recovered' || phase.state === 'closed';
  if (rests || status === 'resolved') return false;
  return alerts.some((alert) => alert.fingerprint === fingerprint && alert.status === 'firing');
}

function open(signal: Signal, policy: Policy, nowMs: number): Remediation {
  const target = {
    cluster: signal.cluster,
    connector: signal.connector,
    openedAtMs: nowMs,
    attempts: 0,
  };
  const fresh: Remediation = {
    ...target,
    phase: { state: 'waiting', nextAtMs: firstAttemptAtMs(target, policy) },
    sinceMs: nowMs,
    reason: 'signal',
    attemptLog: [],
    chargedAtMs: [],
    lastRestartAtMs: null,
    escalation: null,
    cause: null,
    signature: null,
    probe: null,
    configHash: null,
    alerts: [seen(signal, nowMs)],
    signalAtMs: nowMs,
    mixedSinceMs: null,
    mixedSeenAtMs: null,
    missingSinceMs: null,
    lookAtMs: nowMs,
    history: [],
  };
  return tell(fresh, 'signal', nowMs, signal.labels['alertname'] ?? null);
}

function seen(signal: Signal, nowMs: number): AlertSeen {
  return {
    fingerprint: signal.fingerprint,
    labels: signal.labels,
    status: signal.status,
    seenAtMs: nowMs,
  };
}

/** The alerts of a remediation, one per fingerprint; beyond the limit the one seen longest ago goes, resolved ones first. */
function withAlert(
  alerts: readonly AlertSeen[],
  alert: AlertSeen,
  atMost: number,
): { alerts: AlertSeen[]; dropped: number } {
  const others = alerts.filter(({ fingerprint }) => fingerprint !== alert.fingerprint);
  const all = [...others, alert];
  if (all.length <= atMost) return { alerts: all, dropped: 0 };
  const firing = all.filter(({ status }) => status === 'firing');
  const resolved = all.filter(({ status }) => status === 'resolved');
  const kept = [...resolved, ...firing].slice(-Math.max(1, atMost));
  return { alerts: kept, dropped: all.length - kept.length };
}
