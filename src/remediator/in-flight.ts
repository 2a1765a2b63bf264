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
  /** With their beginnings, the oldest first. */
  readonly #work = new Map<Promise<void>, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `work` must not reject. */
  add(work: Promise<void>): void {
    const counted = work.finally(() => {
      this.#work.delete(counted);
    });
    this.#work.set(counted, this.#clock.monotonic());
  }

  /** When all that is in flight now has come to its end. */
  async ended(): Promise<void> {
    await Promise.all(this.#work.keys());
  }

  /**
   * Waits until it is worth while to claim more, and says how many. One read of the cluster serves all that is claimed together,
   * so a good part of the places has to be free. What hangs takes none of them: it is waited for once, not in each turn.
   */
  async room(): Promise<number> {
    for (;;) {
      const hangsInMs = this.#hangsInMs();
      const isFull = this.#work.size > AT_MOST / 2;
      if (hangsInMs <= 0 && !isFull) return Math.min(AT_ONCE, AT_MOST - this.#work.size);
      const over = new AbortController();
      const late = isFull ? [] : [this.#clock.sleep(hangsInMs, over.signal)];
      await Promise.race([...late, ...this.#work.keys()]);
      over.abort();
    }
  }

  /** In how long all but half of the places hang or are free; 0: they do. */
  #hangsInMs(): number {
    const begunAtMs = [...this.#work.values()].at(-1 - AT_ONCE / 2);
    return begunAtMs === undefined ? 0 : Math.max(0, begunAtMs + PATIENCE_MS - this.#clock.monotonic());
  }
}
