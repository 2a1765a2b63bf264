import type { Rng } from './random.ts';

interface Planned {
  readonly atMs: number;
  readonly tie: number;
  /** null: it was taken back. */
  run: (() => void) | null;
}

/** Something that is to happen, unless it is taken back. */
export interface Appointment {
  cancel(): void;
}

/**
 * The one source of time and order. Whatever takes time is an event; one event runs, then everything that it set free runs to
 * its next wait, then the next event. Events of one millisecond come in an order that the seed chooses, and so does, by the
 * latencies that are drawn, the order in which awaited work comes to its end.
 */
export class Scheduler {
  #nowMs = 0;
  #events = 0;
  readonly #heap: Planned[] = [];
  readonly #rng: Rng;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have run. */
  get events(): number {
    return this.#events;
  }

  after(delayMs: number, run: () => void): Appointment {
    return this.at(this.#nowMs + Math.max(0, Math.round(delayMs)), run);
  }

  at(atMs: number, run: () => void): Appointment {
    const heap = this.#heap;
    const planned: Planned = { atMs: Math.max(atMs, this.#nowMs), tie: this.#rng.next(), run };
    let index = heap.length;
    heap.push(planned);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(planned, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = planned;
    return {
      cancel: () => {
        planned.run = null;
      },
    };
  }

  /** Runs events until the time has come, or `done` says so after one of them. */
  async run(untilMs: number, done: () => boolean): Promise<void> {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = untilMs;
        return;
      }
      this.#pop();
      if (next.run === null) continue;
      this.#nowMs = next.atMs;
      this.#events += 1;
      next.run();
      await settled();
      if (done()) return;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let below = heap[child];
      const other = heap[child + 1];
      if (below !== undefined && other !== undefined && isBefore(other, below)) {
        child += 1;
        below = other;
      }
      if (below === undefined || !isBefore(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.tie < other.tie);
}

/** Everything that needs no event has run: promises settle before the event loop goes on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
