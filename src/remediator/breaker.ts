import { afterRefusalMs } from '../core/holds.ts';
import type { HoldReason, RestartOutcome } from '../core/model.ts';

const OPEN_FIRST_MS = 10_000;
const OPEN_AT_MOST_MS = 160_000;

/** How long a cluster is left alone after the n-th opening in a row (from 1): 10s, 20s, 40s, 80s, then 160s. */
export function openForMs(openings: number): number {
  return Math.min(OPEN_AT_MOST_MS, OPEN_FIRST_MS * 2 ** (Math.max(1, Math.min(openings, 20)) - 1));
}

export interface BreakerTraits {
  /** Calls in a row that ended badly, after which there are no more for a while. */
  readonly opensAfter: number;
  /** How long it stays open after the n-th opening in a row, from 1; milliseconds. */
  readonly openForMs: (openings: number) => number;
}

/** For calls whose fate is unknown. */
export const TIMED_OUT: BreakerTraits = { opensAfter: 3, openForMs };
/** For 401 and 403: what one connector is refused, the others most likely are as well. */
export const FORBIDDEN: BreakerTraits = { opensAfter: 1, openForMs: afterRefusalMs };

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
  readonly #traits: BreakerTraits;
  #failures = 0;
  #openings = 0;
  #openUntilMs: number | null = null;
  #probing = false;

  constructor(traits: BreakerTraits) {
    this.#traits = traits;
  }

  /** null: a call may be made, and `settled` or `unused` must follow. Else how long to wait; 0: until the probe is back. */
  admit(nowMs: number): { readonly waitMs: number } | null {
    if (this.#openUntilMs === null) return null;
    if (nowMs < this.#openUntilMs) return { waitMs: this.#openUntilMs - nowMs };
    if (this.#probing) return { waitMs: 0 };
    this.#probing = true;
    return null;
  }

  /** How a call ended; true when this opens or closes it. */
  settled(ended: 'well' | 'badly', nowMs: number): boolean {
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
    if (!wasOpen && this.#failures < this.#traits.opensAfter) return false;
    this.#probing = false;
    this.#openings += 1;
    this.#openUntilMs = nowMs + this.#traits.openForMs(this.#openings);
    return !wasOpen;
  }

  /** The call was not made after all, or never reached Connect. */
  unused(): void {
    this.#probing = false;
  }
}

/** What stands between a decision and a call to one cluster: a breaker for calls that time out, and one for refused credentials. */
export class Breakers {
  readonly #timedOut = new Breaker(TIMED_OUT);
  readonly #forbidden = new Breaker(FORBIDDEN);

  /** null: a call may be made, and `settled` or `unused` must follow. Else the hold, and for how long. */
  admit(
    nowMs: number,
  ): { readonly reason: HoldReason; readonly detail: string; readonly waitMs: number } | null {
    const forbidden = this.#forbidden.admit(nowMs);
    if (forbidden !== null) {
      const detail = 'Connect refuses the credentials: one call at a time tries again';
      return { reason: 'unauthorized', detail, ...forbidden };
    }
    const timedOut = this.#timedOut.admit(nowMs);
    if (timedOut === null) return null;
    this.#forbidden.unused();
    const detail = 'restart calls to this cluster time out: it gets fewer of them';
    return { reason: 'breaker', detail, ...timedOut };
  }

  /** The call was not made after all. */
  unused(): void {
    this.#timedOut.unused();
    this.#forbidden.unused();
  }

  /** How a call ended. Answers what that did to the breaker for calls that time out; null: nothing. */
  settled(outcome: RestartOutcome, nowMs: number): 'opened' | 'closed' | null {
    const allowed = saysOfCredentials(outcome);
    if (allowed === null) this.#forbidden.unused();
    else this.#forbidden.settled(allowed, nowMs);
    const ended = saysOfCluster(outcome);
    if (ended === null) this.#timedOut.unused();
    else if (this.#timedOut.settled(ended, nowMs)) return ended === 'badly' ? 'opened' : 'closed';
    return null;
  }
}

/** What a call's outcome says of the cluster; null: nothing, since it was not made or did not reach it. */
export function saysOfCluster(outcome: RestartOutcome): 'well' | 'badly' | null {
  switch (outcome) {
    case 'ambiguous':
      return 'badly';
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

/** What a call's outcome says of the credentials; null: nothing. */
export function saysOfCredentials(outcome: RestartOutcome): 'well' | 'badly' | null {
  if (outcome === 'unauthorized') return 'badly';
  return outcome === 'accepted' || outcome === 'conflict' || outcome === 'not_found' ? 'well' : null;
}
