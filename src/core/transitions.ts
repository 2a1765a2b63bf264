import { afterRefusalMs } from './holds.ts';
import type {
  Attempt,
  Decision,
  Effect,
  EscalationReason,
  Hold,
  HoldReason,
  Phase,
  Reason,
  Remediation,
  RestartOutcome,
  RestartPlan,
} from './model.ts';
import { jittered, type Policy } from './policy.ts';
import { endProbe, probeOf, restProbe } from './storm.ts';

/** The moves between states, as changes of the record. Which move is made is decided in decide.ts. */

/** Looks while `stabilising`, `held` and late in `restarting` are this far apart. */
export const LOOK_EVERY_MS = 15_000;
/** A remediation that rests is woken when the cluster's bulk read shows news; this is the net below that. */
export const REST_LOOK_MS = 10 * 60_000;
const HISTORY_LENGTH = 50;
const ATTEMPT_LOG_LENGTH = 20;
/** The first look after a call comes this soon; a place under `maxUnverified` is free again then. */
export const FIRST_LOOK_MS = 2_000;

const nothing: Effect = { type: 'none' };

/** No move: the reason and the next look change, and nothing is worth telling. */
export function stay(r: Remediation, reason: Reason, lookAtMs: number): Decision {
  return { next: { ...r, reason, lookAtMs }, effect: nothing, reason };
}

/** The record is removed: its rolling window is over. */
export function removed(): Decision {
  return { next: null, effect: nothing, reason: 'window_over' };
}

/** A move into a phase; told in the history when the state or the hold changes, or an attempt is made. */
export function enter(
  r: Remediation,
  phase: Phase,
  reason: Reason,
  nowMs: number,
  lookAtMs: number,
  detail: string | null = null,
  effect: Effect = nothing,
): Decision {
  const next: Remediation = {
    ...r,
    phase,
    reason,
    lookAtMs,
    sinceMs: r.phase.state === phase.state ? r.sinceMs : nowMs,
  };
  if (!isNews(r, next) && effect.type === 'none') return { next, effect, reason };
  return { next: tell(next, reason, nowMs, detail), effect, reason };
}

/** Adds a line to the remediation's own story; the oldest lines go. */
export function tell(r: Remediation, reason: Reason, nowMs: number, detail: string | null): Remediation {
  const attempt = r.attempts > 0 ? r.attempts : null;
  const entry = { atMs: nowMs, state: r.phase.state, reason, attempt, detail };
  return { ...r, history: [...r.history, entry].slice(-HISTORY_LENGTH) };
}

/** Worth an audit event, a log line and a line of history: another state, another hold, an escalation. */
export function isNews(before: Remediation, after: Remediation): boolean {
  return (
    before.phase.state !== after.phase.state ||
    holdOf(before)?.reason !== holdOf(after)?.reason ||
    before.escalation?.reason !== after.escalation?.reason
  );
}

/** The hold that is shown, where there is one. */
export function holdOf(r: Remediation): Hold | null {
  return r.phase.state === 'held' || r.phase.state === 'escalated' ? r.phase.hold : null;
}

/** The next attempt where one is scheduled. */
export function nextAtMsOf(r: Remediation): number | null {
  const { phase } = r;
  return phase.state === 'waiting' || phase.state === 'held' || phase.state === 'escalated'
    ? phase.nextAtMs
    : null;
}

/** One more attempt, charged before the call is made: a crash in between costs one, the other order could restart without a record. */
export function attempting(
  r: Remediation,
  from: { from: 'waiting' | 'escalated'; dueAtMs: number; refusals: number },
  plan: RestartPlan,
  policy: Policy,
  nowMs: number,
): Decision {
  const number = r.attempts + 1;
  const attempt: Attempt = { number, atMs: nowMs, outcome: null, detail: null };
  const charged: Remediation = {
    ...r,
    attempts: number,
    attemptLog: [...r.attemptLog, attempt].slice(-ATTEMPT_LOG_LENGTH),
    chargedAtMs: [...r.chargedAtMs, nowMs],
    lastRestartAtMs: nowMs,
    // A restart makes a connector half failed and half on its way for a moment: what follows is counted anew.
    mixedSinceMs: null,
    mixedSeenAtMs: null,
    probe: probeOf(r, nowMs),
  };
  const phase: Phase = {
    state: 'restarting',
    calledAtMs: nowMs,
    looks: 0,
    previousRestartAtMs: r.lastRestartAtMs,
    ...from,
  };
  const effect: Effect = { type: 'restart', attempt: number, plan, dryRun: policy.dryRun };
  const lookAtMs = nowMs + nextLookAfterCallMs(0, policy);
  const detail = policy.dryRun ? 'dry run: no call is made' : null;
  return enter(charged, phase, 'attempt', nowMs, lookAtMs, detail, effect);
}

/** A human is needed. The first escalation of a failure stays the one shown. */
export function escalating(
  r: Remediation,
  reason: EscalationReason,
  nextAtMs: number | null,
  nowMs: number,
): Decision {
  const flagged: Remediation = {
    ...r,
    probe: endProbe(r.probe, 'other', nowMs),
    escalation: r.escalation ?? { reason, sinceMs: nowMs },
  };
  const phase: Phase = { state: 'escalated', nextAtMs, hold: null, refusals: 0, retryAtMs: 0 };
  const lookAtMs = Math.min(nextAtMs ?? Number.POSITIVE_INFINITY, nowMs + REST_LOOK_MS);
  return enter(flagged, phase, reason, nowMs, lookAtMs);
}

/** Paused, stopped, gone or no longer configured: a tombstone, kept as long as a restart would count. */
export function closing(
  r: Remediation,
  as: 'off' | 'gone' | 'unconfigured',
  policy: Policy,
  nowMs: number,
): Decision {
  const untilMs = nowMs + policy.budget.perMs;
  const phase: Phase = { state: 'closed', as, untilMs, ranSince: false };
  return enter({ ...r, escalation: null, probe: restProbe(r.probe) }, phase, as, nowMs, untilMs);
}

/** A new failure of a connector whose window is still open: the count starts at 0, the window is kept. */
export function reopening(
  r: Remediation,
  reason: Reason,
  openedAtMs: number,
  policy: Policy,
  nowMs: number,
): Decision {
  const fresh: Remediation = {
    ...r,
    openedAtMs,
    attempts: 0,
    escalation: null,
    // A silence over an alert of the last failure says nothing about this one.
    alerts: r.alerts.filter(({ status }) => status === 'firing'),
    signalAtMs: null,
    mixedSinceMs: null,
    mixedSeenAtMs: null,
    missingSinceMs: null,
  };
  const nextAtMs = firstAttemptAtMs(fresh, policy);
  return enter(fresh, { state: 'waiting', nextAtMs }, reason, nowMs, nowMs);
}

/**
 * What a dry run counted is taken back once it is switched off: nothing was restarted. Charges from before it stay. (Of more
 * dry attempts than are logged the older charges stay too: rather a restart too few.)
 */
export function forgetDryRun(r: Remediation, policy: Policy, nowMs: number): Remediation {
  const firstDry = r.attemptLog.find(({ outcome }) => outcome === 'dry_run');
  if (policy.dryRun || firstDry === undefined) return r;
  const chargedAtMs = r.chargedAtMs.filter((atMs) => atMs < firstDry.atMs);
  const fresh: Remediation = {
    ...r,
    attempts: 0,
    attemptLog: r.attemptLog.filter(({ outcome, atMs }) => outcome !== 'dry_run' && atMs < firstDry.atMs),
    chargedAtMs,
    lastRestartAtMs: chargedAtMs[chargedAtMs.length - 1] ?? null,
    escalation: null,
    probe: r.probe !== null && r.probe.atMs < firstDry.atMs ? r.probe : null,
  };
  const { state } = r.phase;
  if (state === 'stabilising' || state === 'recovered' || state === 'closed') return fresh;
  const phase: Phase = { state: 'waiting', nextAtMs: firstAttemptAtMs(fresh, policy) };
  const sinceMs = state === 'waiting' ? r.sinceMs : nowMs;
  return tell({ ...fresh, phase, sinceMs }, 'delay', nowMs, 'the dry run is over: nothing was restarted');
}

/** `openedAt` plus the first delay. */
export function firstAttemptAtMs(
  r: Pick<Remediation, 'cluster' | 'connector' | 'openedAtMs' | 'attempts'>,
  policy: Policy,
): number {
  return r.openedAtMs + jittered(policy.delaysMs[0] ?? 0, policy.jitter, r);
}

const uncharged: Partial<Record<RestartOutcome, HoldReason>> = {
  conflict: 'rebalancing',
  refused: 'connect_unreachable',
  unauthorized: 'unauthorized',
};

/** The next look after a call: after 2s, right after `settle`, after 10s, then every 15s, and right at `stuckAfter`. */
export function nextLookAfterCallMs(
  elapsedMs: number,
  { settleMs, stuckAfterMs }: Pick<Policy, 'settleMs' | 'stuckAfterMs'>,
): number {
  const early = [FIRST_LOOK_MS, settleMs, 10_000].sort((a, b) => a - b);
  const last = early[early.length - 1] ?? 0;
  const regular =
    early.find((atMs) => atMs > elapsedMs) ??
    last + LOOK_EVERY_MS * (Math.floor((elapsedMs - last) / LOOK_EVERY_MS) + 1);
  return stuckAfterMs > elapsedMs ? Math.min(regular, stuckAfterMs) : regular;
}

/**
 * Writes down what came back from the restart call of the attempt under way. What Connect surely did not do is not
 * charged: the attempt is taken back and a hold says why, with the next try after 1s growing to 1min, and no sooner, whatever
 * signals come. Anything ambiguous stays charged, and the next thing done is a look. Delays count from when the call ended.
 */
export function settleCall(
  r: Remediation,
  outcome: RestartOutcome,
  detail: string | null,
  policy: Policy,
  nowMs: number,
): Remediation {
  const { phase } = r;
  if (phase.state !== 'restarting') return r;
  const holdReason = uncharged[outcome];
  if (holdReason === undefined && outcome !== 'not_sent') {
    return {
      ...r,
      attemptLog: r.attemptLog.map((attempt, index) =>
        index === r.attemptLog.length - 1 ? { ...attempt, outcome, detail } : attempt,
      ),
      chargedAtMs: [...r.chargedAtMs.slice(0, -1), nowMs],
      lastRestartAtMs: nowMs,
      phase: { ...phase, calledAtMs: nowMs, refusals: 0 },
      lookAtMs: nowMs + nextLookAfterCallMs(0, policy),
    };
  }
  const takenBack: Remediation = {
    ...r,
    attempts: r.attempts - 1,
    attemptLog: r.attemptLog.slice(0, -1),
    chargedAtMs: r.chargedAtMs.slice(0, -1),
    lastRestartAtMs: phase.previousRestartAtMs,
    probe: endProbe(r.probe, 'other', nowMs),
  };
  const { dueAtMs: nextAtMs } = phase;
  if (holdReason === undefined) {
    const { refusals } = phase;
    const back: Phase =
      phase.from === 'escalated'
        ? { state: 'escalated', nextAtMs, hold: null, refusals, retryAtMs: 0 }
        : { state: 'waiting', nextAtMs };
    return enter(takenBack, back, 'not_sent', nowMs, nowMs, detail).next ?? takenBack;
  }
  const refusals = phase.refusals + 1;
  const hold: Hold = { reason: holdReason, detail, sinceMs: nowMs, untilMs: null };
  const retryAtMs = nowMs + afterRefusalMs(refusals);
  const state = phase.from === 'escalated' ? 'escalated' : 'held';
  const heldPhase: Phase = { state, nextAtMs, hold, refusals, retryAtMs };
  return enter(takenBack, heldPhase, holdReason, nowMs, retryAtMs, detail).next ?? takenBack;
}
