/** Wakes whose reaction is measured, at most. */
const WAKES_AT_MOST = 10_000;
/** A restart later than this after a webhook is not what the webhook led to at once. */
const REACTION_AT_MOST_MS = 60_000;

/** How long it takes from a webhook to the restart that it led to at once. Monotonic milliseconds. */
export class Reactions {
  readonly #wokenAtMs = new Map<string, number>();

  get size(): number {
    return this.#wokenAtMs.size;
  }

  /**
   * A webhook woke this connector. What another process takes over is never looked at here: an old entry says nothing, and
   * the oldest goes first.
   */
  note(connector: string, nowMs: number): void {
    if (this.#ageMs(connector, nowMs) !== null) return;
    this.#wokenAtMs.delete(connector);
    const [oldest] = this.#wokenAtMs.keys();
    if (this.#wokenAtMs.size >= WAKES_AT_MOST && oldest !== undefined) this.#wokenAtMs.delete(oldest);
    this.#wokenAtMs.set(connector, nowMs);
  }

  /** A restart call is made: how long ago a webhook woke its connector; null where none did, or too long ago to be its reaction. */
  taken(connector: string, nowMs: number): number | null {
    const ageMs = this.#ageMs(connector, nowMs);
    this.#wokenAtMs.delete(connector);
    return ageMs;
  }

  forget(connector: string): void {
    this.#wokenAtMs.delete(connector);
  }

  #ageMs(connector: string, nowMs: number): number | null {
    const wokenAtMs = this.#wokenAtMs.get(connector);
    if (wokenAtMs === undefined) return null;
    return nowMs - wokenAtMs <= REACTION_AT_MOST_MS ? nowMs - wokenAtMs : null;
  }
}
