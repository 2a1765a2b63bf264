import { EPOCH_MS } from './life.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * The clock of the ledger's machine, by which all processes reckon. It jumps forward: a machine that was asleep, a time server
 * that is heard again, a Redis that fails over to one that is ahead.
 */
export class LedgerClock {
  readonly #scheduler: Scheduler;
  readonly #jumps: { readonly atMs: number; readonly byMs: number }[] = [];
  #aheadMs = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** What it shows, on the calendar. */
  now(): number {
    return EPOCH_MS + this.#scheduler.nowMs + this.#aheadMs;
  }

  jump(byMs: number): void {
    this.#jumps.push({ atMs: this.#scheduler.nowMs, byMs });
    this.#aheadMs += byMs;
  }

  /** By how much in all since this simulated moment. */
  leaptSince(momentMs: number): number {
    return this.#jumps.reduce((sum, { atMs, byMs }) => sum + (atMs >= momentMs ? byMs : 0), 0);
  }

  /** The simulated moment in which it showed this; of what it leapt over, the moment of the leap. */
  momentOf(calendarMs: number): number {
    let aheadMs = 0;
    for (const { atMs, byMs } of this.#jumps) {
      const moment = calendarMs - EPOCH_MS - aheadMs;
      if (moment < atMs) return moment;
      if (moment < atMs + byMs) return atMs;
      aheadMs += byMs;
    }
    return calendarMs - EPOCH_MS - aheadMs;
  }
}
