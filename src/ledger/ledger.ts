import type {
  AuditEvent,
  EscalationReason,
  HoldReason,
  Pause,
  PauseScope,
  Remediation,
  State,
} from '../core/model.ts';
import type { Probe } from '../core/storm.ts';

/**
 * The ledger keeps remediations, the audit trail and hints, durably. It does mechanics only: compare-and-set, a due
 * index, leases, bounded trails. Policy never lives in it.
 *
 * Every method rejects with `LedgerUnavailable` when the ledger cannot be read or written; nothing was changed then,
 * or it is unknown whether it was (a write whose answer was lost): callers read again before they act.
 */
export interface Ledger {
  /** Current records of these keys, in their order, and the ledger's clock. */
  load(keys: readonly Key[]): Promise<{ nowMs: number; stored: (Stored | null)[] }>;

  /**
   * Writes each record whose version is still the expected one, durably, and appends its events; all writes of one
   * call in one atomic step. Results are in the order of the writes. A write to a leased record is allowed: the
   * holder's next commit then conflicts, and it reads again.
   */
  store(writes: readonly Write[]): Promise<WriteResult[]>;

  /**
   * Takes up to `limit` records of one cluster that are due (`max(lookAtMs, end of the lease)` has come), the longest due
   * first, and leases them to the caller in one atomic step. A lease that has run out is free again.
   */
  claim(request: ClaimRequest): Promise<ClaimAnswer>;

  /**
   * Writes a claimed record. Refused with null when the version moved or the lease is no longer the caller's.
   * With `keepLease` the answer is the renewed claim; else the lease ends and the answer is the claim as written.
   * `full`: nothing was changed, since `keepLease.unverifiedAtMost` would be exceeded. `next: null` removes the record.
   */
  commit(
    claim: Claim,
    next: Remediation | null,
    events: readonly AuditEvent[],
    keepLease?: KeepLease,
  ): Promise<Claim | 'full' | null>;

  /** The claim with the current version and record; null when the lease is no longer the caller's or the record is gone. */
  refresh(claim: Claim): Promise<Claim | null>;

  /** Ends a lease without a change. Does nothing when it is no longer the caller's. */
  release(claim: Claim): Promise<void>;

  /** Makes these records due now (`lookAtMs` becomes the ledger's now where it was later). Missing ones are passed over. */
  wake(keys: readonly Key[]): Promise<void>;

  /** Whole records, ordered by cluster, then connector. */
  list(filter?: { cluster?: string; states?: readonly State[] }): Promise<Stored[]>;

  /** One narrow row per record, for gauges; ordered by cluster, then connector. */
  overview(): Promise<OverviewRow[]>;

  /** The audit trail, oldest first. `limit` (default 1000) keeps the newest ones that match. */
  events(filter?: EventFilter): Promise<AuditEvent[]>;

  /**
   * The same as one page, and where the page of older ones begins. Pages follow the order in which events were appended, so none
   * is missed and none comes twice while new ones arrive. null: `before` is none that this ledger gave out.
   */
  eventPage(filter: EventFilter & { readonly before?: string }): Promise<EventPage | null>;

  /** Keeps signals that name no connector until somebody has read their clusters; the newest 100 a cluster. */
  addHints(hints: readonly Omit<Hint, 'id'>[]): Promise<void>;
  hints(cluster: string): Promise<Hint[]>;
  dropHint(id: string): Promise<void>;

  /** What storms are decided on: the rows of one cluster at one moment. */
  storms(cluster: string): Promise<Storms>;

  /** A random text, made once for this ledger and the same for all its processes: the key of hashes in records. */
  hashKey(): Promise<string>;

  /** The pauses that have not ended. */
  pauses(): Promise<Pauses & { readonly nowMs: number }>;

  /** Sets a pause, in the place of one with the same scope, and appends the event. `full`: there are a thousand. */
  putPause(pause: Pause, event: AuditEvent): Promise<'stored' | 'full'>;

  /** Ends a pause and appends the event; false, and no event, where there was none. */
  removePause(scope: PauseScope, event: AuditEvent): Promise<boolean>;

  /** Resolves when the ledger can be written; rejects with `LedgerUnavailable`. */
  ping(): Promise<void>;

  /** Ends all work; a second call does nothing. */
  close(): Promise<void>;
}

export interface Key {
  readonly cluster: string;
  readonly connector: string;
}

/** A record with its version. Each write gives it a later one, and no version of a key is ever used twice. */
export interface Stored {
  readonly version: number;
  readonly remediation: Remediation;
}

export interface Write {
  readonly key: Key;
  /** null: the record must not exist yet. */
  readonly expectedVersion: number | null;
  readonly next: Remediation;
  readonly events: readonly AuditEvent[];
}

/** `full`: a new record was refused because `limits.remediations` is reached. */
export type WriteResult = 'stored' | 'conflict' | 'full';

export interface ClaimRequest {
  readonly cluster: string;
  readonly limit: number;
  readonly leaseMs: number;
}

export interface ClaimAnswer {
  /** The ledger's clock: the time of all decisions taken on these claims. */
  readonly nowMs: number;
  readonly claims: Claim[];
  /** The last version given out to any record: one with a later version has been written since. */
  readonly revision: number;
  /** When the next record of this cluster that was not handed out becomes due (a lease's end counts); null when there is none. */
  readonly nextDueAtMs: number | null;
  /** Records of this cluster in `restarting` that have not had their first look. */
  readonly unverified: number;
  readonly pauses: Pauses;
}

/** Pauses at one moment, ordered by cluster, then connector, wider scopes first. */
export interface Pauses {
  /** Another one after each `putPause` and `removePause`; a pause that ends by itself changes nothing. */
  readonly revision: number;
  readonly pauses: readonly Pause[];
}

/** What of the records of a cluster matters to storms. */
export interface Storms {
  /** Another one after each commit that keeps its lease, which is one before a restart, and after each probe that failed. */
  readonly revision: number;
  readonly rows: readonly StormFacts[];
}

/** See `StormRow`, which the policy makes of it. */
export interface StormFacts {
  readonly connector: string;
  readonly state: State;
  readonly hold: HoldReason | null;
  readonly escalation: EscalationReason | null;
  readonly nextAtMs: number | null;
  readonly lastRestartAtMs: number | null;
  /** Charged restarts of the rolling window, as of the record's last write. */
  readonly chargedAtMs: readonly number[];
  readonly probe: Probe | null;
}

/** A leased record. */
export interface Claim extends Stored {
  readonly token: string;
  readonly leaseUntilMs: number;
}

/** How a lease goes on after a commit. */
export interface KeepLease {
  /** From now. */
  readonly leaseMs: number;
  /**
   * A record that becomes unverified (in `restarting`, without its first look) is refused where its cluster has so many
   * of them already, whichever process made them; default: any number.
   */
  readonly unverifiedAtMost?: number;
  /** Refused with null when pauses were set or ended since; default: whatever they are. */
  readonly pausesRevision?: number;
  /** Refused with null when another restart was decided since, or a probe failed; default: whatever happened. */
  readonly stormsRevision?: number;
}

export interface OverviewRow {
  readonly cluster: string;
  readonly connector: string;
  readonly state: State;
  readonly attempts: number;
  readonly lastRestartAtMs: number | null;
  readonly escalation: EscalationReason | null;
  /** Fully qualified class of the root cause. */
  readonly causeClass: string | null;
  readonly hold: HoldReason | null;
}

export interface EventFilter {
  /** Events at this time or after it. */
  readonly sinceMs?: number;
  /** Events at this time or before it. */
  readonly untilMs?: number;
  readonly cluster?: string;
  readonly connector?: string;
  readonly limit?: number;
}

export interface EventPage {
  /** Oldest first. */
  readonly events: readonly AuditEvent[];
  /** `before` of the page of older ones; null: there are none. */
  readonly next: string | null;
}

/** A signal that names a cluster but no connector. */
export interface Hint {
  readonly id: string;
  readonly cluster: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly fingerprint: string;
  readonly atMs: number;
}

export interface LedgerLimits {
  /** Records at most; new ones are refused beyond. */
  readonly remediations: number;
  /** Audit events at most; the oldest go. */
  readonly events: number;
}

/** The ledger cannot be read or written now. `message` says why, without secrets. */
export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable';
}
