import {
  canary,
  type Holding,
  hold,
  holdEscalated,
  holdsOf,
  notHeld,
  notSettled,
  unreadable,
} from './holding.ts';
import type { Context, Look } from './look.ts';
import type { Decision, EscalationReason, Phase, Reason, Remediation, Verdict } from './model.ts';
import { budgetRoomAtMs, type Policy, schedule, stableForMs, withinWindow } from './policy.ts';
import { endProbe, relapsed, restProbe } from './storm.ts';
import {
  attempting,
  closing,
  enter,
  escalating,
  firstAttemptAtMs,
  forgetDryRun,
  LOOK_EVERY_MS,
  nextLookAfterCallMs,
  REST_LOOK_MS,
  removed,
  reopening,
  stay,
  tell,
} from './transitions.ts';
import { GONE_AFTER_MS, isMixed, verdictOf } from './verdict.ts';

/** A gap between two looks longer than this was not seen, so it does not count as stable. */
const SEEN_GAP_MS = 4 * LOOK_EVERY_MS;

/**
 * Deciding is pure: what is known of a remediation, one look at the world, the policy and the time go in; the next record,
 * one effect and the reason come out. There is no clock, no I/O and no randomness here, and doing nothing has a reason too.
 *
 *  waiting      for `nextAt`. Failed and due: a hold → `held`; hopeless → `escalated`; else an attempt → `restarting`.
 *               Running → `stabilising`. Paused, stopped or gone → `closed`. Unreadable → `held`.
 *  held         a named reason not to act. As soon as it is gone: as `waiting`.
 *  restarting   the call was made. FAILED counts once `settle` has passed → next delay (`waiting`) or `escalated`;
 *               running → `stabilising`; neither for `stuckAfter` → `escalated` (stuck).
 *  stabilising  runs. Failed → next delay (`waiting`; the count goes on) or `escalated`. Seen running for `stableFor` →
 *               `recovered`. Unsettled starts the stable time anew, and time that nobody saw does not count.
 *  escalated    failed, and slow: a human is needed. Its own `nextAt` due and no hold → an attempt.
 *  recovered    rests until its rolling window is over. Failed and signalled again → `waiting`, count 0, window kept.
 *  closed       paused, stopped or gone: a tombstone that absorbs signals. On again and failed → `waiting`, count 0.
 *
 * Time drives retries, not alerts: `nextAt = lastRestartAt + delay`, and no further signal shortens it.
 */
export function decide(given: Remediation, look: Look, policy: Policy, nowMs: number): Decision {
  const remediation = afterReconfiguration(forgetDryRun(given, policy, nowMs), look, policy, nowMs);
  const verdict = verdictOf(look.connect, remediation, nowMs);
  const context: Context = {
    r: observe(remediation, look, verdict, policy, nowMs),
    look,
    policy,
    nowMs,
    signalAtMs: remediation.signalAtMs,
  };
  const { phase } = remediation;
  switch (phase.state) {
    case 'waiting':
      return decideWaiting(context, phase, verdict);
    case 'held':
      return decideHeld(context, phase, verdict);
    case 'restarting':
      return decideRestarting(context, phase, verdict);
    case 'stabilising':
      return decideStabilising(context, phase, verdict);
    case 'escalated':
      return decideEscalated(context, phase, verdict);
    case 'recovered':
      return decideRecovered(context, phase, verdict);
    case 'closed':
      return decideClosed(context, phase, verdict);
    default:
      return phase satisfies never;
  }
}

/** Notes what the look says, whatever is decided. */
function observe(
  remediation: Remediation,
  look: Look,
  verdict: Verdict,
  policy: Policy,
  nowMs: number,
): Remediation {
  const { connect } = look;
  const read = connect.kind === 'status';
  return {
    ...remediation,
    chargedAtMs: withinWindow(remediation.chargedAtMs, policy, nowMs),
    cause: verdict === 'failed' ? (look.cause ?? remediation.cause) : remediation.cause,
    signature: verdict === 'failed' ? look.signature : remediation.signature,
    configHash: look.configHash ?? remediation.configHash,
    signalAtMs: verdict === 'unknown' ? remediation.signalAtMs : null,
    ...(read ? noteMixed(remediation, isMixed(connect.status), nowMs) : {}),
    missingSinceMs: read
      ? null
      : connect.kind === 'missing'
        ? (remediation.missingSinceMs ?? nowMs)
        : remediation.missingSinceMs,
  };
}

/** Since when the connector is half failed and half on its way, seen without a gap. */
function noteMixed(
  { mixedSinceMs, mixedSeenAtMs }: Remediation,
  mixed: boolean,
  nowMs: number,
): Pick<Remediation, 'mixedSinceMs' | 'mixedSeenAtMs'> {
  if (!mixed) return { mixedSinceMs: null, mixedSeenAtMs: null };
  const goesOn = mixedSinceMs !== null && mixedSeenAtMs !== null && nowMs - mixedSeenAtMs <= SEEN_GAP_MS;
  return { mixedSinceMs: goesOn ? mixedSinceMs : nowMs, mixedSeenAtMs: nowMs };
}

function decideWaiting(
  context: Context,
  phase: Extract<Phase, { state: 'waiting' }>,
  verdict: Verdict,
): Decision {
  const { r, look, nowMs } = context;
  switch (verdict) {
    case 'failed':
      // The members of a storm keep the group's rhythm.
      if (nowMs < phase.nextAtMs && look.storm?.mayProbe !== true) return stay(r, 'delay', phase.nextAtMs);
      return decideDue(context, notHeld(phase.nextAtMs));
    case 'running':
      return stabilise(context);
    case 'unsettled':
      if (nowMs < phase.nextAtMs) return stay(r, 'unsettled', phase.nextAtMs);
      return hold(context, notHeld(phase.nextAtMs), [...look.holds, notSettled]);
    case 'off':
    case 'gone':
      return closing(r, verdict, context.policy, nowMs);
    case 'unknown':
      if (look.connect.kind === 'missing') return stay(r, 'missing', nowMs + GONE_AFTER_MS);
      return hold(context, notHeld(phase.nextAtMs), [...look.holds, ...unreadable(look.connect)]);
    default:
      return verdict satisfies never;
  }
}

function decideHeld(context: Context, phase: Extract<Phase, { state: 'held' }>, verdict: Verdict): Decision {
  const { r, look, nowMs } = context;
  switch (verdict) {
    case 'failed':
      if (nowMs < phase.nextAtMs && look.storm === null) {
        return enter(r, { state: 'waiting', nextAtMs: phase.nextAtMs }, 'delay', nowMs, phase.nextAtMs);
      }
      if (nowMs < phase.retryAtMs) return stay(r, phase.hold.reason, phase.retryAtMs);
      return decideDue(context, phase);
    case 'running':
      return stabilise(context);
    case 'unsettled':
      return hold(context, phase, [...look.holds, notSettled]);
    case 'off':
    case 'gone':
      return closing(r, verdict, context.policy, nowMs);
    case 'unknown':
      if (look.connect.kind === 'missing') return stay(r, 'missing', nowMs + GONE_AFTER_MS);
      return hold(context, phase, [...look.holds, ...unreadable(look.connect)]);
    default:
      return verdict satisfies never;
  }
}

/** Failed and due, from `waiting` or `held`. */
function decideDue(context: Context, from: Holding): Decision {
  const { r, look, policy, nowMs } = context;
  const holds = holdsOf(context);
  if (holds.length > 0) return hold(context, from, holds);
  const hopeless = schedule(r, policy, nowMs);
  if (isHopeless(hopeless.escalate, context))
    return escalating(r, hopeless.escalate, hopeless.nextAtMs, nowMs);
  const { nextAtMs: dueAtMs, refusals } = from;
  return attempting(r, { from: 'waiting', dueAtMs, refusals }, look.plan, policy, nowMs);
}

function decideRestarting(
  context: Context,
  phase: Extract<Phase, { state: 'restarting' }>,
  verdict: Verdict,
): Decision {
  const { policy, nowMs } = context;
  const elapsedMs = nowMs - phase.calledAtMs;
  const nextLookMs = phase.calledAtMs + nextLookAfterCallMs(elapsedMs, policy);
  // Only a look at which the cluster answered counts as the first look, so that one that hangs gets no further calls; but
  // a single connector that cannot be read must not take up a place for ever.
  const { connect } = context.look;
  const blind = connect.kind === 'unreadable' && connect.reason !== 'no_status';
  const looked = blind
    ? context.r
    : { ...context.r, phase: { ...phase, looks: Math.min(phase.looks + 1, 1_000) } };
  switch (verdict) {
    case 'failed':
      if (elapsedMs < policy.settleMs) return stay(looked, 'settling', nextLookMs);
      return failedAgain(context);
    case 'running':
      return stabilise(context);
    case 'unsettled':
      if (elapsedMs < policy.stuckAfterMs) return stay(looked, 'verifying', nextLookMs);
      return escalating(context.r, 'stuck', slowNextAtMs(context), nowMs);
    case 'off':
    case 'gone':
      return closing(context.r, verdict, policy, nowMs);
    case 'unknown':
      if (context.look.connect.kind === 'missing') return stay(looked, 'missing', nowMs + GONE_AFTER_MS);
      return stay(looked, 'verifying', nextLookMs);
    default:
      return verdict satisfies never;
  }
}

function decideStabilising(
  context: Context,
  phase: Extract<Phase, { state: 'stabilising' }>,
  verdict: Verdict,
): Decision {
  const { r, policy, nowMs } = context;
  switch (verdict) {
    case 'failed':
      return failedAgain(context);
    case 'running': {
      const gapMs = phase.seenAtMs === null ? 0 : nowMs - phase.seenAtMs;
      const stableMs = phase.stableMs + (gapMs > 0 && gapMs <= SEEN_GAP_MS ? gapMs : 0);
      const neededMs = stableForMs(policy, r.attempts);
      if (stableMs >= neededMs) {
        const lastMs = r.chargedAtMs[r.chargedAtMs.length - 1] ?? r.openedAtMs;
        const untilMs = Math.max(nowMs, lastMs + policy.budget.perMs);
        const probe = restProbe(endProbe(r.probe, 'proven', nowMs));
        const healed = { ...r, escalation: null, probe };
        return enter(healed, { state: 'recovered', untilMs }, 'stable', nowMs, untilMs);
      }
      const unprovenMs = policy.storm.proofMs - stableMs;
      const probe = unprovenMs <= 0 ? endProbe(r.probe, 'proven', nowMs) : r.probe;
      const seen = { ...r, probe, phase: { ...phase, stableMs, seenAtMs: nowMs } };
      const proofMs = unprovenMs > 0 ? unprovenMs : LOOK_EVERY_MS;
      return stay(seen, 'stabilising', nowMs + Math.min(LOOK_EVERY_MS, neededMs - stableMs, proofMs));
    }
    case 'unsettled': {
      const anew = { ...r, phase: { ...phase, stableMs: 0, seenAtMs: null } };
      return stay(anew, 'unsettled', nowMs + Math.min(LOOK_EVERY_MS, stableForMs(policy, r.attempts)));
    }
    case 'off':
    case 'gone':
      return closing(r, verdict, policy, nowMs);
    case 'unknown': {
      const blind = { ...r, phase: { ...phase, seenAtMs: null } };
      if (context.look.connect.kind === 'missing') return stay(blind, 'missing', nowMs + GONE_AFTER_MS);
      return stay(blind, 'unseen', nowMs + LOOK_EVERY_MS);
    }
    default:
      return verdict satisfies never;
  }
}

function decideEscalated(
  context: Context,
  phase: Extract<Phase, { state: 'escalated' }>,
  verdict: Verdict,
): Decision {
  const { r, look, policy, nowMs } = context;
  const reason: Reason = r.escalation?.reason ?? 'exhausted';
  const restMs = Math.min(phase.nextAtMs ?? Number.POSITIVE_INFINITY, nowMs + REST_LOOK_MS);
  switch (verdict) {
    case 'failed': {
      const due = phase.nextAtMs !== null && nowMs >= phase.nextAtMs;
      if (!due && look.storm?.mayProbe !== true) {
        return stay({ ...r, phase: { ...phase, hold: null } }, reason, restMs);
      }
      if (nowMs < phase.retryAtMs) return stay(r, phase.hold?.reason ?? reason, phase.retryAtMs);
      const holds = holdsOf(context);
      if (holds.length > 0) return holdEscalated(context, phase, holds);
      const roomAtMs = budgetRoomAtMs(policy, r.chargedAtMs, nowMs);
      if (roomAtMs !== null) {
        const later: Remediation = { ...r, phase: { ...phase, nextAtMs: roomAtMs, hold: null } };
        return stay(later, 'unstable', Math.min(roomAtMs, nowMs + REST_LOOK_MS));
      }
      const from = { from: 'escalated', dueAtMs: phase.nextAtMs ?? nowMs, refusals: phase.refusals } as const;
      return attempting(r, from, look.plan, policy, nowMs);
    }
    case 'running':
      return stabilise(context);
    case 'off':
    case 'gone':
      return closing(r, verdict, policy, nowMs);
    case 'unsettled':
    case 'unknown': {
      if (look.connect.kind === 'missing') return stay(r, 'missing', nowMs + GONE_AFTER_MS);
      const due = phase.nextAtMs !== null && nowMs >= phase.nextAtMs;
      if (!due) return stay(r, reason, restMs);
      const why = verdict === 'unknown' ? unreadable(look.connect) : [notSettled];
      return holdEscalated(context, phase, [...look.holds, ...why]);
    }
    default:
      return verdict satisfies never;
  }
}

function decideRecovered(
  context: Context,
  phase: Extract<Phase, { state: 'recovered' }>,
  verdict: Verdict,
): Decision {
  const { r, nowMs, signalAtMs } = context;
  if (verdict === 'failed' && signalAtMs !== null)
    return reopening(r, 'signal', signalAtMs, context.policy, nowMs);
  // A signal that no look could answer yet keeps the record, and the looks, alive.
  if (signalAtMs !== null && (verdict === 'unknown' || verdict === 'unsettled')) {
    return stay({ ...r, signalAtMs }, 'resting', nowMs + LOOK_EVERY_MS);
  }
  if (nowMs >= phase.untilMs) return removed();
  return stay(r, verdict === 'failed' ? 'awaiting_signal' : 'resting', phase.untilMs);
}

function decideClosed(
  context: Context,
  phase: Extract<Phase, { state: 'closed' }>,
  verdict: Verdict,
): Decision {
  const { r, nowMs, signalAtMs } = context;
  if (verdict === 'failed' && (!phase.ranSince || signalAtMs !== null)) {
    return reopening(r, 'on_again', signalAtMs ?? nowMs, context.policy, nowMs);
  }
  if (signalAtMs !== null && (verdict === 'unknown' || verdict === 'unsettled')) {
    const soonMs = nowMs + (context.look.connect.kind === 'missing' ? GONE_AFTER_MS : LOOK_EVERY_MS);
    return stay({ ...r, signalAtMs }, 'resting', soonMs);
  }
  if (nowMs >= phase.untilMs) return removed();
  switch (verdict) {
    case 'running':
      return stay({ ...r, phase: { ...phase, ranSince: true } }, 'resting', phase.untilMs);
    case 'off':
    case 'gone':
      return stay({ ...r, phase: { ...phase, as: verdict, ranSince: false } }, verdict, phase.untilMs);
    case 'failed':
    case 'unsettled':
    case 'unknown':
      return stay(r, 'resting', phase.untilMs);
    default:
      return verdict satisfies never;
  }
}

/** The last restart did not hold, or there was none and it failed while it was watched. */
function failedAgain(context: Context): Decision {
  const { look, policy, nowMs } = context;
  const same = context.r.probe?.signature === look.signature;
  const r = { ...context.r, probe: endProbe(context.r.probe, same ? 'failed' : 'other', nowMs) };
  const { nextAtMs, escalate } = schedule(r, policy, nowMs);
  if (isHopeless(escalate, { ...context, r })) return escalating(r, escalate, nextAtMs, nowMs);
  if (look.storm !== null && (escalate !== null || nextAtMs === null)) {
    return hold({ ...context, r }, notHeld(nextAtMs ?? nowMs), [canary(look.storm)]);
  }
  if (nextAtMs === null) return escalating(r, 'exhausted', null, nowMs);
  const reason: Reason = r.attempts > 0 ? 'failed_again' : 'delay';
  return enter(r, { state: 'waiting', nextAtMs }, reason, nowMs, nextAtMs);
}

/**
 * A storm's probes exhaust nobody: what stands behind them is one outage, and a human hears of it from the first. But `thenEvery: off`
 * is the user's word that nothing comes after the list, and who ran for long and failed again has a trouble of its own.
 */
function isHopeless(
  escalate: EscalationReason | null,
  { r, look, policy }: Context,
): escalate is EscalationReason {
  if (escalate === null) return false;
  if (look.storm === null || escalate === 'permanent') return true;
  if (escalate === 'exhausted' && policy.thenEveryMs === null) return true;
  return r.probe !== null && relapsed(r.probe, policy.storm.proofMs);
}

/**
 * Somebody changed the connector's configuration, perhaps the very thing that was wrong: the list of delays begins anew. The
 * rolling window does not, or a pipeline that rewrites configurations would buy restarts with it.
 */
function afterReconfiguration(r: Remediation, look: Look, policy: Policy, nowMs: number): Remediation {
  if (look.configHash === null || r.configHash === null || look.configHash === r.configHash) return r;
  const anew: Remediation = { ...r, configHash: look.configHash, attempts: 0, escalation: null };
  const { state } = r.phase;
  if (state !== 'waiting' && state !== 'held' && state !== 'escalated') return anew;
  const phase: Phase = { state: 'waiting', nextAtMs: firstAttemptAtMs(anew, policy) };
  return tell(
    { ...anew, phase, sinceMs: state === 'waiting' ? r.sinceMs : nowMs },
    'reconfigured',
    nowMs,
    null,
  );
}

function stabilise({ r, policy, nowMs }: Context): Decision {
  const lookAtMs = nowMs + Math.min(LOOK_EVERY_MS, stableForMs(policy, r.attempts));
  return enter(r, { state: 'stabilising', stableMs: 0, seenAtMs: nowMs }, 'running', nowMs, lookAtMs);
}

function slowNextAtMs({ r, policy }: Context): number | null {
  return policy.thenEveryMs === null ? null : (r.lastRestartAtMs ?? r.openedAtMs) + policy.thenEveryMs;
}
