import type { ConnectModel } from './connect-model.ts';
import type { Rng } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Silence {
  readonly id: string;
  readonly matchers: Labels;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

/** How alerts are named and grouped; drawn for each run. */
export interface AlertTraits {
  readonly evaluateEveryMs: number;
  /** What makes a group. */
  readonly groupBy: 'connector' | 'cluster' | 'everything';
  readonly groupIntervalMs: number;
  readonly repeatEveryMs: number;
  /** Share of resolved alerts that are never sent. */
  readonly resolveLost: number;
  /** Share of notifications that are sent twice. */
  readonly duplicates: number;
  /** Alerts name their cluster only. */
  readonly namesNoConnector: boolean;
}

/** Sends a body to the service; true: it was taken (2xx). */
export type Deliver = (from: Alertmanager, body: unknown) => Promise<boolean>;

interface Group {
  sent: ReadonlyMap<string, Labels>;
  sentAtMs: number;
  busy: boolean;
}

/** Prometheus: which alerts fire, as its last evaluation says. */
export class Prometheus {
  readonly #clusters: readonly ConnectModel[];
  readonly #traits: AlertTraits;
  firing: ReadonlyMap<string, Labels> = new Map();

  constructor(clusters: readonly ConnectModel[], traits: AlertTraits) {
    this.#clusters = clusters;
    this.#traits = traits;
  }

  evaluate(): void {
    const firing = new Map<string, Labels>();
    for (const { cluster, connectors } of this.#clusters) {
      for (const { name, parts, exists } of connectors.values()) {
        if (!exists) continue;
        for (const { id, state } of parts) {
          if (state !== 'FAILED') continue;
          const labels = alertLabels(cluster, this.#traits.namesNoConnector ? null : name, id);
          firing.set(fingerprintOf(labels), labels);
        }
      }
    }
    this.firing = firing;
  }
}

function alertLabels(cluster: string, connector: string | null, task: number | null): Labels {
  const common = { connect_cluster: cluster, remediation: 'kafka-connect' };
  if (connector === null) return { alertname: 'KafkaConnectClusterHasFailures', ...common };
  if (task === null) return { alertname: 'KafkaConnectConnectorFailed', ...common, connector };
  return { alertname: 'KafkaConnectTaskFailed', ...common, connector, task: String(task) };
}

function fingerprintOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

/**
 * One Alertmanager: groups, repeats, duplicates, late and lost resolves; silences and inhibitions mute an alert and are listed.
 * Several ones share Prometheus's alerts, and silences by gossip, unless they are parted.
 */
export class Alertmanager {
  readonly name: string;
  readonly silences: Silence[] = [];
  /** Connectors (`cluster/connector`) whose alerts another alert inhibits, and since when. */
  readonly inhibited = new Map<string, number>();
  /** How its API answers. */
  api: 'well' | 'hang' | 'error' | 'silences_error' | 'refused' = 'well';
  readonly #prometheus: Prometheus;
  readonly #traits: AlertTraits;
  readonly #scheduler: Scheduler;
  readonly #rng: Rng;
  readonly #deliver: Deliver;
  readonly #groups = new Map<string, Group>();

  constructor(of: {
    name: string;
    prometheus: Prometheus;
    traits: AlertTraits;
    scheduler: Scheduler;
    rng: Rng;
    deliver: Deliver;
  }) {
    this.name = of.name;
    this.#prometheus = of.prometheus;
    this.#traits = of.traits;
    this.#scheduler = of.scheduler;
    this.#rng = of.rng;
    this.#deliver = of.deliver;
  }

  silencedBy(labels: Labels): string[] {
    const nowMs = this.#scheduler.nowMs;
    return this.silences
      .filter(({ startsAtMs, endsAtMs }) => startsAtMs <= nowMs && nowMs < endsAtMs)
      .filter(({ matchers }) =>
        Object.entries(matchers).every(([name, value]) => (labels[name] ?? '') === value),
      )
      .map(({ id }) => id);
  }

  inhibitedBy(labels: Labels): string[] {
    return this.inhibited.has(`${labels['connect_cluster']}/${labels['connector']}`) ? ['another-alert'] : [];
  }

  /** Every few seconds: which groups have news, or are to be repeated. */
  tick(): void {
    const byGroup = new Map<string, Map<string, Labels>>();
    for (const [fingerprint, labels] of this.#prometheus.firing) {
      if (this.silencedBy(labels).length + this.inhibitedBy(labels).length > 0) continue;
      const key = this.#groupKey(labels);
      const group = byGroup.get(key) ?? new Map<string, Labels>();
      group.set(fingerprint, labels);
      byGroup.set(key, group);
    }
    for (const key of new Set([...byGroup.keys(), ...this.#groups.keys()])) {
      const group: Group = this.#groups.get(key) ?? {
        sent: new Map(),
        sentAtMs: Number.NEGATIVE_INFINITY,
        busy: false,
      };
      this.#groups.set(key, group);
      if (!group.busy) void this.#notify(group, byGroup.get(key) ?? new Map());
    }
  }

  #groupKey(labels: Labels): string {
    const { groupBy } = this.#traits;
    if (groupBy === 'everything') return '';
    return groupBy === 'cluster'
      ? `${labels['connect_cluster']}`
      : `${labels['connect_cluster']}/${labels['connector']}`;
  }

  async #notify(group: Group, firing: ReadonlyMap<string, Labels>): Promise<void> {
    const news = [...firing.keys()].some((one) => !group.sent.has(one));
    // What is muted is not resolved: nothing is said of it.
    const resolved = [...group.sent].filter(([one]) => !firing.has(one) && !this.#prometheus.firing.has(one));
    const due = this.#scheduler.nowMs - group.sentAtMs >= this.#traits.repeatEveryMs;
    if (!news && resolved.length === 0 && !(due && firing.size > 0)) return;
    const told = resolved.filter(() => !this.#rng.chance(this.#traits.resolveLost));
    const alerts = [
      ...[...firing].map(([fingerprint, labels]) => ({ status: 'firing', labels, fingerprint })),
      ...told.map(([fingerprint, labels]) => ({ status: 'resolved', labels, fingerprint })),
    ];
    const body = { version: '4', groupKey: '{}', truncatedAlerts: 0, alerts };
    group.busy = true;
    if (this.#rng.chance(this.#traits.duplicates)) {
      // Later and to somebody else: it may overtake the next one.
      this.#scheduler.after(this.#rng.between(0, 20_000), () => void this.#deliver(this, body));
    }
    const taken = alerts.length === 0 || (await this.#deliver(this, body));
    group.busy = false;
    if (!taken) return;
    group.sent = new Map(firing);
    group.sentAtMs = this.#scheduler.nowMs;
  }
}
