import type * as Type from 'typebox/type';
import type { Pack } from '../core/diagnosis.ts';
import type { Remediation } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import { holdOf, nextAtMsOf } from '../core/transitions.ts';
import type { AttemptSchema, RemediationSchema } from './schemas.ts';
import { rfc3339, time } from './time.ts';

/** A remediation as the API shows it; times are RFC 3339 UTC. */
export type RemediationJson = Type.Static<typeof RemediationSchema>;

/** A remediation as the API shows it. `brief`: without alerts and history, which are most of it. */
export function toJson(
  one: Remediation,
  policy: Policy,
  pack: Pick<Pack, 'advice'>,
  { brief = false } = {},
): RemediationJson {
  const hold = holdOf(one);
  const rule = one.cause?.rule ?? null;
  const advice = rule === null ? null : pack.advice(rule);
  return {
    cluster: one.cluster,
    connector: one.connector,
    state: one.phase.state,
    reason: one.reason,
    attempts: one.attempts,
    attemptsMax: attemptsMax(one, policy),
    nextAt: time(nextAtMsOf(one)),
    since: rfc3339(one.sinceMs),
    lastRestartAt: time(one.lastRestartAtMs),
    escalation:
      one.escalation === null
        ? null
        : { reason: one.escalation.reason, since: rfc3339(one.escalation.sinceMs) },
    cause: one.cause && { ...one.cause, because: advice?.because ?? null, do: advice?.do ?? null },
    hold:
      hold === null
        ? null
        : {
            reason: hold.reason,
            detail: hold.detail,
            since: rfc3339(hold.sinceMs),
            until: time(hold.untilMs),
          },
    alerts: brief
      ? []
      : one.alerts.map(({ fingerprint, labels, status }) => ({ fingerprint, labels: { ...labels }, status })),
    history: brief ? [] : one.history.map(({ atMs, ...entry }) => ({ at: rfc3339(atMs), ...entry })),
  };
}

/** The latest attempts, oldest first. */
export function attemptsJson(one: Remediation): Type.Static<typeof AttemptSchema>[] {
  return one.attemptLog.map(({ number, atMs, outcome, detail }) => ({
    number,
    at: rfc3339(atMs),
    outcome,
    detail,
  }));
}

/** How many attempts this failure gets before a human is called. */
function attemptsMax({ cause }: Remediation, { permanent, delaysMs }: Policy): number {
  return cause?.verdict === 'permanent' ? Math.min(permanent.restarts, delaysMs.length) : delaysMs.length;
}
