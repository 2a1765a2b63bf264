import type { EscalationReason, Remediation } from './model.ts';

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
  jitter: 0.1,
};
