import { type Pause, type PauseScope, type Remediation, states } from '../core/model.ts';
import type { Probe } from '../core/storm.ts';
import { nextAtMsOf } from '../core/transitions.ts';
import type { Key, OverviewRow, StormFacts } from './ledger.ts';

/** Hints kept for each cluster; the oldest go. One is enough to have a cluster read, the others carry labels. */
export const hintsPerCluster = 100;
/** Unreadable bodies kept for a human; the oldest go. */
export const setAsideAtMost = 100;
/** Events that a reader gets who names no limit. */
export const eventsByDefault = 1000;

/**
 * The record of a body. `lookAtMs` is kept beside the body and is the truth, since `wake` moves it without rewriting the body.
 * Throws when the body is not a record.
 */
export function parseBody(json: string | null, lookAtMs: number): Remediation {
  if (json === null) throw new Error('the body is missing');
  const parsed: unknown = JSON.parse(json);
  if (!isRemediation(parsed)) throw new Error('the body is no remediation');
  const { signature = null, probe = null, configHash = null } = parsed as Partial<Remediation>;
  return { ...parsed, signature, probe, configHash, lookAtMs };
}

/**
 * Tells a record from damage. It looks at what the ledger and every decision lean on, not at each field: the ledger wrote
 * this body itself, so what is to be found here is a broken file, not another author.
 */
function isRemediation(value: unknown): value is Remediation {
  if (typeof value !== 'object' || value === null) return false;
  const { cluster, connector, phase } = value as Partial<Record<keyof Remediation, unknown>>;
  if (typeof cluster !== 'string' || typeof connector !== 'string') return false;
  if (typeof phase !== 'object' || phase === null || !('state' in phase)) return false;
  return states.some((state) => state === phase.state);
}

/** Refuses a record under another record's key: it would be written where nobody looks for it. */
export function requireKey(key: Key, remediation: Remediation): void {
  if (key.cluster === remediation.cluster && key.connector === remediation.connector) return;
  throw new TypeError(
    `a record of ${remediation.cluster}/${remediation.connector} under the key ${key.cluster}/${key.connector}`,
  );
}

/** A restart that nobody has looked at yet. */
export function isUnverified({ phase }: Remediation): boolean {
  return phase.state === 'restarting' && phase.looks === 0;
}

/** Pauses at most: a list that a human keeps. */
export const pausesAtMost = 1000;

/** The pause of a row; null where it is none that this version knows, and then it pauses nothing. */
export function parsePause(json: string): Pause | null {
  const pause = JSON.parse(json) as Pause;
  return typeof pause === 'object' && pause !== null && typeof pause.reason === 'string' ? pause : null;
}

/** By cluster, then connector; null first. */
export function comparePauses(one: PauseScope, other: PauseScope): number {
  const compare = (a: string | null, b: string | null): number =>
    (a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0;
  return compare(one.cluster, other.cluster) || compare(one.connector, other.connector);
}

/** What storms need beyond the narrow columns: nextAtMs, charged restarts, probe. null: nothing. */
export type StormColumns = [number | null, readonly number[], Probe | null];

export function stormColumns(remediation: Remediation): StormColumns | null {
  const { chargedAtMs, probe } = remediation;
  const nextAtMs = nextAtMsOf(remediation);
  return nextAtMs === null && chargedAtMs.length === 0 && probe === null
    ? null
    : [nextAtMs, chargedAtMs, probe];
}

export function stormFacts(
  row: Pick<OverviewRow, 'connector' | 'state' | 'hold' | 'escalation' | 'lastRestartAtMs'>,
  columns: StormColumns | null,
): StormFacts {
  const { connector, state, hold, escalation, lastRestartAtMs } = row;
  const [nextAtMs, chargedAtMs, probe] = columns ?? [null, [], null];
  return { connector, state, hold, escalation, lastRestartAtMs, nextAtMs, chargedAtMs, probe };
}

export function parseLabels(json: string): Record<string, string> {
  const labels: unknown = JSON.parse(json);
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) {
    throw new Error('the labels are no object');
  }
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}
