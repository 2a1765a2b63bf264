import type { RestartOutcome } from '../core/model.ts';

/** Calls in a row whose fate is unknown, after which a cluster gets no more for a while. */
const OPENS_AFTER = 3;
const OPEN_FIRST_MS = 10_000;
const OPEN_AT_MOST_MS = 160_000;

/** How long a cluster is left alone after the n-th opening in a row (from 1): 10s, 20s, 40s, 80s, then 160s. */
export function openForMs(openings: number): number {
  return Math.min(OPEN_AT_MOST_MS, OPEN_FIRST_MS * 2 ** (Math.max(1, Math.min(openings, 20)) - 1));
}

/**
 * The circuit breaker of one cluster's restart calls. One connector that hangs in start() or stop() blocks Connect's single
 * herder thread, and every call to the cluster then times out: more calls would only make the queue longer, and each would
 * cost its connector an attempt.
 *
 *  closed     calls are made. After three in a row that timed out, were reset or got a 5xx → open.
 *  open       no calls for 10s, growing to 160s; then half open.
 *  half open  one call. It ends well → closed. Not → open, for longer.
 *
 * Times are monotonic milliseconds. Each process has its own: what it knows is what it saw.
 */
export class Breaker {
  #failures = 0;
  #openings = 0;
  #openUntilMs: number | null = null;
  #probing = false;

  /** null: a call may be made, and `settled` or `unused` must follow. Else how long to wait; 0: until the probe is back. */
  admit(nowMs: number): { readonly waitMs: number } | null {
    if (this.#openUntilMs === null) return null;
    if (nowMs < this.#openUntilMs) return { waitMs: this.#openUntilMs - nowMs };
    if (this.#probing) return { waitMs: 0 };
    this.#probing = true;
    return null;
  }

  /** How a call ended; true when this opens or closes it. */
  settled(ended: 'well' | 'unknown', nowMs: number): boolean {
    const wasOpen = this.#openUntilMs !== null;
    if (ended === 'well') {
      this.#failures = 0;
      this.#openings = 0;
      this.#openUntilMs = null;
      this.#probing = false;
      return wasOpen;
    }
    this.#failures += 1;
    // Calls that were under way when it opened say nothing new.
    if (wasOpen && !this.#probing) return false;
    if (!wasOpen && this.#failures < OPENS_AFTER) return false;
    this.#probing = false;
    this.#openings += 1;
    this.#openUntilMs = nowMs + openForMs(this.#openings);
    return !wasOpen;
  }

  /** The call was not made after all, or never reached Connect. */
  unused(): void {
    this.#probing = false;
  }
}

/** What a call's outcome says of the cluster; null: nothing, since it was not made or did not reach it. */
export function saysOfCluster(outcome: RestartOutcome): 'well' | 'unknown' | null {
  switch (outcome) {
    case 'ambiguous':
      return 'unknown';
    case 'accepted':
    case 'conflict':
    case 'unauthorized':
    case 'not_found':
      return 'well';
    case 'refused':
    case 'not_sent':
    case 'dry_run':
      return null;
    default:
      return outcome satisfies never;
  }
}
