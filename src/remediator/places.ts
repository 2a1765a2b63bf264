import { FIRST_LOOK_MS } from '../core/transitions.ts';

/** Free places under `maxUnverified`. A place is taken when a restart is decided, before anything is awaited. */
export class Places {
  #free = 0;
  /** Taken, and not yet in the ledger. */
  #pending = 0;
  #queued = 0;

  /** What the ledger says is free; what is decided but not committed is not in it yet. */
  known(free: number): void {
    this.#free = free - this.#pending;
    this.#queued = 0;
  }

  take(): boolean {
    if (this.#free <= 0) return false;
    this.#free -= 1;
    this.#pending += 1;
    return true;
  }

  giveBack(): void {
    this.#free += 1;
    this.#pending -= 1;
  }

  /** The ledger says so, between two turns. */
  noneFree(): void {
    this.#free = Math.min(0, this.#free);
  }

  /** It is in the ledger now. */
  settle(): void {
    this.#pending -= 1;
  }

  /** How much later than the next free place the next one in the queue looks again. */
  queueMs(places: number): number {
    const round = Math.floor(this.#queued / Math.max(1, places));
    this.#queued += 1;
    return round * FIRST_LOOK_MS;
  }
}
