/**
 * Time, as everything outside core gets it: passed in, never read from globals, so that tests own it.
 */
export interface Clock {
  /** Wall clock, epoch milliseconds. */
  readonly now: () => number;
  /** Never goes backwards; for ages and spans. Milliseconds from an arbitrary start. */
  readonly monotonic: () => number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. Keeps no process alive. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, 0x7fff_ffff));
      timer.unref();
      signal.addEventListener('abort', done, { once: true });
    }),
};
