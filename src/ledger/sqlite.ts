import { randomBytes, randomUUID } from 'node:crypto';
import type { AuditEvent, Pause, PauseScope, Remediation } from '../core/model.ts';
import { failsProbe } from '../core/storm.ts';
import { isUnverified, parseBody, requireKey, type StormColumns, stormFacts } from './body.ts';
import {
  type Claim,
  type ClaimAnswer,
  type ClaimRequest,
  type EventFilter,
  type EventPage,
  type Hint,
  type KeepLease,
  type Key,
  type Ledger,
  type LedgerLimits,
  LedgerUnavailable,
  type OverviewRow,
  type Pauses,
  type Stored,
  type Storms,
  type Write,
  type WriteResult,
} from './ledger.ts';
import { type LedgerFile, messageOf, openLedgerFile } from './sqlite-file.ts';
import { SqlitePauses } from './sqlite-pauses.ts';
import {
  all,
  columnsOf,
  first,
  type OverviewColumns,
  overviewOf,
  type RecordRow,
  type StormsColumns,
} from './sqlite-rows.ts';
import { SqliteSession } from './sqlite-session.ts';
import { prepareStatements } from './sqlite-statements.ts';
import { SqliteTrails } from './sqlite-trails.ts';

export interface SqliteLedgerOptions {
  readonly limits: LedgerLimits;
  /**
   * The ledger's clock, epoch milliseconds. When it jumps backwards, leases and waits last longer by the jump, and nothing
   * happens twice; when it jumps forwards, they end sooner, and the version still lets only one holder commit.
   */
  readonly now: () => number;
  /** A record's body could not be read; see `SqliteLedger`. For a hint, `connector` is empty. Must not throw. */
  readonly onDamage?: (key: Key, error: unknown) => void;
}

/** Opens the ledger in a file, or with `:memory:` in memory. Throws `LedgerOpenError`. */
export function openSqliteLedger({ path, ...options }: SqliteLedgerOptions & { path: string }): Ledger {
  const file = openLedgerFile(path);
  try {
    return new SqliteLedger(file, options);
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * The ledger in one SQLite file, for one process. What an answer says is on disk when the answer is given.
 *
 * Leases: the process that held them is dead when another one opens the file, so all are void at open. A lease that ran
 * out stays its last holder's until somebody takes the record: the version alone decides whether a commit is safe.
 *
 * Versions come from one counter for all records, so a version is never used twice: a record that was removed and opened
 * again does not take a write that was meant for the old one.
 *
 * Damage: a record whose body cannot be read (a damaged file) is moved to the table `set_aside`, reported to `onDamage`,
 * and from then on missing. Left in place, it would be due for ever and could neither be decided on nor opened again;
 * its alert opens a new one, at the price of its count and its window.
 */
export class SqliteLedger implements Ledger {
  readonly #session: SqliteSession;
  readonly #trails: SqliteTrails;
  readonly #pauses: SqlitePauses;
  readonly #sql: ReturnType<typeof prepareStatements>;
  readonly #limits: LedgerLimits;
  readonly #now: () => number;
  readonly #onDamage: (key: Key, error: unknown) => void;

  constructor(file: LedgerFile, { limits, now, onDamage }: SqliteLedgerOptions) {
    this.#session = new SqliteSession(file);
    this.#limits = limits;
    this.#now = () => Math.round(now());
    this.#onDamage = onDamage ?? (() => {});
    this.#sql = prepareStatements(file.db);
    this.#trails = new SqliteTrails(file.db, limits.events);
    this.#pauses = new SqlitePauses(file.db);
    this.#session.writeNow(() => {
      this.#sql.voidLeases.run();
      this.#trails.trimEvents();
    });
  }

  async load(keys: readonly Key[]): Promise<{ nowMs: number; stored: (Stored | null)[] }> {
    return this.#session.read(() => {
      const rows = keys.map((key) => this.#row(key));
      const readable = this.#readable(rows.filter((row) => row !== null));
      return { nowMs: this.#now(), stored: rows.map((row) => (row && readable.get(row)) ?? null) };
    });
  }

  async store(writes: readonly Write[]): Promise<WriteResult[]> {
    for (const { key, next } of writes) requireKey(key, next);
    if (writes.length === 0) return [];
    return this.#session.write(() => {
      const creates = writes.some((write) => write.expectedVersion === null);
      let room = creates ? this.#limits.remediations - this.#count() : 0;
      const events: AuditEvent[] = [];
      const results = writes.map((write): WriteResult => {
        const row = this.#row(write.key);
        if ((row?.version ?? null) !== write.expectedVersion) return 'conflict';
        if (row !== null) {
          this.#update(row, write.next, row.lease_token, row.lease_until_ms);
        } else if (room > 0) {
          room -= 1;
          this.#insert(write.key, write.next);
        } else {
          return 'full';
        }
        events.push(...write.events);
        return 'stored';
      });
      this.#trails.append(events);
      return results;
    });
  }

  async claim({ cluster, limit, leaseMs }: ClaimRequest): Promise<ClaimAnswer> {
    const nowMs = this.#now();
    const atMost = Math.max(0, limit);
    const token = randomUUID();
    const leaseUntilMs = nowMs + leaseMs;
    const take = (): Claim[] => {
      const claims: Claim[] = [];
      const rows = all<RecordRow>(this.#sql.due, cluster, nowMs, atMost);
      for (const [row, { version, remediation }] of this.#readable(rows)) {
        this.#sql.lease.run(token, leaseUntilMs, row.cluster, row.connector);
        claims.push({ version, remediation, token, leaseUntilMs });
      }
      return claims;
    };
    // Most turns find nothing: those read, and leave the disk alone.
    const anyDue = this.#session.read(() => all(this.#sql.anyDue, cluster, nowMs, Math.min(1, atMost)));
    const claims = anyDue.length === 0 ? [] : await this.#session.write(take);
    return this.#session.read(() => ({
      nowMs,
      claims,
      revision: first<{ version: number }>(this.#sql.lastVersion)?.version ?? 0,
      nextDueAtMs: first<{ due_at_ms: number }>(this.#sql.nextDue, cluster, token)?.due_at_ms ?? null,
      unverified: first<{ n: number }>(this.#sql.unverified, cluster)?.n ?? 0,
      pauses: this.#pauses.at(nowMs),
    }));
  }

  async commit(
    claim: Claim,
    next: Remediation | null,
    events: readonly AuditEvent[],
    keepLease?: KeepLease,
  ): Promise<Claim | 'full' | null> {
    if (next !== null) requireKey(claim.remediation, next);
    return this.#session.write(() => {
      const row = this.#row(claim.remediation);
      if (row === null || row.version !== claim.version || row.lease_token !== claim.token) return null;
      const { pausesRevision, stormsRevision } = keepLease ?? {};
      if (pausesRevision !== undefined && pausesRevision !== this.#pauses.revision()) return null;
      if (stormsRevision !== undefined && stormsRevision !== this.#stormsRevision()) return null;
      if (next !== null && this.#exceeds(row, next, keepLease?.unverifiedAtMost)) return 'full';
      this.#trails.append(events);
      const nowMs = this.#now();
      if (next === null) {
        this.#remove(row);
        return { ...claim, leaseUntilMs: nowMs };
      }
      if (keepLease || failsProbe(claim.remediation, next)) this.#sql.stormsMoved.run();
      const leaseUntilMs = nowMs + (keepLease?.leaseMs ?? 0);
      const version = keepLease
        ? this.#update(row, next, claim.token, leaseUntilMs)
        : this.#update(row, next, null, 0);
      return { version, remediation: next, token: claim.token, leaseUntilMs };
    });
  }

  async refresh(claim: Claim): Promise<Claim | null> {
    return this.#session.read(() => {
      const row = this.#row(claim.remediation);
      if (row === null || row.lease_token !== claim.token) return null;
      const stored = this.#readable([row]).get(row);
      return stored ? { ...stored, token: claim.token, leaseUntilMs: row.lease_until_ms } : null;
    });
  }

  async release({ remediation, token }: Claim): Promise<void> {
    await this.#session.write(() => this.#sql.release.run(remediation.cluster, remediation.connector, token));
  }

  async wake(keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#session.write(() => {
      const nowMs = this.#now();
      for (const { cluster, connector } of keys) this.#sql.wake.run(nowMs, cluster, connector);
    });
  }

  async list({ cluster, states }: NonNullable<Parameters<Ledger['list']>[0]> = {}): Promise<Stored[]> {
    return this.#session.read(() => {
      const among = states === undefined ? null : JSON.stringify(states);
      return [...this.#readable(all<RecordRow>(this.#sql.list, cluster ?? null, among)).values()];
    });
  }

  async overview(): Promise<OverviewRow[]> {
    return this.#session.read(() => all<OverviewColumns>(this.#sql.overview).map(overviewOf));
  }

  async events(filter: EventFilter = {}): Promise<AuditEvent[]> {
    return (await this.eventPage(filter))?.events.slice() ?? [];
  }

  async eventPage(filter: EventFilter & { readonly before?: string }): Promise<EventPage | null> {
    return this.#session.read(() => this.#trails.eventPage(filter));
  }

  async addHints(hints: readonly Omit<Hint, 'id'>[]): Promise<void> {
    if (hints.length === 0) return;
    await this.#session.write(() => {
      for (const hint of hints) this.#trails.addHint(hint);
    });
  }

  async hints(cluster: string): Promise<Hint[]> {
    return this.#session.read(() => this.#trails.hints(cluster, this.#onDamage));
  }

  async dropHint(id: string): Promise<void> {
    await this.#session.write(() => this.#trails.dropHint(id));
  }

  async storms(cluster: string): Promise<Storms> {
    return this.#session.read(() => {
      const rows = all<StormsColumns>(this.#sql.storms, cluster).map((row) =>
        stormFacts(overviewOf(row), row.storm === null ? null : (JSON.parse(row.storm) as StormColumns)),
      );
      return { revision: this.#stormsRevision(), rows };
    });
  }

  async hashKey(): Promise<string> {
    const read = () => first<{ hash_key: string | null }>(this.#sql.hashKey)?.hash_key;
    const known = this.#session.read(read);
    if (known) return known;
    return this.#session.write(() => {
      const made = read();
      if (made) return made;
      const key = randomBytes(32).toString('base64url');
      this.#sql.setHashKey.run(key);
      return key;
    });
  }

  async pauses(): Promise<Pauses & { readonly nowMs: number }> {
    const nowMs = this.#now();
    return this.#session.read(() => ({ nowMs, ...this.#pauses.at(nowMs) }));
  }

  async putPause(pause: Pause, event: AuditEvent): Promise<'stored' | 'full'> {
    return this.#session.write(() => {
      const result = this.#pauses.put(pause, this.#now());
      if (result === 'stored') this.#trails.append([event]);
      return result;
    });
  }

  async removePause(scope: PauseScope, event: AuditEvent): Promise<boolean> {
    return this.#session.write(() => {
      const removed = this.#pauses.remove(scope, this.#now());
      if (removed) this.#trails.append([event]);
      return removed;
    });
  }

  /** Writes, since a full or read-only disk can still be read. */
  async ping(): Promise<void> {
    await this.#session.write(() => this.#sql.ping.run(this.#now()));
  }

  async close(): Promise<void> {
    this.#session.close();
  }

  #row({ cluster, connector }: Key): RecordRow | null {
    return first<RecordRow>(this.#sql.row, cluster, connector);
  }

  /** Whether a record that becomes unverified would be one too many in its cluster. */
  #exceeds({ cluster, unverified }: RecordRow, next: Remediation, atMost: number | undefined): boolean {
    if (atMost === undefined || unverified === 1 || !isUnverified(next)) return false;
    return (first<{ n: number }>(this.#sql.unverified, cluster)?.n ?? 0) >= atMost;
  }

  #stormsRevision(): number {
    return first<{ storms_revision: number }>(this.#sql.stormsRevision)?.storms_revision ?? 0;
  }

  #count(): number {
    return first<{ n: number }>(this.#sql.count)?.n ?? 0;
  }

  #insert({ cluster, connector }: Key, next: Remediation): void {
    const columns = columnsOf(next);
    const { lastInsertRowid } = this.#sql.addBody.run(JSON.stringify(next));
    this.#sql.insert.run(cluster, connector, this.#nextVersion(), lastInsertRowid, ...columns);
  }

  #update(row: RecordRow, next: Remediation, token: string | null, leaseUntilMs: number): number {
    const version = this.#nextVersion();
    this.#sql.update.run(version, token, leaseUntilMs, ...columnsOf(next), row.cluster, row.connector);
    // REPLACE, not UPDATE: the body of a damaged file may be missing.
    this.#sql.putBody.run(row.body_id, JSON.stringify(next));
    return version;
  }

  #remove(row: RecordRow): void {
    this.#sql.remove.run(row.cluster, row.connector);
    this.#sql.removeBody.run(row.body_id);
  }

  #nextVersion(): number {
    const row = first<{ version: number }>(this.#sql.nextVersion);
    if (row === null) throw new Error('the ledger has lost its version counter');
    return row.version;
  }

  /** The records of rows, in their order, without those that cannot be read: they are set aside and reported. */
  #readable(rows: readonly RecordRow[]): Map<RecordRow, Stored> {
    const readable = new Map<RecordRow, Stored>();
    for (const row of rows) {
      try {
        readable.set(row, { version: row.version, remediation: parseBody(row.json, row.look_at_ms) });
      } catch (error) {
        this.#setAside(row, error);
        this.#onDamage({ cluster: row.cluster, connector: row.connector }, error);
      }
    }
    return readable;
  }

  #setAside(row: RecordRow, error: unknown): void {
    const move = (): void => {
      this.#trails.setAside(row, messageOf(error), this.#now());
      this.#remove(row);
    };
    try {
      if (this.#session.db.isTransaction) move();
      else this.#session.writeNow(move);
    } catch (failure) {
      // It was only being read, and the disk is full, say: the other records are there, and the next read tries again.
      if (!(failure instanceof LedgerUnavailable)) throw failure;
    }
  }
}
