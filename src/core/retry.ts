import type { Attempt, Phase, Remediation } from './model.ts';
import { tell } from './transitions.ts';

/**
 * An operator's retry: the record as it is with a fresh budget. The count starts at 0, the rolling window is empty, the
 * escalation is taken back, and the next attempt is due now.
 *
 * A restart that is under way in `restarting` is not made again: right after the call Connect may still show the old FAILED,
 * and a second restart would follow within a second. It becomes the first attempt of the fresh budget instead, and is only
 * looked at sooner. What was noted of the world (a rebalance, a first 404) stays: the operator said nothing about that.
 *
 * `actor` is the name of the credential, for the remediation's own story.
 */
export function retried(r: Remediation, actor: string, nowMs: number): Remediation {
  const fresh: Remediation = { ...r, ...budgetOf(r), escalation: null, reason: 'operator', lookAtMs: nowMs };
  const phase: Phase =
    r.phase.state === 'restarting'
      ? // Where its call is refused it is held, not escalated for no reason.
        { ...r.phase, from: 'waiting' }
      : { state: 'waiting', nextAtMs: nowMs };
  const isNew = r.phase.state === 'recovered' || r.phase.state === 'closed';
  const next: Remediation = {
    ...fresh,
    phase,
    sinceMs: r.phase.state === phase.state ? r.sinceMs : nowMs,
    // What rested begins a failure of its own, or its time to recovery would count from the last one.
    openedAtMs: isNew ? nowMs : r.openedAtMs,
  };
  return tell(next, 'operator', nowMs, `retry asked for by ${actor}`);
}

/** Nothing used; or, while a restart is under way, that one. */
function budgetOf(r: Remediation): Pick<Remediation, 'attempts' | 'attemptLog' | 'chargedAtMs'> {
  const { attemptLog } = r;
  if (r.phase.state !== 'restarting') return { attempts: 0, attemptLog, chargedAtMs: [] };
  const underWay = attemptLog.length - 1;
  const asFirst = (attempt: Attempt, index: number): Attempt =>
    index === underWay ? { ...attempt, number: 1 } : attempt;
  return { attempts: 1, attemptLog: attemptLog.map(asFirst), chargedAtMs: r.chargedAtMs.slice(-1) };
}
