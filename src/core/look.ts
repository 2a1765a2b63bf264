import type { HoldSeen } from './holds.ts';
import type { Cause, Remediation, RestartPlan } from './model.ts';
import type { Policy } from './policy.ts';
import type { Storm } from './storm.ts';
import type { ConnectLook } from './verdict.ts';

/** One reading of the world for a remediation. */
export interface Look {
  readonly connect: ConnectLook;
  /** Holds that the world imposes now, in any order. */
  readonly holds: readonly HoldSeen[];
  /** What the traces of the failed parts say; null where nothing is failed. */
  readonly cause: Cause | null;
  /** What groups the failure with others; null where nothing is failed, or nothing can be told from it. */
  readonly signature: string | null;
  /** Keyed hash of the connector's configuration; null: not read. */
  readonly configHash: string | null;
  /** The storm that the connector is part of; null: none. */
  readonly storm: Storm | null;
  /** Which parts a restart may touch. */
  readonly plan: RestartPlan;
}

/** What a decision is taken on. */
export interface Context {
  /** The record, with what this look says noted in it. */
  readonly r: Remediation;
  readonly look: Look;
  readonly policy: Policy;
  readonly nowMs: number;
  /** The signal that no look had answered before this one. */
  readonly signalAtMs: number | null;
}
