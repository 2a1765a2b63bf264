import type { AuditEvent, Decision, Reason, Remediation, RestartOutcome } from '../core/model.ts';
import type { Signal } from '../core/signals.ts';
import { holdOf, isNews, nextAtMsOf } from '../core/transitions.ts';

/** What the loop tells the outside: metrics and logs listen here. */
export interface Reporter {
  decided(cluster: string, reason: Reason): void;
  /** Another state, another hold, an escalation or an attempt: one line tells what, about what, and why. */
  news(story: Story): void;
  /** A first signal opened a remediation. */
  opened(signal: Signal): void;
  /** Alerts of one webhook that nobody will look at, by why, with the labels of one of them. */
  ignored(what: { why: string; count: number; example: Readonly<Record<string, string>> | null }): void;
  /** What came back from a restart call. */
  restarted(call: RestartTold): void;
  /** From the webhook's arrival to the restart call, for a first attempt on the replica that took the webhook. */
  reacted(seconds: number): void;
  recovered(seconds: number): void;
  limitHit(limit: 'remediations' | 'alerts_per_remediation' | 'events', count: number): void;
  ledgerUp(up: boolean, detail: string): void;
  clusterReadable(cluster: string, readable: boolean, detail: string): void;
  /** An Alertmanager stopped to answer in full, or does so again. */
  alertmanagerReadable(name: string, readable: boolean, detail: string): void;
  /** No Alertmanager lists its alerts, or one does again. */
  alertsReadable(readable: boolean, detail: string): void;
  /** Restart calls to a cluster are stopped for a while (`open`), or made again. */
  breaker(cluster: string, open: boolean): void;
  fault(what: string, error: unknown): void;
}

export interface RestartTold {
  readonly cluster: string;
  readonly connector: string;
  readonly attempt: number;
  readonly outcome: RestartOutcome;
  readonly detail: string | null;
}

/** One line of the log. */
export interface Story {
  readonly cluster: string;
  readonly connector: string;
  readonly from: string;
  readonly state: string;
  readonly reason: Reason;
  readonly attempt: number | null;
  readonly detail: string | null;
  readonly cause: { readonly class: string; readonly message: string } | null;
  readonly nextAtMs: number | null;
  readonly escalation: string | null;
  readonly effect: 'none' | 'restart' | 'dry_run';
}

export const ACTOR = 'connect-medic';

/** The audit events of a decision: none where it changes nothing that an operator would want to know. */
export function auditOf(before: Remediation, decision: Decision, nowMs: number): AuditEvent[] {
  const { next, effect, reason } = decision;
  if (next !== null && effect.type === 'none' && !isNews(before, next)) return [];
  return [
    {
      atMs: nowMs,
      cluster: before.cluster,
      connector: before.connector,
      kind: 'decision',
      reason,
      attempt: effect.type === 'restart' ? effect.attempt : null,
      actor: ACTOR,
      detail: (next === null ? null : holdOf(next)?.detail) ?? null,
    },
  ];
}

/** The log line of a decision, where it is news. */
export function storyOf(before: Remediation, decision: Decision): Story | null {
  const { next, effect, reason } = decision;
  if (next !== null && effect.type === 'none' && !isNews(before, next)) return null;
  const after = next ?? before;
  return {
    cluster: before.cluster,
    connector: before.connector,
    from: before.phase.state,
    state: next === null ? 'removed' : after.phase.state,
    reason,
    attempt: after.attempts > 0 ? after.attempts : null,
    detail: holdOf(after)?.detail ?? null,
    cause: after.cause,
    nextAtMs: nextAtMsOf(after),
    escalation: after.escalation?.reason ?? null,
    effect: effect.type === 'restart' ? (effect.dryRun ? 'dry_run' : 'restart') : 'none',
  };
}
