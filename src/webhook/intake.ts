import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { AuditEvent } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import { type AlertReading, mergeSignal, type PayloadReading, type Signal } from '../core/signals.ts';
import type { Key, Ledger } from '../ledger/ledger.ts';
import { mergeAll } from '../ledger/record.ts';
import type { AlertOutcome, AlertStatus, Metrics } from '../metrics.ts';
import { ACTOR, type Reporter } from '../remediator/report.ts';

export interface IntakeDependencies {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly reporter: Reporter;
  readonly policyFor: (cluster: string, connector: string) => Policy;
  readonly alertsPerRemediation: number;
  readonly onClusterAlert: 'look' | 'remediate';
  /** Something of this cluster is due now. */
  readonly onDue: (cluster: string, connectors: readonly string[]) => void;
  /** This cluster is to be read soon. */
  readonly onClusterSignal: (cluster: string) => void;
}

/** Signals that are merged and written in one go: some tens of milliseconds in which nothing else is done. */
export const SIGNALS_AT_ONCE = 2_000;

/**
 * From alerts to the ledger: the one way in, for the webhook, for the pull path and for signals that name no connector. A
 * constant number of ledger calls for each {@link SIGNALS_AT_ONCE} signals.
 */
export class Intake {
  readonly #deps: IntakeDependencies;
  #waiting: Batch[] = [];
  #draining = false;

  constructor(deps: IntakeDependencies) {
    this.#deps = deps;
  }

  /**
   * Takes in a webhook body; everything is durable when this resolves. Rejects with `LedgerUnavailable`.
   * `accepted` counts the alerts that name something known, also where there was nothing to do about them.
   */
  async take(reading: Extract<PayloadReading, { ok: true }>): Promise<{ accepted: number; ignored: number }> {
    const { ledger, clock, metrics, onClusterAlert, onClusterSignal } = this.#deps;
    const hints = [...reading.readings.flatMap(clusterSignal), ...reading.truncated];
    const signals = reading.readings.flatMap((one) => (one.kind === 'signal' ? [one.signal] : []));
    if (onClusterAlert === 'remediate') {
      const firing = hints.filter(({ status }) => status === 'firing');
      const distinct = new Map(firing.map((hint) => [`${hint.cluster}\n${hint.fingerprint}`, hint]));
      const atMs = clock.now();
      await ledger.addHints(
        [...distinct.values()].map(({ cluster, labels, fingerprint }) => ({
          cluster,
          labels,
          fingerprint,
          atMs,
        })),
      );
    }
    const outcomes = await this.takeSignals(signals);
    for (const cluster of new Set(hints.map((hint) => hint.cluster))) onClusterSignal(cluster);
    if (reading.watchdog) metrics.watchdog(clock.now());

    let accepted = 0;
    let taken = 0;
    const tallies = new Map<string, { status: AlertStatus; outcome: AlertOutcome; count: number }>();
    for (const one of reading.readings) {
      const outcome = one.kind === 'signal' ? (outcomes[taken++] ?? 'invalid') : outcomeOf(one);
      const status = statusOf(one);
      const tally = tallies.get(`${status} ${outcome}`) ?? { status, outcome, count: 0 };
      tally.count += 1;
      tallies.set(`${status} ${outcome}`, tally);
      if (isAccepted(outcome)) accepted += 1;
    }
    for (const { status, outcome, count } of tallies.values()) metrics.alert(status, outcome, count);
    const disabled = signals.filter((_, index) => outcomes[index] === 'disabled');
    if (disabled.length > 0) {
      this.#deps.reporter.ignored({
        why: 'disabled',
        count: disabled.length,
        example: disabled[0]?.labels ?? null,
      });
    }
    this.#tellIgnored(reading.readings);
    return { accepted, ignored: reading.readings.length - accepted };
  }

  /**
   * Merges signals into the ledger and wakes what they concern. Outcomes are in the order of the signals.
   *
   * What arrives while a write is under way waits for it and goes in the next one, together: a storm of webhooks shares
   * the cost of a durable write, and does not conflict with itself. Very many are written in pieces, with a turn for
   * everybody else in between. Where a piece fails, all are rejected whose signals are not all written: to merge one twice does
   * no harm.
   */
  takeSignals(signals: readonly Signal[]): Promise<AlertOutcome[]> {
    if (signals.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ signals, resolve, reject });
      if (!this.#draining) void this.#drain();
    });
  }

  #tellIgnored(readings: readonly AlertReading[]): void {
    const byReason = new Map<string, { count: number; example: Readonly<Record<string, string>> | null }>();
    for (const one of readings) {
      // An alert for other people that comes along is nothing to talk about, nor is the watchdog.
      if (one.kind !== 'ignored' || one.why === 'watchdog') continue;
      const { count } = byReason.get(one.why) ?? { count: 0 };
      byReason.set(one.why, { count: count + 1, example: one.labels });
    }
    for (const [why, { count, example }] of byReason) this.#deps.reporter.ignored({ why, count, example });
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    while (this.#waiting.length > 0) {
      const batches = this.#waiting;
      this.#waiting = [];
      await this.#write(batches);
    }
    this.#draining = false;
  }

  /** Settles each batch: with its outcomes as soon as its last signal is written, else with what failed. */
  async #write(batches: Batch[]): Promise<void> {
    const signals = batches.flatMap((batch) => batch.signals);
    const outcomes: AlertOutcome[] = [];
    let from = 0;
    try {
      while (outcomes.length < signals.length) {
        if (outcomes.length > 0) await setImmediate();
        const piece = signals.slice(outcomes.length, outcomes.length + SIGNALS_AT_ONCE);
        outcomes.push(...(await this.#merge(piece)));
        for (let [first] = batches; first !== undefined; [first] = batches) {
          const end = from + first.signals.length;
          if (end > outcomes.length) break;
          first.resolve(outcomes.slice(from, end));
          from = end;
          batches.shift();
        }
      }
    } catch (error) {
      for (const { reject } of batches) reject(error);
    }
  }

  async #merge(signals: readonly Signal[]): Promise<AlertOutcome[]> {
    const { ledger, reporter, alertsPerRemediation } = this.#deps;
    // By connector: a merge is repeated on a newer record after a conflict.
    const droppedOf = new Map<string, number>();
    const dueNow = new Set<string>();
    const items = signals.map((signal) => ({
      key: { cluster: signal.cluster, connector: signal.connector },
      item: signal,
    }));
    const outcomes = await mergeAll<Signal, AlertOutcome>(ledger, items, {
      whenFull: 'limit',
      merge: (current, ofOne, nowMs) => {
        let next = current;
        let dropped = 0;
        const results: AlertOutcome[] = [];
        const events: AuditEvent[] = [];
        for (const signal of ofOne) {
          const policy = this.#deps.policyFor(signal.cluster, signal.connector);
          const merged = mergeSignal(next, signal, policy, alertsPerRemediation, nowMs);
          next = merged.next;
          dropped += merged.dropped;
          results.push(merged.outcome);
          if (merged.outcome === 'opened') events.push(openedBy(signal, nowMs));
        }
        const [first] = ofOne;
        if (first !== undefined) droppedOf.set(keyOf(first), dropped);
        if (next !== null && next.lookAtMs <= nowMs) dueNow.add(keyOf(next));
        return { next, events, outcomes: results };
      },
    });
    const dropped = [...droppedOf.values()].reduce((sum, count) => sum + count, 0);
    if (dropped > 0) reporter.limitHit('alerts_per_remediation', dropped);
    const refused = outcomes.filter((outcome) => outcome === 'limit').length;
    if (refused > 0) reporter.limitHit('remediations', refused);
    for (const [index, signal] of signals.entries()) {
      if (outcomes[index] === 'opened') reporter.opened(signal);
    }
    this.#wake(signals.filter((signal, index) => isTaken(outcomes[index]) && dueNow.has(keyOf(signal))));
    return outcomes;
  }

  #wake(signals: readonly Signal[]): void {
    const due = new Map<string, Set<string>>();
    for (const { cluster, connector } of signals) {
      const connectors = due.get(cluster) ?? new Set();
      connectors.add(connector);
      due.set(cluster, connectors);
    }
    for (const [cluster, connectors] of due) this.#deps.onDue(cluster, [...connectors]);
  }
}

interface Batch {
  readonly signals: readonly Signal[];
  readonly resolve: (outcomes: AlertOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

function openedBy(signal: Signal, nowMs: number): AuditEvent {
  return {
    atMs: nowMs,
    cluster: signal.cluster,
    connector: signal.connector,
    kind: 'signal',
    reason: 'signal',
    attempt: null,
    actor: ACTOR,
    detail: signal.labels['alertname'] ?? null,
  };
}

function clusterSignal(reading: AlertReading) {
  return reading.kind === 'cluster' ? [reading.signal] : [];
}

function outcomeOf(reading: Exclude<AlertReading, { kind: 'signal' }>): AlertOutcome {
  return reading.kind === 'cluster' ? 'cluster' : reading.why;
}

function statusOf(reading: AlertReading): AlertStatus {
  return reading.kind === 'ignored' ? reading.status : reading.signal.status;
}

/** Names a remediation within this file. */
function keyOf({ cluster, connector }: Key): string {
  return `${cluster}\n${connector}`;
}

/** It is part of a remediation now. */
function isTaken(outcome: AlertOutcome | undefined): boolean {
  return outcome === 'opened' || outcome === 'merged';
}

function isAccepted(outcome: AlertOutcome): boolean {
  return isTaken(outcome) || outcome === 'nothing_open' || outcome === 'cluster';
}
