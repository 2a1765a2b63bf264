import { afterRefusalMs, firstHold, type HoldSeen, REBALANCING_AT_MOST_MS } from './holds.ts';
import type { Context } from './look.ts';
import type { Decision, Hold, Phase } from './model.ts';
import { enter, FIRST_LOOK_MS, LOOK_EVERY_MS } from './transitions.ts';
import type { ConnectLook } from './verdict.ts';

/** Not acting, for a named reason: which hold is shown, and when to look again. */

export const notSettled: HoldSeen = {
  reason: 'rebalancing',
  detail: 'parts are UNASSIGNED or RESTARTING',
  untilMs: null,
};

export function unreadable(connect: ConnectLook): HoldSeen[] {
  if (connect.kind !== 'unreadable') return [];
  const reason = connect.reason === 'unauthorized' ? 'unauthorized' : 'connect_unreachable';
  return [{ reason, detail: connect.detail, untilMs: null }];
}

/** Everything that speaks against acting on a connector that is failed and due. */
export function holdsOf({ r, look, policy, nowMs }: Context): HoldSeen[] {
  const holds = [...look.holds];
  if (!policy.enabled) {
    holds.push({ reason: 'opted_out', detail: 'policy.enabled is false', untilMs: null });
  }
  if (r.mixedSinceMs !== null && nowMs - r.mixedSinceMs < REBALANCING_AT_MOST_MS) {
    holds.push({
      reason: 'rebalancing',
      detail: 'FAILED parts beside UNASSIGNED or RESTARTING ones',
      untilMs: r.mixedSinceMs + REBALANCING_AT_MOST_MS,
    });
  }
  return holds;
}

/** The hold to show, and when to look again. `since` goes on while the reason stays the same. */
function held(
  context: Context,
  before: Hold | null,
  refusals: number,
  holds: readonly HoldSeen[],
): { hold: Hold; lookAtMs: number } {
  const { nowMs } = context;
  const seen = firstHold(holds) ?? notSettled;
  const sinceMs = before?.reason === seen.reason ? before.sinceMs : nowMs;
  const asksAgain = seen.reason === 'connect_unreachable' || seen.reason === 'unauthorized';
  const afterMs =
    seen.reason === 'concurrency'
      ? FIRST_LOOK_MS
      : asksAgain
        ? afterRefusalMs(Math.max(1, refusals))
        : LOOK_EVERY_MS;
  const lookAtMs = Math.min(nowMs + afterMs, Math.max(nowMs, seen.untilMs ?? Number.POSITIVE_INFINITY));
  return { hold: { ...seen, sinceMs }, lookAtMs };
}

export function hold(
  context: Context,
  nextAtMs: number,
  before: Hold | null,
  refusals: number,
  holds: readonly HoldSeen[],
): Decision {
  const shown = held(context, before, refusals, holds);
  const phase: Phase = { state: 'held', nextAtMs, hold: shown.hold, refusals };
  return enter(context.r, phase, shown.hold.reason, context.nowMs, shown.lookAtMs, shown.hold.detail);
}

export function holdEscalated(
  context: Context,
  phase: Extract<Phase, { state: 'escalated' }>,
  refusals: number,
  holds: readonly HoldSeen[],
): Decision {
  const shown = held(context, phase.hold, refusals, holds);
  const next: Phase = { ...phase, hold: shown.hold, refusals };
  return enter(context.r, next, shown.hold.reason, context.nowMs, shown.lookAtMs, shown.hold.detail);
}
