import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { AuditEvent, EscalationReason, HoldReason, Remediation, State } from '../core/model.ts';
import { isUnverified, stormColumns } from './body.ts';
import type { Key, OverviewRow } from './ledger.ts';

/** What `remediation JOIN body` gives. `json` is null where the body is missing. */
export interface RecordRow extends Key {
  readonly version: number;
  readonly look_at_ms: number;
  readonly lease_token: string | null;
  readonly lease_until_ms: number;
  readonly unverified: 0 | 1;
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

export interface StormsColumns extends OverviewColumns {
  readonly storm: string | null;
}

export interface EventRow extends Key {
  readonly id: number;
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
 * The narrow columns of a record, in the order `look_at_ms, state, unverified, attempts, last_restart_at_ms, escalation,
 * cause_class, hold, storm`.
 */
export function columnsOf(remediation: Remediation): SQLInputValue[] {
  const { phase, lookAtMs } = remediation;
  if (!Number.isFinite(lookAtMs)) {
    // A record that is never due would be forgotten without a trace.
    throw new TypeError(`${remediation.cluster}/${remediation.connector}: lookAtMs is ${lookAtMs}`);
  }
  const storm = stormColumns(remediation);
  return [
    Math.ceil(lookAtMs),
    phase.state,
    isUnverified(remediation) ? 1 : 0,
    remediation.attempts,
    remediation.lastRestartAtMs,
    remediation.escalation?.reason ?? null,
    remediation.cause?.class ?? null,
    'hold' in phase ? (phase.hold?.reason ?? null) : null,
    storm === null ? null : JSON.stringify(storm),
  ];
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

export function overviewOf(row: OverviewColumns): OverviewRow {
  return {
    cluster: row.cluster,
    connector: row.connector,
    state: row.state,
    attempts: row.attempts,
    lastRestartAtMs: row.last_restart_at_ms,
    escalation: row.escalation,
    causeClass: row.cause_class,
    hold: row.hold,
  };
}
