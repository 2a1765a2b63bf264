import type { ConnectClient, ReadResult } from '../connect/client.ts';
import { type HoldSeen, pausedBy } from '../core/holds.ts';
import type { Look } from '../core/look.ts';
import type { ConnectorSettings, HoldReason, Pause, Remediation } from '../core/model.ts';
import type { SignalRules } from '../core/signals.ts';
import { notElectable } from '../core/storm.ts';
import { type SuppressionView, suppress } from '../core/suppression.ts';
import { holdOf } from '../core/transitions.ts';
import { failedParts, statusVerdict } from '../core/verdict.ts';
import { unreadable } from './look.ts';

/** What is asked, beside Connect's status, before a restart. */
export interface WorldSources {
  /** What the Alertmanagers say about silences and inhibitions; never rejects. */
  readonly suppression: () => Promise<SuppressionView>;
  /** How labels name their target. */
  readonly rules: SignalRules;
}

/** What the world beyond Connect's status says about acting on one connector. */
export interface World {
  readonly settings: ReadResult<ConnectorSettings | 'missing'>;
  readonly suppression: SuppressionView;
}

/** Asks everything at once. */
export async function readWorld(
  client: ConnectClient,
  connector: string,
  sources: WorldSources,
): Promise<World> {
  const [settings, suppression] = await Promise.all([client.settings(connector), sources.suppression()]);
  return { settings, suppression };
}

/**
 * The look with everything that speaks against a restart: pauses, which are known at any time, and what `world` says, which
 * is asked only for those that would be restarted. The plan leaves out the parts that are silenced.
 */
export function lookWith(
  look: Look,
  world: World | null,
  given: {
    readonly before: Remediation;
    readonly pauses: readonly Pause[];
    readonly sources: WorldSources;
    readonly nowMs: number;
  },
): Look {
  const { before, pauses, sources, nowMs } = given;
  const paused = pausedBy(pauses, before);
  const holds: HoldSeen[] = paused === null ? [...look.holds] : [...look.holds, paused];
  if (world === null || look.connect.kind !== 'status') return { ...look, holds };
  const { settings } = world;
  if (settings.outcome !== 'ok')
    return { ...look, holds, connect: unreadable(settings), cause: null, signature: null, configHash: null };
  // Deleted since its status was read.
  if (settings.value === 'missing')
    return { ...look, holds, connect: { kind: 'missing' }, cause: null, signature: null };
  if (settings.value.optedOut) {
    const detail = 'connect.medic.enabled is false in its configuration';
    holds.push({ reason: 'opted_out', detail, untilMs: null });
  }
  const { configHash } = settings.value;
  const { cluster, connector, alerts } = before;
  const failed = failedParts(look.connect.status).map(({ task }) => task);
  const target = { cluster, connector, alerts, rules: sources.rules };
  const suppression = suppress(world.suppression, target, failed, nowMs);
  return {
    ...look,
    holds: [...holds, ...suppression.holds],
    plan: suppression.plan,
    configHash: configHash ?? look.configHash,
  };
}

/** Holds that are known without asking the world. */
const seenAnyway: ReadonlySet<HoldReason> = new Set(['paused', 'rebalancing']);
const heldByWorld = notElectable.difference(seenAnyway);

/**
 * Whether the world is asked for one that is not to be restarted: its configuration seems to be another one, and what is known
 * in bulk may be hours old; or the world held it, and it is not its turn: it would else be held as `canary`, and elected next.
 */
export function needsWorld(before: Remediation, { connect, configHash, storm }: Look): boolean {
  if (connect.kind !== 'status' || statusVerdict(connect.status) !== 'failed') return false;
  if (configHash !== null && before.configHash !== null && configHash !== before.configHash) return true;
  const hold = holdOf(before);
  return storm !== null && !storm.mayProbe && hold !== null && heldByWorld.has(hold.reason);
}
