import { afterRefusalMs, firstHold, type HoldSeen, REBALANCING_AT_MOST_MS } from './holds.ts';
import type { Context } from './look.ts';
import type { Decision, Hold, Phase } from './model.ts';
import type { Storm } from './storm.ts';
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

/** A member of a storm that is not its turn. */
export function canary({ members, probing, window, nextProbeAtMs }: Storm): HoldSeen {
  const others = `${members} connectors fail alike and share their restarts: ${probing} of ${window} under way`;
  return { reason: 'canary', detail: others, untilMs: nextProbeAtMs };
}

/** How often a held member of a storm is looked at: the elected ones are woken, so a large crowd need not hurry. */
function canaryLookMs({ members }: Storm): number {
  return Math.min(60_000, Math.max(LOOK_EVERY_MS, members * 60));
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
  if (look.storm !== null && !look.storm.mayProbe) holds.push(canary(look.storm));
  return holds;
}

/** What a hold goes on from. */
export interface Holding {
  readonly nextAtMs: number;
  readonly hold: Hold | null;
  readonly refusals: number;
  readonly retryAtMs: number;
}

/** Nothing was held before. */
export function notHeld(nextAtMs: number): Holding {
  return { nextAtMs, hold: null, refusals: 0, retryAtMs: 0 };
}

/** The hold to show, and when to look again. `since` goes on while the reason stays the same. */
function held(
  context: Context,
  from: Pick<Holding, 'hold' | 'refusals'>,
  holds: readonly HoldSeen[],
): { hold: Hold; refusals: number; lookAtMs: number } {
  const { nowMs } = context;
  const seen = firstHold(holds) ?? notSettled;
  const sinceMs = from.hold?.reason === seen.reason ? from.hold.sinceMs : nowMs;
  const refused = seen.reason === 'connect_unreachable' || seen.reason === 'unauthorized';
  const refusals = from.refusals + (refused ? 1 : 0);
  const { storm } = context.look;
  const plainMs = seen.reason === 'canary' && storm !== null ? canaryLookMs(storm) : LOOK_EVERY_MS;
  const afterMs =
    seen.reason === 'concurrency' ? FIRST_LOOK_MS : refused ? afterRefusalMs(refusals) : plainMs;
  const lookAtMs = Math.min(nowMs + afterMs, Math.max(nowMs, seen.untilMs ?? Number.POSITIVE_INFINITY));
  return { hold: { ...seen, sinceMs }, refusals, lookAtMs };
}

export function hold(context: Context, from: Holding, holds: readonly HoldSeen[]): Decision {
  const { lookAtMs, ...shown } = held(context, from, holds);
  const phase: Phase = { state: 'held', nextAtMs: from.nextAtMs, retryAtMs: from.retryAtMs, ...shown };
  return enter(context.r, phase, shown.hold.reason, context.nowMs, lookAtMs, shown.hold.detail);
}

/** The same for one that is escalated: it stays so, and shows the hold. */
export function holdEscalated(
  context: Context,
  phase: Extract<Phase, { state: 'escalated' }>,
  holds: readonly HoldSeen[],
): Decision {
  const { lookAtMs, ...shown } = held(context, phase, holds);
  const next: Phase = { ...phase, ...shown };
  return enter(context.r, next, shown.hold.reason, context.nowMs, lookAtMs, shown.hold.detail);
}
