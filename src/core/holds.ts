import { type HoldReason, holdReasons, type Pause } from './model.ts';

/** A hold that a look found. */
export interface HoldSeen {
  readonly reason: HoldReason;
  readonly detail: string | null;
  readonly untilMs: number | null;
}

/** A connector that is half failed and half on its way is left alone for so long; then what is FAILED is restarted. */
export const REBALANCING_AT_MOST_MS = 6 * 60_000;

/** Of the holds that apply, the one to show: the first in the order of `holdReasons`. */
export function firstHold(holds: readonly HoldSeen[]): HoldSeen | null {
  let first: HoldSeen | null = null;
  for (const hold of holds) {
    if (first === null || holdReasons.indexOf(hold.reason) < holdReasons.indexOf(first.reason)) first = hold;
  }
  return first;
}

/** The hold of the pauses that cover a connector: of several the one that ends last. */
export function pausedBy(
  pauses: readonly Pause[],
  target: { readonly cluster: string; readonly connector: string },
): HoldSeen | null {
  let last: Pause | null = null;
  for (const pause of pauses) {
    if (pause.cluster !== null && pause.cluster !== target.cluster) continue;
    if (pause.connector !== null && pause.connector !== target.connector) continue;
    if (last === null || endOf(pause) > endOf(last)) last = pause;
  }
  if (last === null) return null;
  const what =
    last.connector !== null ? 'this connector' : last.cluster !== null ? 'this cluster' : 'everything';
  return { reason: 'paused', detail: `${last.by} paused ${what}: ${last.reason}`, untilMs: last.untilMs };
}

function endOf({ untilMs }: Pause): number {
  return untilMs ?? Number.POSITIVE_INFINITY;
}

const REFUSED_FIRST_MS = 1_000;
const REFUSED_AT_MOST_MS = 60_000;

/** After the n-th refusal in a row (1 for the first) Connect is asked again in 1s, 2s, 4s, 8s, 16s, 32s, then every 60s. */
export function afterRefusalMs(refusals: number): number {
  return Math.min(REFUSED_AT_MOST_MS, REFUSED_FIRST_MS * 2 ** Math.max(0, Math.min(refusals, 10) - 1));
}
