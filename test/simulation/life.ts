import type { Clock } from '../../src/clock.ts';
import type { Rng } from './random.ts';
import type { Appointment, Scheduler } from './scheduler.ts';

/** The simulation's beginning on the calendar. */
export const EPOCH_MS = Date.UTC(2026, 0, 5, 3, 0, 0);

/** How a network behaves; drawn for each kind of peer. */
export interface Weather {
  /** Usual time each way, milliseconds at most. */
  readonly latencyMs: number;
  /** Share of messages that take up to `lateMs` instead. */
  readonly late: number;
  readonly lateMs: number;
  /** Share of requests, and of answers, that are lost. */
  readonly lost: number;
}

export const CALM: Weather = { latencyMs: 5, late: 0, lateMs: 0, lost: 0 };

/**
 * One process from its start to its death. All its waits pass through here, so it can die or freeze at each of them; what it
 * had sent by then goes on without it.
 */
export class Life {
  readonly name: string;
  readonly clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #rng: Rng;
  readonly #onDeath: (life: Life, at: string) => void;
  /** How far its wall clock is off, milliseconds. */
  skewMs: number;
  /** Share of waits at which it dies. */
  mortality = 0;
  #frozenUntilMs = Number.NEGATIVE_INFINITY;
  #alive = true;

  constructor(
    name: string,
    scheduler: Scheduler,
    rng: Rng,
    skewMs: number,
    onDeath: (life: Life, at: string) => void,
  ) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#rng = rng;
    this.skewMs = skewMs;
    this.#onDeath = onDeath;
    const monotonicFromMs = rng.between(0, 1_000_000);
    this.clock = {
      now: () => EPOCH_MS + scheduler.nowMs + this.skewMs,
      monotonic: () => monotonicFromMs + scheduler.nowMs,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal.aborted) return resolve();
          const done = (): void => {
            waiting.cancel();
            signal.removeEventListener('abort', done);
            resolve();
          };
          const waiting = this.#wakeAfter(Math.ceil(ms), done);
          signal.addEventListener('abort', done, { once: true });
        }),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  die(at: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#onDeath(this, at);
  }

  /** Nothing of it runs for a while, though time passes: a long pause of the machine. */
  freeze(ms: number): void {
    this.#frozenUntilMs = Math.max(this.#frozenUntilMs, this.#scheduler.nowMs + ms);
  }

  /**
   * One request to a peer. `perform` runs at the peer, at some moment, whether or not the process lives then; `failed` makes
   * the result of one that was not answered in time, be it that the request, the answer or only patience was lost.
   */
  call<T>(
    what: string,
    weather: () => Weather,
    timeoutMs: number,
    perform: () => Promise<T> | T,
    failed: (why: string) => Promise<T>,
  ): Promise<T> {
    if (this.#dies(`before ${what}`)) return never();
    const rng = this.#rng;
    const { lost } = weather();
    return new Promise((resolve, reject) => {
      let over = false;
      const end = (settle: () => void): void => {
        if (over) return;
        over = true;
        patience.cancel();
        if (this.#dies(`after ${what}`)) return;
        settle();
      };
      const patience = this.#wakeAfter(timeoutMs, () =>
        end(() => failed(`${what}: no answer within ${timeoutMs} ms`).then(resolve, reject)),
      );
      if (rng.chance(lost)) return;
      this.#scheduler.after(delayMs(weather(), rng), () => {
        const answer = (settle: () => void): void => {
          if (!rng.chance(lost)) this.#wakeAfter(delayMs(weather(), rng), () => end(settle));
        };
        // An async function that throws at once is a rejection like any other.
        new Promise<T>((done) => done(perform())).then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error)),
        );
      });
    });
  }

  #dies(at: string): boolean {
    if (this.#alive && this.mortality > 0 && this.#rng.chance(this.mortality)) this.die(at);
    return !this.#alive;
  }

  #wakeAfter(ms: number, run: () => void): Appointment {
    const due = (): void => {
      if (!this.#alive) return;
      if (this.#scheduler.nowMs < this.#frozenUntilMs) this.#scheduler.at(this.#frozenUntilMs, due);
      else run();
    };
    return this.#scheduler.after(ms, due);
  }
}

function delayMs(weather: Weather, rng: Rng): number {
  return rng.chance(weather.late) ? rng.between(0, weather.lateMs) : rng.between(0, weather.latencyMs);
}

export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
