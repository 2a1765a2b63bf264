import { FIRST_LOOK_MS } from '../core/transitions.ts';

/**
 * Free places under `maxUnverified`. A place is taken when a restart is decided, and its commit is sent before anything is
 * awaited. The ledger carries out what it is asked in its order, and has the last word: a commit beyond the limit is refused.
 */
export class Places {
  #free = 0;
  /** Taken since the ledger was asked, so it has not counted them. */
  #uncounted = 0;
  #queued = 0;

  /** The ledger is asked now how many are free. */
  asked(): void {
    this.#uncounted = 0;
  }

  /** What it said. */
  known(free: number): void {
    this.#free = free - this.#uncounted;
    this.#queued = 0;
  }

  take(): boolean {
    if (this.#free <= 0) return false;
    this.#free -= 1;
    this.#uncounted += 1;
    return true;
  }

  giveBack(): void {
    this.#free += 1;
    this.#uncounted = Math.max(0, this.#uncounted - 1);
  }

  /** The ledger says so, between two turns. */
  noneFree(): void {
    this.#free = Math.min(0, this.#free);
  }

  /** How much later than the next free place the next one in the queue looks again. */
  queueMs(places: number): number {
    const round = Math.floor(this.#queued / Math.max(1, places));
    this.#queued += 1;
    return round * FIRST_LOOK_MS;
  }
}
