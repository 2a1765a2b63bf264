import type { Clock } from '../clock.ts';

/** As many as are decided while the status that they share is young, where a look, a commit and a call take milliseconds. */
const AT_ONCE = 24;
/** Those that hang do not hold up the others, up to so many. */
const AT_MOST = 128;
/** What has not come to its end for so long hangs. */
const PATIENCE_MS = 500;

/** The remediations of one cluster that are worked on now. */
export class InFlight {
  readonly #clock: Clock;
  readonly #work = new Set<Promise<void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `work` must not reject. */
  add(work: Promise<void>): void {
    const counted = work.finally(() => {
      this.#work.delete(counted);
    });
    this.#work.add(counted);
  }

  /** When all that is in flight now has come to its end. */
  async ended(): Promise<void> {
    await Promise.all(this.#work);
  }

  /**
   * Waits until it is worth while to claim more, and says how many. One read of the cluster serves all that is claimed together,
   * so a good part of the places has to be free.
   */
  async room(): Promise<number> {
    if (this.#work.size > AT_ONCE / 2) {
      const enough = new AbortController();
      let isLate = false;
      const late = this.#clock.sleep(PATIENCE_MS, enough.signal).then(() => {
        isLate = true;
      });
      while (this.#work.size > (isLate ? AT_MOST : AT_ONCE) / 2) {
        await Promise.race(isLate ? this.#work : [late, ...this.#work]);
      }
      enough.abort();
    }
    return Math.min(AT_ONCE, AT_MOST - this.#work.size);
  }
}
