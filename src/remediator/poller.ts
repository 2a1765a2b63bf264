import type { Clock } from '../clock.ts';
import type { ConnectorStatus } from '../core/model.ts';
import { deservesLook } from '../core/news.ts';
import type { Signal } from '../core/signals.ts';
import { failedParts, statusVerdict } from '../core/verdict.ts';
import type { Hint, Key, Ledger } from '../ledger/ledger.ts';
import { LedgerUnavailable } from '../ledger/ledger.ts';
import type { ClusterReader } from './cluster-reader.ts';
import type { Reporter } from './report.ts';

/** Cluster-level alerts may come in crowds; they make one read of the cluster. */
const POKED_AT_LEAST_MS = 1_000;

/** Which labels name the target; an empty one is not used. */
export interface TargetLabels {
  readonly cluster: string;
  readonly connector: string;
  readonly task: string;
}

export interface PollerOptions {
  readonly reader: ClusterReader;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly statusEveryMs: number;
  /** Takes signals in, as the webhook does. */
  readonly takeIn: (signals: readonly Signal[]) => Promise<void>;
  readonly onDue: () => void;
  readonly labels: TargetLabels;
}

/**
 * Reads a cluster's status every `statusEvery`: the truth for the gauges, for remediations that rest, and for signals that
 * name no connector.
 */
export class Poller {
  readonly #options: PollerOptions;
  #ring = new AbortController();
  readonly #ended = new AbortController();
  #loop: Promise<void> | null = null;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Read this cluster soon: an alert named it, but no connector. */
  poke(): void {
    this.#ring.abort();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#ring.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, reporter, statusEveryMs } = this.#options;
    while (!this.#ended.signal.aborted) {
      this.#ring = new AbortController();
      const sinceMs = clock.monotonic() - this.#lastMs;
      if (sinceMs < POKED_AT_LEAST_MS) {
        await clock.sleep(POKED_AT_LEAST_MS - sinceMs, this.#ended.signal);
      }
      if (this.#ended.signal.aborted) return;
      this.#lastMs = clock.monotonic();
      try {
        await this.#poll();
      } catch (error) {
        if (error instanceof LedgerUnavailable) reporter.ledgerUp(false, error.message);
        else reporter.fault('status poll', error);
      }
      if (this.#ended.signal.aborted) return;
      await clock.sleep(statusEveryMs, this.#ring.signal);
    }
  }

  async #poll(): Promise<void> {
    const { reader, ledger, takeIn, onDue } = this.#options;
    const { result } = await reader.read();
    if (result.outcome !== 'ok') return;
    const snapshot = result.value;
    for (const hint of await ledger.hints(reader.cluster)) {
      await takeIn(signalsOf(hint, snapshot, this.#options.labels));
      await ledger.dropHint(hint.id);
    }
    const due = await this.#news(snapshot);
    if (due.length === 0) return;
    await ledger.wake(due);
    onDue();
  }

  /** The remediations for which this read is news. */
  async #news(snapshot: ReadonlyMap<string, ConnectorStatus | null>): Promise<Key[]> {
    const { reader, ledger } = this.#options;
    const due: Key[] = [];
    const closedAndRunning: Key[] = [];
    const own = (await ledger.overview()).filter(({ cluster }) => cluster === reader.cluster);
    // A changed configuration is a new start for what fails; nobody reads them while nothing does.
    const failing = own.some(({ state }) => state === 'waiting' || state === 'held' || state === 'escalated');
    const changed = failing ? await reader.readSettings() : new Set<string>();
    for (const { cluster, connector, state } of own) {
      const status = snapshot.get(connector);
      // Deleted, most likely; its absence proves nothing, so it is asked about. Who is held is looked at often anyway.
      if (status === undefined && (state === 'waiting' || state === 'escalated'))
        due.push({ cluster, connector });
      if (!status) continue;
      const verdict = statusVerdict(status);
      const isChanged = changed.has(connector) && verdict === 'failed' && deservesLook(state, 'running');
      if (!isChanged && !deservesLook(state, verdict)) continue;
      (state === 'closed' && verdict === 'running' ? closedAndRunning : due).push({ cluster, connector });
    }
    if (closedAndRunning.length > 0) {
      const { stored } = await ledger.load(closedAndRunning);
      for (const [index, record] of stored.entries()) {
        const phase = record?.remediation.phase;
        const key = closedAndRunning[index];
        if (key !== undefined && phase?.state === 'closed' && !phase.ranSince) due.push(key);
      }
    }
    return due;
  }
}

/** A signal for each connector that Connect calls failed, as if the alert had named it. */
export function signalsOf(
  hint: Hint,
  snapshot: ReadonlyMap<string, ConnectorStatus | null>,
  labels: TargetLabels,
): Signal[] {
  const signals: Signal[] = [];
  for (const [connector, status] of snapshot) {
    if (!status || statusVerdict(status) !== 'failed') continue;
    for (const { task } of failedParts(status)) {
      signals.push({
        cluster: hint.cluster,
        connector,
        task,
        status: 'firing',
        fingerprint: `${hint.fingerprint}/${task ?? 'connector'}`,
        labels: {
          ...hint.labels,
          // What a truncated group has in common may not name the cluster; a silence over it has to fit all the same.
          ...(labels.cluster === '' ? {} : { [labels.cluster]: hint.labels[labels.cluster] || hint.cluster }),
          [labels.connector]: connector,
          ...(task === null ? {} : { [labels.task]: String(task) }),
        },
      });
    }
  }
  return signals;
}
