import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import {
  type AlertmanagerOperation,
  type AlertmanagerOutcome,
  alertmanagerOperations,
  alertmanagerOutcomes,
} from './alertmanager/client.ts';
import { readOutcomes } from './connect/client.ts';
import { ConnectorMetrics, type Snapshots } from './connector-metrics.ts';
import {
  holdReasons,
  type Reason,
  type RestartOutcome,
  reasons,
  restartOutcomes,
  states,
} from './core/model.ts';
import type { OverviewRow } from './ledger/ledger.ts';

/** Every metric of the service; those with a connector's name are in connector-metrics.ts. Closed label sets start at 0; base units; prefix `connect_medic_`. */

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

export const limitNames = [
  'remediations',
  'alerts_per_remediation',
  'events',
  'body',
  'requests',
  'connections',
] as const;
export type LimitName = (typeof limitNames)[number];

const alertStatuses = ['firing', 'resolved', 'unknown'] as const;
export type AlertStatus = (typeof alertStatuses)[number];
const operations = ['status', 'settings', 'restart', 'info'] as const;
const restartWords = restartOutcomes.filter((outcome) => outcome !== 'not_sent' && outcome !== 'dry_run');
const requestOutcomes = [...new Set<string>([...readOutcomes, ...restartWords])];

export class Metrics {
  readonly registry = new Registry();
  readonly #clusters: readonly string[];
  readonly #connectors = new ConnectorMetrics();

  readonly #webhooks = this.#counter('webhooks_total', 'Webhooks by outcome.', ['outcome']);
  readonly #alerts = this.#counter('alerts_total', 'Alerts in webhooks, by status and what became of them.', [
    'status',
    'outcome',
  ]);
  readonly #decisions = this.#counter('decisions_total', 'Decisions by reason; doing nothing has one too.', [
    'cluster',
    'reason',
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

  alert(status: AlertStatus, outcome: AlertOutcome, count: number): void {
    this.#alerts.inc({ status, outcome }, count);
  }

  decided(cluster: string, reason: Reason): void {
    this.#decisions.inc({ cluster, reason });
  }

  restarted(cluster: string, connector: string, outcome: RestartOutcome): void {
    this.#connectors.restarted(cluster, connector, outcome);
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
   * The page for Prometheus in pieces, with the gauges brought up to what the ledger and Connect say now. `rows` is null
   * while the ledger cannot be read, and a cluster is missing from `snapshots` while it cannot be read.
   */
  async *pieces(rows: readonly OverviewRow[] | null, snapshots: Snapshots): AsyncGenerator<string> {
    this.#refresh(rows);
    // What it says of the gauges is taken before anything is waited for: a second scrape may set them anew.
    yield await this.registry.metrics();
    yield* this.#connectors.page(rows, snapshots);
  }

  /** The same as one text. */
  async page(rows: readonly OverviewRow[] | null, snapshots: Snapshots): Promise<string> {
    const texts = await Array.fromAsync(this.pieces(rows, snapshots));
    return texts.join('');
  }

  #refresh(rows: readonly OverviewRow[] | null): void {
    this.#remediations.reset();
    this.#held.reset();
    if (rows === null) return;
    const inState = new Map<string, number>();
    const onHold = new Map<string, number>();
    const count = (counts: Map<string, number>, cluster: string, word: string): void => {
      const key = `${cluster}\n${word}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    };
    const clusters = new Set(this.#clusters);
    for (const { cluster, state, hold } of rows) {
      clusters.add(cluster);
      count(inState, cluster, state);
      if (hold !== null) count(onHold, cluster, hold);
    }
    for (const cluster of clusters) {
      for (const state of states) {
        this.#remediations.set({ cluster, state }, inState.get(`${cluster}\n${state}`) ?? 0);
      }
      for (const reason of holdReasons) {
        this.#held.set({ cluster, reason }, onHold.get(`${cluster}\n${reason}`) ?? 0);
      }
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
