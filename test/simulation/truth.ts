import type { Policy } from '../../src/core/policy.ts';

/** A promise of docs/architecture.md that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly promise: string;

  constructor(promise: string, what: string, atMs: number) {
    super(`${promise} at ${(atMs / 1_000).toFixed(3)} s: ${what}`);
    this.promise = promise;
  }
}

/** What of the world the witness may ask, and the processes may not: the truth. */
export interface Truth {
  readonly policy: Policy;
  readonly maxUnverified: number;
  /** Nothing is wrong with this cluster, with the ledger or with the processes: a signal is looked at in seconds. */
  readonly looksSoon: (cluster: string) => boolean;
  /** An operator's pause covers this connector now. */
  readonly isPaused: (cluster: string, connector: string) => boolean;
  /** Every Alertmanager has muted this part for so long that everybody who asks knows. */
  readonly isMuted: (cluster: string, connector: string, part: number | null) => string | null;
  /** It does not exist, or did not a moment ago. */
  readonly isGone: (cluster: string, connector: string) => boolean;
  /** How often its configuration was written. */
  readonly writes: (cluster: string, connector: string) => number;
  /** Connectors that have had the ailment of this one, itself included. */
  readonly failsAlike: (cluster: string, connector: string) => number;
}
