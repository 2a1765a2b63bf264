import type { AuditEvent, Remediation, State } from '../core/model.ts';
import { isUnverified, parseBody, type StormColumns, stormColumns, stormFacts } from './body.ts';
import type { Key, OverviewRow, Stored, StormFacts } from './ledger.ts';

/** What Redis answers to a script: texts, integers, nil and lists of these. */
export type Reply = string | number | null | readonly Reply[];

/** What stands for a key in Redis: `["cluster","connector"]`, since any character may be part of a name. */
export function idOf({ cluster, connector }: Key): string {
  return JSON.stringify([cluster, connector]);
}

/** null: not one of ours. */
export function keyOf(id: string): Key | null {
  const parsed = parseJson(id);
  if (!Array.isArray(parsed)) return null;
  const [cluster, connector]: unknown[] = parsed;
  return typeof cluster === 'string' && typeof connector === 'string' ? { cluster, connector } : null;
}

/** What a record's line in Redis says; see lua/prelude.lua. */
export interface RecordHead {
  readonly version: number;
  readonly lookAtMs: number;
  readonly leaseUntilMs: number;
  readonly token: string;
  readonly row: string;
}

/** null: not one of ours. */
export function parseHead(text: string): RecordHead | null {
  const [, version, lookAtMs, leaseUntilMs, token, row] =
    /^(\d+) (-?\d+) (\d+) (\S+) [01] (.*)$/s.exec(text) ?? [];
  if (version === undefined || token === undefined || row === undefined) return null;
  return {
    version: Number(version),
    lookAtMs: Number(lookAtMs),
    leaseUntilMs: Number(leaseUntilMs),
    token,
    row,
  };
}

/** The record of a line and a body. Throws when the body is not a record. */
export function storedOf(head: RecordHead, body: string | null): Stored {
  return {
    version: head.version,
    remediation: parseBody(body, head.lookAtMs),
  };
}

/** A record as the scripts take it: lookAtMs, unverified, row, body. */
export function recordArguments(remediation: Remediation): [string, string, string, string] {
  const { phase } = remediation;
  const lookAtMs = Math.ceil(remediation.lookAtMs);
  if (!Number.isSafeInteger(lookAtMs)) {
    // A record that is never due would be forgotten without a trace.
    throw new TypeError(
      `${remediation.cluster}/${remediation.connector}: lookAtMs is ${remediation.lookAtMs}`,
    );
  }
  const row: Row = [
    phase.state,
    remediation.attempts,
    remediation.lastRestartAtMs,
    remediation.escalation?.reason ?? null,
    remediation.cause?.class ?? null,
    'hold' in phase ? (phase.hold?.reason ?? null) : null,
    stormColumns(remediation),
  ];
  const unverified = isUnverified(remediation) ? '1' : '0';
  return [String(lookAtMs), unverified, JSON.stringify(row), JSON.stringify(remediation)];
}

/** state, attempts, lastRestartAtMs, escalation, causeClass, hold, and what storms need (earlier builds wrote none). */
type Row = [
  State,
  number,
  number | null,
  OverviewRow['escalation'],
  string | null,
  OverviewRow['hold'],
  (StormColumns | null)?,
];

/** The narrow row of a record; null when it is not one of ours. */
export function rowOf(id: string, line: string): OverviewRow | null {
  const key = keyOf(id);
  const row = readRow(line);
  if (key === null || row === null) return null;
  const [state, attempts, lastRestartAtMs, escalation, causeClass, hold] = row;
  return { ...key, state, attempts, lastRestartAtMs, escalation, causeClass, hold };
}

/** What storms need of a record; null when it is not one of ours. */
export function stormFactsOf(id: string, line: string): StormFacts | null {
  const overview = rowOf(id, line);
  const row = readRow(line);
  if (overview === null || row === null) return null;
  return stormFacts(overview, row[6] ?? null);
}

/** Only this directory writes rows, and read_record has seen the line's form. */
function readRow(line: string): Row | null {
  const head = parseHead(line);
  const parsed = head === null ? null : parseJson(head.row);
  return Array.isArray(parsed) && (parsed.length === 6 || parsed.length === 7) ? (parsed as Row) : null;
}

/** An event as the scripts take it: atMs, id, rest. */
export function eventArguments(event: AuditEvent): [string, string, string] {
  const { kind, reason, attempt, actor, detail } = event;
  const rest: Rest = [kind, reason, attempt, actor, detail];
  return [String(Math.round(event.atMs)), idOf(event), JSON.stringify(rest)];
}

type Rest = [AuditEvent['kind'], AuditEvent['reason'], number | null, string, string | null];

/** null: not one of ours. */
export function eventOf(atMs: string, id: string, restText: string): AuditEvent | null {
  const key = keyOf(id);
  const parsed = parseJson(restText);
  if (key === null || !Array.isArray(parsed) || parsed.length !== 5) return null;
  const [kind, reason, attempt, actor, detail] = parsed as Rest;
  return { atMs: Number(atMs), ...key, kind, reason, attempt, actor, detail };
}

/** What the ids of a filter begin and end with. A name's quotes are escaped in an id, so neither matches inside a name. */
export function idEnds({ cluster, connector }: Partial<Key>): { head: string; tail: string } {
  return {
    head: cluster === undefined ? '' : `[${JSON.stringify(cluster)},`,
    tail: connector === undefined ? '' : `,${JSON.stringify(connector)}]`,
  };
}

/** The list that a script gives. Throws when it gives something else: the script is then not the one of this version. */
export function listOf(reply: Reply): readonly Reply[] {
  if (typeof reply === 'object' && reply !== null) return reply;
  throw new TypeError('a script of the ledger answered no list');
}

export function textOf(reply: Reply | undefined): string {
  if (typeof reply === 'string') return reply;
  throw new TypeError('a script of the ledger answered no text');
}

export function textOrNull(reply: Reply | undefined): string | null {
  return reply === null || reply === undefined ? null : textOf(reply);
}

/** A list in pieces of `size`, the last one shorter. */
export function piecesOf<T>(list: readonly T[], size: number): T[][] {
  const pieces: T[][] = [];
  for (let from = 0; from < list.length; from += size) pieces.push(list.slice(from, from + size));
  return pieces;
}

/** By cluster, then connector, by code point. */
export function compareKeys(one: Key, other: Key): number {
  return compareText(one.cluster, other.cluster) || compareText(one.connector, other.connector);
}

function compareText(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index += 1) {
    const difference = inOrder(one.charCodeAt(index)) - inOrder(other.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** Surrogates, which stand for the highest code points, after all other UTF-16 units: those from U+E000 on would be after them. */
function inOrder(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
