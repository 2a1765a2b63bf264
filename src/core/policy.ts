import type { EscalationReason, Remediation } from './model.ts';
import { defaultStormPolicy, type StormPolicy } from './storm.ts';

/** How often, how soon and how long: the numbers of a remediation. All spans in milliseconds. */
export interface Policy {
  /** false: alerts open no remediation, and an open one is held (`opted_out`). Default true. */
  readonly enabled: boolean;
  /** true: everything but the call to Connect. Default false. */
  readonly dryRun: boolean;
  /** Delay before the 1st, 2nd … restart of a failure. Default 0s 2m 6m 12m 20m 30m 42m. Never empty. */
  readonly delaysMs: readonly number[];
  /** After the list: escalated as exhausted, and tried this often. null: never again. Default 1h. */
  readonly thenEveryMs: number | null;
  /** How long it has to run to be recovered. `auto`: the delay that would have come next, 5m to 1h. */
  readonly stableForMs: number | 'auto';
  /** A FAILED seen sooner after a restart may be the old status. Default 5s. */
  readonly settleMs: number;
  /** Neither running nor failed for so long after a restart: escalated as stuck. Default 5m. */
  readonly stuckAfterMs: number;
  /** At most `restarts` in any `perMs`, whatever recovers in between. Default 20 in 24h. */
  readonly budget: { readonly restarts: number; readonly perMs: number };
  /** What a failure that a restart cannot heal gets. Default 1, then every 6h. */
  readonly permanent: { readonly restarts: number; readonly thenEveryMs: number | null };
  /** How connectors that fail alike share their restarts. */
  readonly storm: StormPolicy;
  /** Fraction added to each delay, never taken away. Default 0.1. */
  readonly jitter: number;
}

const MINUTE = 60_000;

/** The defaults. The delays are Strimzi's: n² + n minutes, seven restarts in 112 minutes (AbstractConnectOperator). */
export const defaultPolicy: Policy = {
  enabled: true,
  dryRun: false,
  delaysMs: [0, 2, 6, 12, 20, 30, 42].map((minutes) => minutes * MINUTE),
  thenEveryMs: 60 * MINUTE,
  stableForMs: 'auto',
  settleMs: 5_000,
  stuckAfterMs: 5 * MINUTE,
  budget: { restarts: 20, perMs: 24 * 60 * MINUTE },
  permanent: { restarts: 1, thenEveryMs: 6 * 60 * MINUTE },
  storm: defaultStormPolicy,
  jitter: 0.1,
};

/** What the policy says after `attempts` restarts of a failure did not hold. */
export interface Schedule {
  /** When the next attempt is due; null: never. */
  readonly nextAtMs: number | null;
  /** Set when this is beyond what the policy gives without a human. */
  readonly escalate: Exclude<EscalationReason, 'stuck'> | null;
}

/**
 * When the next attempt of a failure is due: `lastRestartAt + delay`, and before the first one `openedAt + delay`. Past
 * the list (or, for a permanent cause, past `permanent.restarts`) the slow rhythm applies and a human is called. Never
 * earlier than the rolling budget has room.
 */
export function schedule(remediation: Remediation, policy: Policy, nowMs: number): Schedule {
  const { attempts, cause } = remediation;
  const baseMs =
    attempts === 0 ? remediation.openedAtMs : (remediation.lastRestartAtMs ?? remediation.openedAtMs);
  const roomAtMs = budgetRoomAtMs(policy, remediation.chargedAtMs, nowMs);
  const permanent = cause?.verdict === 'permanent' && attempts >= policy.permanent.restarts;
  const delayMs = policy.delaysMs[attempts];

  if (permanent || delayMs === undefined) {
    const everyMs = permanent ? policy.permanent.thenEveryMs : policy.thenEveryMs;
    return {
      nextAtMs:
        everyMs === null
          ? null
          : Math.max(baseMs + jittered(everyMs, policy.jitter, remediation), roomAtMs ?? 0),
      escalate: permanent ? 'permanent' : 'exhausted',
    };
  }
  const nextAtMs = baseMs + jittered(delayMs, policy.jitter, remediation);
  if (roomAtMs !== null && roomAtMs > nextAtMs) return { nextAtMs: roomAtMs, escalate: 'unstable' };
  return { nextAtMs, escalate: null };
}

/** The charged restarts that are still inside the rolling window. */
export function withinWindow(chargedAtMs: readonly number[], policy: Policy, nowMs: number): number[] {
  return chargedAtMs.filter((atMs) => atMs > nowMs - policy.budget.perMs);
}

/** When the rolling budget has room for one more restart; null: now. */
export function budgetRoomAtMs(policy: Policy, chargedAtMs: readonly number[], nowMs: number): number | null {
  const inWindow = withinWindow(chargedAtMs, policy, nowMs);
  if (inWindow.length < policy.budget.restarts) return null;
  // The restart whose leaving the window makes room; later ones keep their places.
  const leaving = inWindow[inWindow.length - policy.budget.restarts];
  return leaving === undefined ? null : leaving + policy.budget.perMs;
}

const STABLE_AT_LEAST_MS = 5 * MINUTE;
const STABLE_AT_MOST_MS = 60 * MINUTE;

/**
 * How long a connector has to be seen running to be recovered. `auto` is the delay that would have come next, at least
 * 5m and at most 1h: by default 5m, 5m, 6m, 12m, 20m, 30m, 42m after 0 to 6 attempts and 1h after that.
 */
export function stableForMs(policy: Policy, attempts: number): number {
  if (policy.stableForMs !== 'auto') return policy.stableForMs;
  const comesNextMs = policy.delaysMs[attempts] ?? policy.thenEveryMs ?? STABLE_AT_MOST_MS;
  return Math.min(STABLE_AT_MOST_MS, Math.max(STABLE_AT_LEAST_MS, comesNextMs));
}

/**
 * A delay with its jitter added: a fraction of 0 to `jitter`, drawn from a hash (FNV-1a) of connector, failure and
 * attempt. The same question has the same answer on every replica, and many connectors spread.
 */
export function jittered(
  delayMs: number,
  jitter: number,
  of: Pick<Remediation, 'cluster' | 'connector' | 'openedAtMs' | 'attempts'>,
): number {
  if (delayMs === 0 || jitter === 0) return delayMs;
  const fraction = fnv1a(`${of.cluster}\n${of.connector}\n${of.openedAtMs}\n${of.attempts}`) / 0x1_0000_0000;
  return delayMs + Math.floor(delayMs * jitter * fraction);
}

/** 32-bit FNV-1a over UTF-16 code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}
