import type { PullResult } from '../alertmanager/pull.ts';
import type { Clock } from '../clock.ts';
import type { Remediation } from '../core/model.ts';
import type { PayloadReading, Signal } from '../core/signals.ts';
import { type Key, type Ledger, LedgerUnavailable } from '../ledger/ledger.ts';
import type { Reporter } from './report.ts';

/** After a failure the next try comes this soon, if `resyncEvery` is not sooner. */
const RETRY_MS = 10_000;
/** Cluster-level alerts may come in crowds; they make one resync. */
const POKED_AT_LEAST_MS = 5_000;
/** Records read in one ledger call. */
const LOAD_AT_ONCE = 500;

export interface ResyncOptions {
  /** Reads the Alertmanagers' active alerts; never rejects. */
  readonly pull: () => Promise<PullResult>;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly resyncEveryMs: number;
  /** Takes alerts in, as the webhook does. */
  readonly takeIn: (reading: Extract<PayloadReading, { ok: true }>) => Promise<unknown>;
}

/**
 * The pull path: every `resyncEvery` the Alertmanagers' active alerts become the same signals as a webhook's. It repairs what
 * webhooks lose: one that was missed while the service was down, truncated groups, a silence that ended without a new
 * notification, a ledger that was wiped. The first time is at the start.
 */
export class Resync {
  readonly #options: ResyncOptions;
  readonly #ended = new AbortController();
  #ring = new AbortController();
  #loop: Promise<void> | null = null;
  #readable = true;

  constructor(options: ResyncOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Soon: an alert came that names no connector, or a group was truncated. */
  poke(): void {
    this.#ring.abort();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#ring.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, reporter, resyncEveryMs } = this.#options;
    while (!this.#ended.signal.aborted) {
      const begunAtMs = clock.monotonic();
      // Before the pull: what is asked for meanwhile may not be in its answer.
      this.#ring = new AbortController();
      let waitMs = resyncEveryMs;
      try {
        if (!(await this.#resync())) waitMs = Math.min(RETRY_MS, resyncEveryMs);
      } catch (error) {
        waitMs = Math.min(RETRY_MS, resyncEveryMs);
        if (error instanceof LedgerUnavailable) reporter.ledgerUp(false, error.message);
        else reporter.fault('resync', error);
      }
      if (this.#ended.signal.aborted) return;
      await clock.sleep(waitMs, this.#ring.signal);
      const sinceMs = clock.monotonic() - begunAtMs;
      if (sinceMs < POKED_AT_LEAST_MS && waitMs > sinceMs) {
        await clock.sleep(Math.min(waitMs, POKED_AT_LEAST_MS) - sinceMs, this.#ended.signal);
      }
    }
  }

  /** Whether an Alertmanager answered. */
  async #resync(): Promise<boolean> {
    const { pull, reporter, takeIn } = this.#options;
    const pulled = await pull();
    const readable = pulled.outcome === 'ok';
    if (readable !== this.#readable) reporter.alertsReadable(readable, readable ? '' : pulled.detail);
    this.#readable = readable;
    if (!readable || this.#ended.signal.aborted) return readable;
    const signals = pulled.reading.readings.flatMap((one) => (one.kind === 'signal' ? [one.signal] : []));
    const news = new Set(await this.#news(signals));
    const readings = pulled.reading.readings.filter(
      (one) => one.kind === 'cluster' || (one.kind === 'signal' && news.has(one.signal)),
    );
    if (readings.length > 0) await takeIn({ ...pulled.reading, readings });
    return true;
  }

  /** The signals that the ledger does not know: an alert that goes on firing is not written down once a minute. */
  async #news(signals: readonly Signal[]): Promise<Signal[]> {
    const byKey = new Map<string, { key: Key; signals: Signal[] }>();
    for (const signal of signals) {
      const { cluster, connector } = signal;
      const id = JSON.stringify([cluster, connector]);
      const group = byKey.get(id) ?? { key: { cluster, connector }, signals: [] };
      group.signals.push(signal);
      byKey.set(id, group);
    }
    const groups = [...byKey.values()];
    const news: Signal[] = [];
    for (let from = 0; from < groups.length; from += LOAD_AT_ONCE) {
      const some = groups.slice(from, from + LOAD_AT_ONCE);
      const { stored } = await this.#options.ledger.load(some.map(({ key }) => key));
      for (const [index, group] of some.entries()) {
        const record = stored[index]?.remediation ?? null;
        news.push(...group.signals.filter((signal) => record === null || isNews(record, signal)));
      }
    }
    return news;
  }
}

/** Whether a firing alert tells a record something: one that it has not seen, or that fires though all is over. */
function isNews({ phase, alerts }: Remediation, { fingerprint }: Signal): boolean {
  const known = alerts.some((alert) => alert.fingerprint === fingerprint && alert.status === 'firing');
  switch (phase.state) {
    case 'waiting':
    case 'held':
    case 'restarting':
    case 'stabilising':
    case 'escalated':
      return !known;
    case 'recovered':
      return true;
    case 'closed':
      // What is paused, stopped or gone is looked at with the cluster's bulk reads.
      return phase.ranSince;
    default:
      return phase satisfies never;
  }
}
