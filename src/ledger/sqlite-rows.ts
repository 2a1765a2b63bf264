import type { SQLInputValue, StatementSync } from 'node:sqlite';
import {
  type AuditEvent,
  type EscalationReason,
  type HoldReason,
  type Remediation,
  type State,
  states,
} from '../core/model.ts';
import type { Key } from './ledger.ts';

/** What `remediation JOIN body` gives. `json` is null where the body is missing. */
export interface RecordRow extends Key {
  readonly version: number;
  readonly look_at_ms: number;
  readonly lease_token: string | null;
  readonly lease_until_ms: number;
  readonly body_id: number;
  readonly json: string | null;
}

export interface OverviewColumns extends Key {
  readonly state: State;
  readonly attempts: number;
  readonly last_restart_at_ms: number | null;
  readonly escalation: EscalationReason | null;
  readonly cause_class: string | null;
  readonly hold: HoldReason | null;
}

export interface EventRow extends Key {
  readonly at_ms: number;
  readonly kind: AuditEvent['kind'];
  readonly reason: AuditEvent['reason'];
  readonly attempt: number | null;
  readonly actor: string;
  readonly detail: string | null;
}

export interface HintRow {
  readonly id: number;
  readonly cluster: string;
  readonly labels: string;
  readonly fingerprint: string;
  readonly at_ms: number;
}

/**
 * All rows of a statement as what its SELECT names. The one place where a row gets its type: the tables are STRICT and
 * only this directory writes them, so a column holds what its declaration says.
 */
export function all<Row>(statement: StatementSync, ...parameters: SQLInputValue[]): Row[] {
  return statement.all(...parameters) as unknown as Row[];
}

export function first<Row>(statement: StatementSync, ...parameters: SQLInputValue[]): Row | null {
  return (statement.get(...parameters) as unknown as Row | undefined) ?? null;
}

/**
 * The record of a row. The column is the truth for `lookAtMs`, since `wake` moves it without rewriting the body.
 * Throws when the body is not a record.
 */
export function parseRecord(row: Pick<RecordRow, 'json' | 'look_at_ms'>): Remediation {
  if (row.json === null) throw new Error('the body is missing');
  const parsed: unknown = JSON.parse(row.json);
  if (!isRemediation(parsed)) throw new Error('the body is no remediation');
  return { ...parsed, lookAtMs: row.look_at_ms };
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

/**
 * The narrow columns of a record, in the order `look_at_ms, state, unverified, attempts, last_restart_at_ms, escalation,
 * cause_class, hold`.
 */
export function columnsOf(remediation: Remediation): SQLInputValue[] {
  const { phase, lookAtMs } = remediation;
  if (!Number.isFinite(lookAtMs)) {
    // A record that is never due would be forgotten without a trace.
    throw new TypeError(`${remediation.cluster}/${remediation.connector}: lookAtMs is ${lookAtMs}`);
  }
  return [
    Math.ceil(lookAtMs),
    phase.state,
    phase.state === 'restarting' && phase.looks === 0 ? 1 : 0,
    remediation.attempts,
    remediation.lastRestartAtMs,
    remediation.escalation?.reason ?? null,
    remediation.cause?.class ?? null,
    'hold' in phase ? (phase.hold?.reason ?? null) : null,
  ];
}

/** Refuses a record under another record's key: it would be written where nobody looks for it. */
export function requireKey(key: Key, remediation: Remediation): void {
  if (key.cluster === remediation.cluster && key.connector === remediation.connector) return;
  throw new TypeError(
    `a record of ${remediation.cluster}/${remediation.connector} under the key ${key.cluster}/${key.connector}`,
  );
}

export function eventOf(row: EventRow): AuditEvent {
  return {
    atMs: row.at_ms,
    cluster: row.cluster,
    connector: row.connector,
    kind: row.kind,
    reason: row.reason,
    attempt: row.attempt,
    actor: row.actor,
    detail: row.detail,
  };
}

export function parseLabels(json: string): Record<string, string> {
  const labels: unknown = JSON.parse(json);
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) {
    throw new Error('the labels are no object');
  }
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}
