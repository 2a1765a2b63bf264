/** What the tests of src/alertmanager share: a clock of their own, clients, and answers as Alertmanager writes them. */
import type { TestContext } from 'node:test';
import type { AlertmanagerClient, AlertmanagerClientOptions } from '../../src/alertmanager/client.ts';
import { createAlertmanagerClient } from '../../src/alertmanager/http-client.ts';
import type { Clock } from '../../src/clock.ts';
import type { SignalRules } from '../../src/core/signals.ts';

export type Labels = Readonly<Record<string, string>>;

/** A clock that stands still until it is told to go on. */
export class TestClock implements Clock {
  #nowMs = 0;
  #sleepers: { readonly untilMs: number; readonly wake: () => void }[] = [];
  /** Every span that somebody slept for. */
  readonly slept: number[] = [];

  readonly now = (): number => this.#nowMs;
  readonly monotonic = (): number => this.#nowMs;
  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> => {
    this.slept.push(ms);
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
      this.#sleepers.push({ untilMs: this.#nowMs + ms, wake: resolve });
    });
  };

  go(ms: number): void {
    this.#nowMs += ms;
    const due = this.#sleepers.filter(({ untilMs }) => untilMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter((sleeper) => !due.includes(sleeper));
    for (const { wake } of due) wake();
  }
}

/** A clock that sleeps no time at all, and says for how long it was asked to. */
export function hastyClock(): { clock: Clock; slept: number[] } {
  const slept: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms);
  };
  return { clock: { now: () => 0, monotonic: () => 0, sleep }, slept };
}

/** A client for this URL; closed with the test. `seen` has every call of `onRequest`, as `operation outcome`. */
export function clientOf(
  t: TestContext,
  url: string,
  over: Partial<AlertmanagerClientOptions> = {},
): { client: AlertmanagerClient; seen: string[]; slept: number[] } {
  const seen: string[] = [];
  const { clock, slept } = hastyClock();
  const client = createAlertmanagerClient(
    {
      url,
      authorization: null,
      tls: null,
      requestTimeoutMs: 10_000,
      onRequest: (operation, outcome) => seen.push(`${operation} ${outcome}`),
      ...over,
    },
    clock,
    () => 0.5,
  );
  t.after(() => client.close());
  return { client, seen, slept };
}

export const rules: SignalRules = {
  labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
  clusters: ['default'],
  isForRemediation: (labels) => labels['remediation'] === 'kafka-connect',
};

/** The labels of an alert that drives remediation. */
export function labelsOf(over: Labels = {}): Labels {
  return {
    alertname: 'KafkaConnectTaskFailed',
    remediation: 'kafka-connect',
    connect_cluster: 'default',
    connector: 'c',
    ...over,
  };
}

/** One alert of `GET /api/v2/alerts`. */
export function listed(
  fingerprint: string,
  labels: Labels,
  by: { readonly silencedBy?: readonly string[]; readonly inhibitedBy?: readonly string[] } = {},
): Record<string, unknown> {
  const { silencedBy = [], inhibitedBy = [] } = by;
  const state = silencedBy.length + inhibitedBy.length > 0 ? 'suppressed' : 'active';
  return {
    annotations: {},
    endsAt: '2030-01-01T00:04:00.000Z',
    fingerprint,
    receivers: [{ name: 'connect-medic' }],
    startsAt: '2030-01-01T00:00:00.000Z',
    status: { inhibitedBy, silencedBy, state },
    updatedAt: '2030-01-01T00:00:00.000Z',
    generatorURL: '',
    labels,
  };
}

export const ENDS_AT = '2030-01-01T01:00:00.000Z';
export const ENDS_AT_MS = Date.parse(ENDS_AT);

/** One silence of `GET /api/v2/silences`; the matcher texts are `name value`, equal. */
export function silence(id: string, matcher: Labels, over: Record<string, unknown> = {}): unknown {
  return {
    id,
    status: { state: 'active' },
    updatedAt: '2030-01-01T00:00:00.000Z',
    comment: 'maintenance',
    createdBy: 'anna',
    startsAt: '2030-01-01T00:00:00.000Z',
    endsAt: ENDS_AT,
    matchers: Object.entries(matcher).map(([name, value]) => ({
      name,
      value,
      isRegex: false,
      isEqual: true,
    })),
    ...over,
  };
}
