import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import {
  type AlertmanagerOperation,
  type AlertmanagerOutcome,
  alertmanagerOperations,
  alertmanagerOutcomes,
} from './alertmanager/client.ts';
import { readOutcomes } from './connect/client.ts';
import { simpleClassName } from './core/diagnosis.ts';
import {
  type ConnectorStatus,
  connectStates,
  holdReasons,
  type Reason,
  type RestartOutcome,
  reasons,
  restartOutcomes,
  states,
} from './core/model.ts';
import type { OverviewRow } from './ledger/ledger.ts';

/** Every metric of the service, in one place. Closed label sets start at 0; base units; prefix `connect_medic_`. */

export const webhookOutcomes = [
  'accepted',
  'invalid',
  'unauthorized',
  'forbidden',
  'too_large',
  'ledger_unavailable',
  'error',
] as const;
export type WebhookOutcome = (typeof webhookOutcomes)[number];

export const alertOutcomes = [
  'opened',
  'merged',
  'nothing_open',
  'cluster',
  'watchdog',
  'disabled',
  'invalid',
  'unknown_cluster',
  'no_target',
  'limit',
] as const;
export type AlertOutcome = (typeof alertOutcomes)[number];

export const limitNames = ['remediations', 'alerts_per_remediation', 'events', 'body', 'requests'] as const;
export type LimitName = (typeof limitNames)[number];

const alertStatuses = ['firing', 'resolved', 'unknown'] as const;
const operations = ['status', 'settings', 'restart', 'info'] as const;
const taskStates = connectStates.filter((state) => state !== 'STOPPED');
const restartWords = restartOutcomes.filter((outcome) => outcome !== 'not_sent' && outcome !== 'dry_run');
const requestOutcomes = [...new Set<string>([...readOutcomes, ...restartWords])];

type Snapshot = ReadonlyMap<string, ConnectorStatus | null>;

export class Metrics {
  readonly registry = new Registry();
  readonly #clusters: readonly string[];
  #lastPage: Promise<string> = Promise.resolve('');
  /** Connectors whose restarts are counted, by cluster. */
  readonly #restartTargets = new Map<string, Set<string>>();

  readonly #webhooks = this.#counter('webhooks_total', 'Webhooks by outcome.', ['outcome']);
  readonly #alerts = this.#counter('alerts_total', 'Alerts in webhooks, by status and what became of them.', [
    'status',
    'outcome',
  ]);
  readonly #decisions = this.#counter('decisions_total', 'Decisions by reason; doing nothing has one too.', [
    'cluster',
    'reason',
  ]);
  readonly #restarts = this.#counter('restarts_total', 'Restart attempts by what came back.', [
    'cluster',
    'connector',
    'outcome',
  ]);
  readonly #connectRequests = this.#counter('connect_requests_total', 'HTTP requests to Kafka Connect.', [
    'cluster',
    'operation',
    'outcome',
  ]);
  readonly #alertmanagerRequests = this.#counter(
    'alertmanager_requests_total',
    'HTTP requests to Alertmanager.',
    ['operation', 'outcome'],
  );
  readonly #limitHits = this.#counter('limit_hits_total', 'How often a limit was reached.', ['limit']);

  readonly #remediations = this.#gauge('remediations', 'Remediations by state.', ['cluster', 'state']);
  readonly #held = this.#gauge('held', 'Remediations that a hold keeps from acting, by reason.', [
    'cluster',
    'reason',
  ]);
  readonly #attempts = this.#gauge('attempts', 'Restart attempts of the present failure.', [
    'cluster',
    'connector',
  ]);
  readonly #lastRestart = this.#gauge(
    'last_restart_timestamp_seconds',
    'When it was last restarted, Unix time.',
    ['cluster', 'connector'],
  );
  readonly #escalated = this.#gauge('escalated', '1 while a human is needed.', [
    'cluster',
    'connector',
    'reason',
    'cause',
  ]);
  readonly #connectorState = this.#gauge('connector_state', '1 for the state that the REST API reports.', [
    'cluster',
    'connector',
    'state',
  ]);
  readonly #tasks = this.#gauge('tasks', 'Tasks by the state that the REST API reports.', [
    'cluster',
    'connector',
    'state',
  ]);
  readonly #ledgerUp = this.#gauge('ledger_up', '1 when the ledger can be written.', []);
  readonly #lastWebhook = this.#gauge(
    'last_webhook_timestamp_seconds',
    'When the last webhook came, Unix time.',
    [],
  );
  readonly #lastWatchdog = this.#gauge(
    'last_watchdog_timestamp_seconds',
    'When an alert named Watchdog last came, Unix time.',
    [],
  );
  readonly #webhookToRestart = this.#histogram(
    'webhook_to_restart_seconds',
    'From the arrival of a webhook to the restart call it led to at once.',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  );
  readonly #timeToRecovery = this.#histogram(
    'time_to_recovery_seconds',
    'From the first signal of a failure until the connector ran for the whole stable time.',
    [60, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400],
  );

  constructor(clusters: readonly string[], version: string) {
    this.#clusters = clusters;
    collectDefaultMetrics({ register: this.registry });
    const info = this.#gauge('build_info', 'Version of the service; always 1.', ['version', 'node_version']);
    info.set({ version, node_version: process.version }, 1);
    for (const outcome of webhookOutcomes) this.#webhooks.inc({ outcome }, 0);
    for (const status of alertStatuses) {
      for (const outcome of alertOutcomes) this.#alerts.inc({ status, outcome }, 0);
    }
    for (const operation of alertmanagerOperations) {
      for (const outcome of alertmanagerOutcomes) this.#alertmanagerRequests.inc({ operation, outcome }, 0);
    }
    for (const limit of limitNames) this.#limitHits.inc({ limit }, 0);
    for (const cluster of clusters) {
      for (const reason of reasons) this.#decisions.inc({ cluster, reason }, 0);
      for (const operation of operations) {
        for (const outcome of requestOutcomes) this.#connectRequests.inc({ cluster, operation, outcome }, 0);
      }
    }
  }

  webhook(outcome: WebhookOutcome, nowMs: number): void {
    this.#webhooks.inc({ outcome });
    if (outcome === 'accepted') this.#lastWebhook.set(nowMs / 1_000);
  }

  watchdog(nowMs: number): void {
    this.#lastWatchdog.set(nowMs / 1_000);
  }

  alert(status: 'firing' | 'resolved' | 'unknown', outcome: AlertOutcome): void {
    this.#alerts.inc({ status, outcome });
  }

  decided(cluster: string, reason: Reason): void {
    this.#decisions.inc({ cluster, reason });
  }

  restarted(cluster: string, connector: string, outcome: RestartOutcome): void {
    this.#countRestartsOf(cluster, connector);
    this.#restarts.inc({ cluster, connector, outcome });
  }

  connectRequest(cluster: string, operation: string, outcome: string): void {
    this.#connectRequests.inc({ cluster, operation, outcome });
  }

  alertmanagerRequest(operation: AlertmanagerOperation, outcome: AlertmanagerOutcome): void {
    this.#alertmanagerRequests.inc({ operation, outcome });
  }

  limitHit(limit: LimitName, count: number): void {
    this.#limitHits.inc({ limit }, count);
  }

  reacted(seconds: number): void {
    this.#webhookToRestart.observe(seconds);
  }

  recovered(seconds: number): void {
    this.#timeToRecovery.observe(seconds);
  }

  ledgerUp(up: boolean): void {
    this.#ledgerUp.set(up ? 1 : 0);
  }

  /**
   * The page for Prometheus, with the gauges brought up to what the ledger and Connect say now. `rows` is null while the
   * ledger cannot be read, and a cluster is missing from `snapshots` while it cannot be read: no stale truth is shown.
   *
   * One page at a time, since the gauges are set for it and forgotten after it: between two scrapes nobody needs a dozen
   * series for each of thousands of connectors.
   */
  page(rows: readonly OverviewRow[] | null, snapshots: ReadonlyMap<string, Snapshot>): Promise<string> {
    this.#lastPage = this.#lastPage
      .catch(() => '')
      .then(async () => {
        this.#refreshLedger(rows, snapshots);
        for (const [cluster, snapshot] of snapshots) {
          for (const [connector, status] of snapshot) {
            if (status !== null) this.#showStatus(cluster, connector, status);
          }
        }
        const text = await this.registry.metrics();
        this.#connectorState.reset();
        this.#tasks.reset();
        return text;
      });
    return this.#lastPage;
  }

  #refreshLedger(rows: readonly OverviewRow[] | null, snapshots: ReadonlyMap<string, Snapshot>): void {
    const gauges = [this.#remediations, this.#held, this.#attempts, this.#lastRestart, this.#escalated];
    for (const gauge of gauges) gauge.reset();
    if (rows === null) return;
    this.#forgetRestarts(rows, snapshots);
    for (const cluster of this.#clusters) {
      for (const state of states) this.#remediations.set({ cluster, state }, 0);
      for (const reason of holdReasons) this.#held.set({ cluster, reason }, 0);
    }
    for (const row of rows) {
      const { cluster, connector } = row;
      this.#remediations.inc({ cluster, state: row.state });
      if (row.hold !== null) this.#held.inc({ cluster, reason: row.hold });
      if (row.state === 'closed' && snapshots.get(cluster)?.has(connector) === false) continue;
      this.#countRestartsOf(cluster, connector);
      this.#attempts.set({ cluster, connector }, row.attempts);
      if (row.lastRestartAtMs !== null) {
        this.#lastRestart.set({ cluster, connector }, row.lastRestartAtMs / 1_000);
      }
      if (row.escalation !== null) {
        const cause = simpleClassName(row.causeClass ?? 'unknown');
        this.#escalated.set({ cluster, connector, reason: row.escalation, cause }, 1);
      }
    }
  }

  /** From the moment a remediation opens its counter is there, at 0. */
  #countRestartsOf(cluster: string, connector: string): void {
    const connectors = this.#restartTargets.get(cluster) ?? new Set();
    this.#restartTargets.set(cluster, connectors);
    if (connectors.has(connector)) return;
    connectors.add(connector);
    for (const outcome of restartOutcomes) this.#restarts.inc({ cluster, connector, outcome }, 0);
  }

  /**
   * Connector labels exist only for connectors that Connect reports, and go away with them. A worker that is just starting
   * reports nothing: while a remediation is open, its connector is not taken for gone.
   */
  #forgetRestarts(rows: readonly OverviewRow[], snapshots: ReadonlyMap<string, Snapshot>): void {
    const open = new Set<string>();
    for (const { cluster, connector, state } of rows) {
      if (state !== 'closed') open.add(`${cluster}\n${connector}`);
    }
    for (const [cluster, snapshot] of snapshots) {
      const connectors = this.#restartTargets.get(cluster) ?? new Set();
      for (const connector of connectors) {
        if (snapshot.has(connector) || open.has(`${cluster}\n${connector}`)) continue;
        connectors.delete(connector);
        for (const outcome of restartOutcomes) this.#restarts.remove({ cluster, connector, outcome });
      }
    }
  }

  #showStatus(cluster: string, connector: string, status: ConnectorStatus): void {
    for (const state of connectStates) {
      const value = status.connector.state === state ? 1 : 0;
      this.#connectorState.set({ cluster, connector, state: state.toLowerCase() }, value);
    }
    for (const state of taskStates) {
      const count = status.tasks.filter((task) => task.state === state).length;
      this.#tasks.set({ cluster, connector, state: state.toLowerCase() }, count);
    }
  }

  #counter(name: string, help: string, labelNames: string[]): Counter<string> {
    return new Counter({ name: `connect_medic_${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge<string> {
    return new Gauge({ name: `connect_medic_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram<string> {
    return new Histogram({ name: `connect_medic_${name}`, help, buckets, registers: [this.registry] });
  }
}
