import type { Probe } from './storm.ts';

/**
 * The vocabulary of connect-medic as types. One word per idea, the same in code, metrics, logs, API and docs.
 *
 *  cluster      one Kafka Connect cluster: a name, one or more REST URLs
 *  connector    Kafka Connect's own word, and the unit of remediation; tasks are its parts
 *  signal       what one alert says (see signals.ts)
 *  remediation  the record kept for one (cluster, connector) from its first signal until its rolling window is over
 *  attempt      one decided restart: number, when, why, what came back
 *  budget       what is left: the list of delays, and the rolling window (see policy.ts)
 *  look         one reading of the world for a remediation
 *  verdict      a look at Connect boiled down (see verdict.ts)
 *  diagnosis    what the failure's trace says: transient, permanent or unknown, with its root cause
 *  hold         a named reason not to act now (see holds.ts)
 *  escalation   a human is needed
 *
 * Times inside are epoch milliseconds on the ledger's clock (`…AtMs`, `…SinceMs`), spans are milliseconds (`…Ms`).
 */

/** Where a remediation is. The transitions are told above the code in decide.ts. */
export const states = [
  'waiting',
  'held',
  'restarting',
  'stabilising',
  'escalated',
  'recovered',
  'closed',
] as const;
export type State = (typeof states)[number];

/** Why a human is needed. Once set it stays until the remediation is recovered or closed. */
export const escalationReasons = ['exhausted', 'permanent', 'unstable', 'stuck'] as const;
export type EscalationReason = (typeof escalationReasons)[number];

/** Named reasons not to act now, in the order in which they are tested: the first that holds is the one shown. */
export const holdReasons = [
  'paused',
  'opted_out',
  'silenced',
  'inhibited',
  'alertmanager_unreachable',
  'unauthorized',
  'connect_unreachable',
  'rebalancing',
  'canary',
  'concurrency',
  'breaker',
] as const;
export type HoldReason = (typeof holdReasons)[number];

/**
 * Why a decision was taken: the closed label set of `connect_medic_decisions_total{reason}`.
 * Doing nothing has a reason as well.
 */
export const reasons = [
  ...holdReasons,
  ...escalationReasons,
  /** A first signal opened the remediation. */
  'signal',
  /** Failed, and the delay before the next attempt is not over. */
  'delay',
  /** A restart is made. */
  'attempt',
  /** FAILED, but so soon after the restart that it may be the old status. */
  'settling',
  /** The restart was made, and its effect cannot be seen yet. */
  'verifying',
  /** The last restart did not hold: the next delay runs. */
  'failed_again',
  /** Everything runs: now it has to stay so. */
  'running',
  /** Runs, and has not run long enough. */
  'stabilising',
  /** Parts are neither running nor failed: the stable time starts anew. */
  'unsettled',
  /** Connect could not be read: time unseen does not count as stable. */
  'unseen',
  /** Ran for the whole stable time. */
  'stable',
  /** The connector is paused or stopped: somebody meant it. */
  'off',
  /** The connector does not exist any more. */
  'gone',
  /** A first 404 from Connect: a second one is needed to believe it. */
  'missing',
  /** A closed connector is on again and failed. */
  'on_again',
  /** Failed after it had recovered, and no signal says so yet. */
  'awaiting_signal',
  /** Nothing to do: the remediation rests until its rolling window is over. */
  'resting',
  /** The rolling window is over: the record is removed. */
  'window_over',
  /** The restart was not sent: the look was too old or the lease too short by then. */
  'not_sent',
  /** The configuration names this cluster no more. */
  'unconfigured',
  /** An operator asked for it. */
  'operator',
  /** The connector's configuration was changed: its place in the list of delays begins anew. */
  'reconfigured',
] as const;
export type Reason = (typeof reasons)[number];

/** The states of a connector or a task, as Kafka Connect writes them. */
export const connectStates = ['UNASSIGNED', 'RUNNING', 'PAUSED', 'FAILED', 'RESTARTING', 'STOPPED'] as const;
export type ConnectState = (typeof connectStates)[number];

/** One part of a connector (the connector instance itself or a task) as Connect's REST API reports it. */
export interface PartStatus {
  readonly state: ConnectState;
  /** `host:port` of the worker that runs it; empty when Connect names none. */
  readonly workerId: string;
  /** The Java stack trace; Connect gives one for FAILED parts only, and not always. */
  readonly trace: string | null;
}

/** `GET /connectors/{c}/status`, or one entry of `GET /connectors?expand=status`. */
export interface ConnectorStatus {
  readonly connector: PartStatus;
  readonly tasks: readonly (PartStatus & { readonly id: number })[];
}

/** What a connector's own configuration says to connect-medic; the rest of it is never kept. */
export interface ConnectorSettings {
  /** `connect.medic.enabled=false`. */
  readonly optedOut: boolean;
  /** `connector.class`; null where the configuration has none. */
  readonly connectorClass: string | null;
  /** Keyed hash of the whole configuration; null where there is no key yet. */
  readonly configHash: string | null;
}

/** What a look at Connect boils down to. */
export const verdicts = ['failed', 'running', 'unsettled', 'off', 'gone', 'unknown'] as const;
export type Verdict = (typeof verdicts)[number];

/** What a trace says about the use of a restart. */
export type DiagnosisVerdict = 'transient' | 'permanent' | 'unknown';

/** The root cause of a failure, masked: nothing in it may carry a secret. */
export interface Cause {
  /** Fully qualified class of the innermost exception, or `unknown` where the trace names none. */
  readonly class: string;
  /** Its message with numbers, addresses, identifiers and anything like a credential masked. */
  readonly message: string;
  readonly verdict: DiagnosisVerdict;
  /** Id of the diagnosis rule that matched; null where none did. */
  readonly rule: string | null;
}

/** One alert seen for a remediation in this failure. */
export interface AlertSeen {
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: 'firing' | 'resolved';
  readonly seenAtMs: number;
}

/** What became of a restart call (see connect/client.ts for what leads to which). */
export const restartOutcomes = [
  /** 202 or 204: accepted, not done. Charged. */
  'accepted',
  /** 409: Connect is rebalancing or busy. Not charged. */
  'conflict',
  /** Nothing was reached, so nothing was done. Not charged. */
  'refused',
  /** 401 or 403. Not charged. */
  'unauthorized',
  /** 404 with Connect's own body; it can follow a restart that was already written, hence charged. */
  'not_found',
  /** The request left and its fate is unknown: 500, timeout, reset. Charged. */
  'ambiguous',
  /** Decided, but not called: the look or the lease was too old by then. Not charged. */
  'not_sent',
  /** Decided, but not called: the policy says dryRun. Charged, so that everything else is as it would have been. */
  'dry_run',
] as const;
export type RestartOutcome = (typeof restartOutcomes)[number];

/** One decided restart. */
export interface Attempt {
  /** 1 for the first restart of a failure. */
  readonly number: number;
  readonly atMs: number;
  /** null while the call is under way, or when the process died during it. */
  readonly outcome: RestartOutcome | null;
  readonly detail: string | null;
}

export interface Hold {
  readonly reason: HoldReason;
  /** For a human: which silence and whose, what the pause says, what Connect answered. */
  readonly detail: string | null;
  readonly sinceMs: number;
  /** When it ends by itself, where that is known. */
  readonly untilMs: number | null;
}

/** Where a remediation is, with only the data of that state. */
export type Phase =
  | { readonly state: 'waiting'; readonly nextAtMs: number }
  | {
      readonly state: 'held';
      readonly nextAtMs: number;
      readonly hold: Hold;
      /** How often in a row Connect turned the call away or could not be read; grows the time to the next look. */
      readonly refusals: number;
      /** No call before this, whatever signals come: Connect turned the last one away. 0: none was. */
      readonly retryAtMs: number;
    }
  | {
      readonly state: 'restarting';
      readonly calledAtMs: number;
      /** Looks taken since the call; 0 means unverified, and counts against `maxUnverified`. */
      readonly looks: number;
      /** Where it came from and when it was due there: an attempt that turns out not to be charged goes back. */
      readonly from: 'waiting' | 'escalated';
      readonly dueAtMs: number;
      readonly previousRestartAtMs: number | null;
      readonly refusals: number;
    }
  | {
      readonly state: 'stabilising';
      /** How long it has been seen running without a gap. */
      readonly stableMs: number;
      /** The last look that saw it running; null when the last one could not see or saw it unsettled. */
      readonly seenAtMs: number | null;
    }
  | {
      readonly state: 'escalated';
      /** null: no further attempt is scheduled. */
      readonly nextAtMs: number | null;
      readonly hold: Hold | null;
      readonly refusals: number;
      readonly retryAtMs: number;
    }
  | { readonly state: 'recovered'; readonly untilMs: number }
  | {
      readonly state: 'closed';
      readonly as: 'off' | 'gone' | 'unconfigured';
      readonly untilMs: number;
      /** Seen running since: a later failure then needs a signal of its own. */
      readonly ranSince: boolean;
    };

/** One line of a remediation's own story. */
export interface HistoryEntry {
  readonly atMs: number;
  readonly state: State;
  readonly reason: Reason;
  readonly attempt: number | null;
  readonly detail: string | null;
}

/** The record kept for one (cluster, connector). */
export interface Remediation {
  readonly cluster: string;
  readonly connector: string;
  readonly phase: Phase;
  /** When it entered its state. */
  readonly sinceMs: number;
  /** Why: the last decision's. */
  readonly reason: Reason;
  /** First signal of this failure. */
  readonly openedAtMs: number;
  /** Charged attempts of this failure. */
  readonly attempts: number;
  /** The latest attempts, oldest first; bounded. */
  readonly attemptLog: readonly Attempt[];
  /** When each charged restart inside the rolling window was made, oldest first; survives recovery. */
  readonly chargedAtMs: readonly number[];
  readonly lastRestartAtMs: number | null;
  readonly escalation: { readonly reason: EscalationReason; readonly sinceMs: number } | null;
  readonly cause: Cause | null;
  /** What groups this failure with others (see signature.ts); null: nothing does, or it is not known yet. */
  readonly signature: string | null;
  /** Its last restart, as far as a storm is concerned. */
  readonly probe: Probe | null;
  /** Keyed hash of the connector's configuration when it was last looked at; null: not known. */
  readonly configHash: string | null;
  readonly alerts: readonly AlertSeen[];
  /** The last firing signal that no look at Connect has answered yet; null when all are answered. */
  readonly signalAtMs: number | null;
  /** Since when FAILED parts are seen beside UNASSIGNED or RESTARTING ones. */
  readonly mixedSinceMs: number | null;
  /** When that was last seen: what nobody saw for a while is not the same rebalance any more. */
  readonly mixedSeenAtMs: number | null;
  /** When Connect first answered 404 for it, until another answer comes. */
  readonly missingSinceMs: number | null;
  /** When to look next: the due index of the ledger. */
  readonly lookAtMs: number;
  /** Bounded, oldest first. */
  readonly history: readonly HistoryEntry[];
}

/** Which parts a restart is for. */
export type RestartPlan =
  /** All FAILED parts in one call (KIP-745). */
  | { readonly kind: 'failed' }
  /** Only these parts, each with its own call: the others are silenced or opted out. */
  | { readonly kind: 'parts'; readonly connector: boolean; readonly tasks: readonly number[] };

/** What a decision asks the interpreter (remediator.ts) to do after the commit. */
export type Effect =
  | { readonly type: 'none' }
  | {
      readonly type: 'restart';
      readonly attempt: number;
      readonly plan: RestartPlan;
      readonly dryRun: boolean;
    };

/** `next: null` removes the record. */
export interface Decision {
  readonly next: Remediation | null;
  readonly effect: Effect;
  readonly reason: Reason;
}

/** What a pause is for: a connector, a cluster (`connector` null), or everything (both null). */
export interface PauseScope {
  readonly cluster: string | null;
  readonly connector: string | null;
}

/** An operator's word that nothing is restarted in its scope; it ends by itself at `untilMs`. */
export interface Pause extends PauseScope {
  readonly reason: string;
  /** null: until somebody ends it. */
  readonly untilMs: number | null;
  /** Name of the credential that set it. */
  readonly by: string;
  readonly atMs: number;
}

/** The audit trail: every decision with its reason and actor. */
export interface AuditEvent {
  readonly atMs: number;
  /** Empty where it is about everything. */
  readonly cluster: string;
  /** Empty where it is about a cluster or everything. */
  readonly connector: string;
  readonly kind: 'signal' | 'decision' | 'restart' | 'operator';
  readonly reason: Reason;
  readonly attempt: number | null;
  /** `connect-medic` for its own decisions, else the name of the credential used. */
  readonly actor: string;
  readonly detail: string | null;
}
