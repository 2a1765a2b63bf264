import { type HoldReason, holdReasons, type Remediation, type State } from './model.ts';
import type { Policy } from './policy.ts';

/**
 * A storm: several connectors of one cluster fail with one signature, so they most likely wait for the same thing, and
 * restarting each of them by itself would be hundreds of restarts that cannot help. They share their probes: some are
 * restarted, the others are held (`canary`), and what becomes of the probes decides how many are next.
 *
 *  members   the connectors that Connect calls failed with this signature now; below `threshold` there is no storm
 *  probe     a restart of a member; under way until it fails, or has run for `proof`
 *  window    probes under way at most: 1, doubled by each probe that has proved itself, back to 1 with each that fails
 *  rhythm    after a failed probe the next one comes after the policy's delays (2m, then 6m … of the group, not of each
 *            member), at least every `everyAtMost` (5m); a proof lets the next ones go at once
 *  elected   those who may be the next probes: of the members that may act the ones restarted longest ago, so that nobody
 *            starves, and a group of two causes falls apart by itself
 *
 * Nothing is stored for a group: it follows from what Connect says now and from what the members' records say of their last
 * probes. So it survives restarts, and every replica comes to the same election.
 */

export interface StormPolicy {
  /** Members from which on they share their probes; null: never. Default 5. */
  readonly threshold: number | null;
  /** How long a probe has to run. Default 2m. */
  readonly proofMs: number;
  /** The longest time between two probes. Default 5m. */
  readonly everyAtMostMs: number;
}

export const defaultStormPolicy: StormPolicy = {
  threshold: 5,
  proofMs: 2 * 60_000,
  everyAtMostMs: 5 * 60_000,
};

/** The last restart of a record that failed with a signature. */
export interface Probe {
  readonly signature: string;
  readonly atMs: number;
  /** null: under way. `other`: it ended in a way that says nothing about the cause. */
  readonly ended: 'proven' | 'failed' | 'other' | null;
  readonly endedAtMs: number | null;
  /** Failed probes of this record with this signature, in a row. */
  readonly failures: number;
}

/** What of a record matters to a storm. */
export interface StormRow {
  readonly connector: string;
  readonly state: State;
  readonly hold: HoldReason | null;
  readonly nextAtMs: number | null;
  readonly lastRestartAtMs: number | null;
  /** When the rolling budget has room for one more restart; null: now. */
  readonly roomAtMs: number | null;
  /** Why a human was called; null: none was. */
  readonly escalation: string | null;
  readonly probe: Probe | null;
}

/** A storm as one of its members sees it. */
export interface Storm {
  readonly signature: string;
  readonly members: number;
  readonly window: number;
  /** Probes under way. */
  readonly probing: number;
  /** No probe before this; null: one may be made now. */
  readonly nextProbeAtMs: number | null;
  /** The members that may be probed now. */
  readonly elected: readonly string[];
  readonly mayProbe: boolean;
}

/** Holds that a member cannot leave by being elected: somebody else has the word, or cannot be asked. All that come before `canary`. */
export const notElectable: ReadonlySet<HoldReason> = new Set(
  holdReasons.slice(0, holdReasons.indexOf('canary')),
);

const WINDOW_AT_MOST = 1_024;

/**
 * The storm of a signature. `members` are the names of the connectors that fail with it now, `rows` the cluster's records,
 * `self` the record that asks.
 */
export function stormOf(
  signature: string,
  members: ReadonlySet<string>,
  rows: readonly StormRow[],
  self: string,
  { policy, storm, nowMs }: { readonly policy: Policy; readonly storm: StormPolicy; readonly nowMs: number },
): Storm {
  const probes = rows.flatMap(({ probe }) => (probe?.signature === signature ? [probe] : []));
  const lastEndMs = (ended: Probe['ended']): number =>
    Math.max(
      Number.NEGATIVE_INFINITY,
      ...probes.filter((probe) => probe.ended === ended).map((probe) => probe.endedAtMs ?? 0),
    );
  const failedAtMs = lastEndMs('failed');
  const provenAtMs = lastEndMs('proven');
  const proven = probes.filter(
    (probe) =>
      probe.ended === 'proven' &&
      // Of this outage: while it lasts, the next proof is never far.
      (probe.endedAtMs ?? 0) > Math.max(failedAtMs, nowMs - 2 * (storm.everyAtMostMs + storm.proofMs)),
  ).length;
  const window = Math.min(WINDOW_AT_MOST, 2 ** Math.min(proven, 20));
  // One that neither runs nor fails nor can be seen does not keep the others for ever.
  const atLeastMs = nowMs - policy.stuckAfterMs - 2 * storm.proofMs;
  const probing = rows.filter((row) => isUnderWay(row, signature, atLeastMs)).length;
  const failures = probes
    .filter((probe) => probe.ended === 'failed' && (probe.endedAtMs ?? 0) > provenAtMs)
    .reduce((sum, probe) => sum + probe.failures, 0);
  const dueAtMs = failures === 0 ? nowMs : failedAtMs + rhythmMs(failures, members.size, policy, storm);
  const free = nowMs < dueAtMs ? 0 : Math.max(0, window - probing);
  const now = { signature, proofMs: storm.proofMs, nowMs };
  const electable =
    free === 0 ? [] : rows.filter((row) => members.has(row.connector) && isElectable(row, now));
  const elected = firstOf(electable, free, longestUntriedFirst).map(({ connector }) => connector);
  return {
    signature,
    members: members.size,
    window,
    probing,
    nextProbeAtMs: nowMs < dueAtMs ? dueAtMs : null,
    elected,
    mayProbe: elected.includes(self),
  };
}

/**
 * How long after a failed probe the next one comes: 2m, then 5m by default. Once half of what the members' rolling budgets
 * allow together has been used in a row, no more often than the other half lasts for a window: an outage of days is then
 * probed for all its days, by five connectors every half an hour, by thirty or more still every 5m.
 */
export function rhythmMs(
  failures: number,
  members: number,
  { delaysMs, budget }: Policy,
  storm: StormPolicy,
): number {
  const delayMs = delaysMs[Math.min(failures, delaysMs.length - 1)] ?? 0;
  const plainMs = Math.min(delayMs, storm.everyAtMostMs);
  const half = Math.max(1, Math.floor((members * budget.restarts) / 2));
  if (failures < half) return plainMs;
  return Math.max(storm.everyAtMostMs, Math.ceil(budget.perMs / half));
}

function isUnderWay({ state, probe }: StormRow, signature: string, sinceMs: number): boolean {
  return (
    probe?.signature === signature &&
    probe.atMs > sinceMs &&
    probe.ended === null &&
    (state === 'restarting' || state === 'stabilising')
  );
}

function isElectable(
  { state, hold, nextAtMs, roomAtMs, escalation, probe }: StormRow,
  { signature, proofMs, nowMs }: { signature: string; proofMs: number; nowMs: number },
): boolean {
  if (hold !== null && notElectable.has(hold)) return false;
  if (roomAtMs !== null && roomAtMs > nowMs) return false;
  switch (state) {
    case 'waiting':
      // Its own delay counts before its first restart of this storm, and where its last one had proved itself.
      return (nextAtMs ?? nowMs) <= nowMs || (probe?.signature === signature && !relapsed(probe, proofMs));
    case 'held':
      return true;
    case 'escalated':
      if (nextAtMs === null) return false;
      // A human was called for a reason of its own: its own slow rhythm counts. What the list alone escalated is probed.
      return escalation === 'exhausted' || nextAtMs <= nowMs;
    case 'restarting':
    case 'stabilising':
    case 'recovered':
    case 'closed':
      return false;
    default:
      return state satisfies never;
  }
}

/** The first `count` in order. Sorting thousands for one or two of them would be most of the time of a storm. */
function firstOf<T>(all: readonly T[], count: number, compare: (one: T, other: T) => number): T[] {
  if (count > 8) return all.toSorted(compare).slice(0, count);
  const first: T[] = [];
  for (const one of all) {
    const last = first.at(-1);
    if (first.length === count && (last === undefined || compare(one, last) >= 0)) continue;
    const at = first.findIndex((other) => compare(one, other) < 0);
    first.splice(at === -1 ? first.length : at, 0, one);
    if (first.length > count) first.pop();
  }
  return first;
}

/** It ran as long as a proof takes, and failed after all: that is its own trouble, not the outage's. */
export function relapsed({ ended, atMs, endedAtMs }: Probe, proofMs: number): boolean {
  return ended === 'failed' && (endedAtMs ?? atMs) - atMs >= proofMs;
}

function longestUntriedFirst(one: StormRow, other: StormRow): number {
  const never = Number.NEGATIVE_INFINITY;
  // Also a call that Connect turned away: the next one's turn comes first.
  const triedAtMs = ({ lastRestartAtMs, probe }: StormRow): number =>
    Math.max(lastRestartAtMs ?? never, probe?.atMs ?? never);
  const byTime = triedAtMs(one) - triedAtMs(other);
  if (byTime < 0 || byTime > 0) return byTime;
  return one.connector < other.connector ? -1 : one.connector > other.connector ? 1 : 0;
}

/** A restart begins: a probe of the signature that it is for, if there is one. */
export function probeOf(
  { signature, probe }: Pick<Remediation, 'signature' | 'probe'>,
  nowMs: number,
): Probe | null {
  if (signature === null) return null;
  const failures = probe?.signature === signature ? probe.failures : 0;
  return { signature, atMs: nowMs, ended: null, endedAtMs: null, failures };
}

/** A probe that is under way ends; any other stays as it is. */
export function endProbe(
  probe: Probe | null,
  ended: 'proven' | 'failed' | 'other',
  nowMs: number,
): Probe | null {
  // What proved itself and fails again after all has not.
  if (probe === null || (probe.ended !== null && !(probe.ended === 'proven' && ended === 'failed')))
    return probe;
  const failures = ended === 'failed' ? probe.failures + 1 : ended === 'proven' ? 0 : probe.failures;
  return { ...probe, ended, endedAtMs: nowMs, failures };
}

/** Its failure is over: the next outage is another one, and its rhythm begins anew. */
export function restProbe(probe: Probe | null): Probe | null {
  return probe === null ? null : { ...probe, failures: 0 };
}

/** Whether a step ends a probe as failed, which narrows the window for everybody who is deciding meanwhile. */
export function failsProbe(before: Remediation, next: Remediation): boolean {
  return before.probe !== null && before.probe.ended !== 'failed' && next.probe?.ended === 'failed';
}
