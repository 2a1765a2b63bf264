import { setImmediate } from 'node:timers/promises';
import type { PullResult } from '../../src/alertmanager/pull.ts';
import type { Clock } from '../../src/clock.ts';
import type { ConnectClient, ReadResult, RestartResult } from '../../src/connect/client.ts';
import { emptyPack, type Pack } from '../../src/core/diagnosis.ts';
import type { ConnectorSettings, ConnectorStatus, Remediation, RestartPlan } from '../../src/core/model.ts';
import type { Policy } from '../../src/core/policy.ts';
import type { Signal, SignalRules } from '../../src/core/signals.ts';
import { NO_ALERTMANAGERS, type SuppressionView } from '../../src/core/suppression.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite.ts';
import { Metrics } from '../../src/metrics.ts';
import { Remediator } from '../../src/remediator/remediator.ts';
import type { Reporter, Story } from '../../src/remediator/report.ts';
import { Intake } from '../../src/webhook/intake.ts';
import { policy as defaultPolicy, signal, T0 } from '../core/given.ts';

/** Time that only the test moves. */
export class TestClock implements Clock {
  #nowMs = T0;
  readonly #sleepers = new Set<{ untilMs: number; wake: () => void }>();
  readonly now = (): number => this.#nowMs;
  readonly monotonic = (): number => this.#nowMs - T0;
  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const sleeper = { untilMs: this.#nowMs + ms, wake: () => undefined as undefined };
      sleeper.wake = () => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener('abort', sleeper.wake);
        resolve();
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', sleeper.wake, { once: true });
    });

  /** Moves time on, stopping wherever somebody's sleep ends, and lets them do what they do. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await quiet();
    for (;;) {
      const next = [...this.#sleepers].sort((a, b) => a.untilMs - b.untilMs)[0];
      if (next === undefined || next.untilMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.untilMs);
      next.wake();
      await quiet();
    }
    this.#nowMs = endMs;
    await quiet();
  }

  /** The process was frozen: time passed, and nobody woke. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Lets everything that needs no time come to its end. */
export async function quiet(): Promise<void> {
  for (let turns = 0; turns < 12; turns += 1) await setImmediate();
}

export interface RestartCall {
  readonly connector: string;
  readonly plan: RestartPlan;
  readonly atMs: number;
}

/** Connect as the test says it is: each answer is set by the test, nothing follows from anything. */
export class ScriptedConnect implements ConnectClient {
  readonly cluster: string;
  readonly calls: RestartCall[] = [];
  readonly #clock: TestClock;
  bulkReads = 0;
  bulk: ReadResult<Map<string, ConnectorStatus | null>> = { outcome: 'ok', value: new Map() };
  one: ReadResult<ConnectorStatus> | null = null;
  configured: ReadResult<ConnectorSettings | 'missing'> = {
    outcome: 'ok',
    value: { optedOut: false, connectorClass: null, configHash: null },
  };
  answer: (call: RestartCall) => RestartResult | Promise<RestartResult> = () => ({
    outcome: 'accepted',
    detail: '',
  });
  /** Awaited inside each bulk read: lets a test hold it, or move time on. */
  beforeBulk: () => void | Promise<void> = () => undefined;

  /** Awaited inside each read of one connector. */
  beforeOne: () => void | Promise<void> = () => undefined;

  constructor(cluster: string, clock: TestClock) {
    this.cluster = cluster;
    this.#clock = clock;
  }

  show(connector: string, status: ConnectorStatus | null): void {
    if (this.bulk.outcome !== 'ok') this.bulk = { outcome: 'ok', value: new Map() };
    this.bulk.value.set(connector, status);
  }

  async statuses() {
    this.bulkReads += 1;
    await this.beforeBulk();
    return this.bulk;
  }

  async status(connector: string): Promise<ReadResult<ConnectorStatus>> {
    await this.beforeOne();
    if (this.one !== null) return this.one;
    const status = this.bulk.outcome === 'ok' ? this.bulk.value.get(connector) : undefined;
    return status ? { outcome: 'ok', value: status } : { outcome: 'not_found', detail: '404' };
  }

  async settings() {
    return this.configured;
  }

  async allSettings(): Promise<ReadResult<ReadonlyMap<string, ConnectorSettings>>> {
    const { configured } = this;
    if (configured.outcome !== 'ok' || configured.value === 'missing' || this.bulk.outcome !== 'ok') {
      return { outcome: 'unreachable', detail: 'not now' };
    }
    const { value } = configured;
    return { outcome: 'ok', value: new Map([...this.bulk.value.keys()].map((name) => [name, value])) };
  }

  async restart(connector: string, plan: RestartPlan): Promise<RestartResult> {
    const call = { connector, plan, atMs: this.#clock.now() };
    this.calls.push(call);
    return this.answer(call);
  }

  async info(): Promise<ReadResult<{ version: string; kafkaClusterId: string | null }>> {
    return { outcome: 'ok', value: { version: '4.3.0', kafkaClusterId: null } };
  }

  async close(): Promise<void> {}
}

export const RULES: SignalRules = {
  labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
  clusters: ['a'],
  isForRemediation: (labels) => labels['remediation'] === 'kafka-connect',
};

/** A policy under which connectors that fail alike are restarted each by itself. */
export const ALONE: Partial<Policy> = { storm: { ...defaultPolicy.storm, threshold: null } };

export interface Harness {
  readonly clock: TestClock;
  readonly connect: ScriptedConnect;
  readonly ledger: Ledger;
  readonly remediator: Remediator;
  readonly intake: Intake;
  readonly stories: Story[];
  readonly faults: unknown[];
  readonly metrics: Metrics;
  /** What the Alertmanagers say; set by the test. */
  readonly policy: { -readonly [K in keyof Policy]: Policy[K] };
  readonly world: { suppression: SuppressionView; pulled: PullResult };
  alert(over?: Partial<Signal>): Promise<void>;
  record(connector?: string): Promise<Remediation | null>;
  close(): Promise<void>;
}

/** The real loop, core, intake and SQLite ledger around a scripted Connect, in the test's own time. */
export async function harness(
  options: {
    policy?: Partial<Policy>;
    /** What is different for one connector. */
    policyOf?: (connector: string) => Partial<Policy>;
    maxUnverified?: number;
    ledger?: (real: Ledger) => Ledger;
    start?: boolean;
    pack?: Pack;
  } = {},
): Promise<Harness> {
  const clock = new TestClock();
  const connect = new ScriptedConnect('a', clock);
  const limits = { remediations: 1_000, events: 1_000 };
  const real = await openSqliteLedger({ path: ':memory:', limits, now: clock.now });
  const ledger = options.ledger?.(real) ?? real;
  const metrics = new Metrics(['a'], 'test');
  const stories: Story[] = [];
  const faults: unknown[] = [];
  const reporter: Reporter = {
    decided: (cluster, reason) => metrics.decided(cluster, reason),
    opened: () => undefined,
    ignored: () => undefined,
    news: (story) => stories.push(story),
    restarted: (call) => metrics.restarted(call.cluster, call.connector, call.outcome),
    reacted: (seconds) => metrics.reacted(seconds),
    recovered: (seconds) => metrics.recovered(seconds),
    limitHit: (limit, count) => metrics.limitHit(limit, count),
    ledgerUp: (up) => metrics.ledgerUp(up),
    clusterReadable: () => undefined,
    alertmanagerReadable: () => undefined,
    alertsReadable: () => undefined,
    breaker: () => undefined,
    fault: (_what, error) => faults.push(error),
  };
  const policy = { ...defaultPolicy, ...options.policy };
  const policyFor = (_cluster: string, connector: string): Policy => ({
    ...policy,
    ...options.policyOf?.(connector),
  });
  const world: Harness['world'] = {
    suppression: NO_ALERTMANAGERS,
    pulled: { outcome: 'unknown', detail: 'no Alertmanager is configured' },
  };
  const intake = new Intake({
    ledger,
    clock,
    metrics,
    reporter,
    policyFor,
    alertsPerRemediation: 20,
    onClusterAlert: 'remediate',
    onDue: (cluster, connectors) => remediator.wake(cluster, connectors),
    onClusterSignal: (cluster) => remediator.poke(cluster),
  });
  const remediator = new Remediator({
    ledger,
    clock,
    reporter,
    clusters: [{ client: connect, requestTimeoutMs: 10_000, maxUnverified: options.maxUnverified ?? 10 }],
    policyFor,
    statusEveryMs: 30_000,
    labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
    takeIn: async (signals) => {
      await intake.takeSignals(signals);
    },
    pack: options.pack ?? emptyPack,
    world: { suppression: async () => world.suppression, rules: RULES },
    resync: {
      everyMs: 60_000,
      pull: async () => world.pulled,
      takeIn: (reading) => intake.take(reading),
    },
  });
  if (options.start !== false) remediator.start();
  await quiet();
  return {
    clock,
    connect,
    ledger,
    remediator,
    intake,
    stories,
    faults,
    metrics,
    policy,
    world,
    alert: async (over) => {
      await intake.takeSignals([signal(over)]);
      await quiet();
    },
    record: async (connector = 'orders') => {
      const { stored } = await real.load([{ cluster: 'a', connector }]);
      return stored[0]?.remediation ?? null;
    },
    close: async () => {
      const stopped = remediator.stop();
      await clock.advance(60_000);
      await stopped;
      await real.close();
    },
  };
}

/** The ledger with some of its methods replaced. */
export function replacing(real: Ledger, over: Partial<Ledger>): Ledger {
  return new Proxy(real, {
    get: (target, name) => {
      const replaced = over[name as keyof Ledger];
      if (replaced !== undefined) return replaced;
      const own = target[name as keyof Ledger];
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}
