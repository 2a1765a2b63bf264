import type { DatabaseSync } from 'node:sqlite';
import type { AuditEvent } from '../core/model.ts';
import { eventsByDefault, hintsPerCluster, parseLabels, setAsideAtMost } from './body.ts';
import type { EventFilter, EventPage, Hint, Key } from './ledger.ts';
import { all, type EventRow, eventOf, type HintRow, type RecordRow } from './sqlite-rows.ts';

/**
 * What only grows and is cut at its old end: the audit trail, hints, and what was set aside. Called inside the ledger's
 * transactions; opens none of its own.
 */
export class SqliteTrails {
  readonly #eventsAtMost: number;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: DatabaseSync, eventsAtMost: number) {
    this.#eventsAtMost = eventsAtMost;
    this.#sql = prepare(db);
  }

  append(events: readonly AuditEvent[]): void {
    if (events.length === 0) return;
    for (const { atMs, cluster, connector, kind, reason, attempt, actor, detail } of events) {
      this.#sql.addEvent.run(Math.round(atMs), cluster, connector, kind, reason, attempt, actor, detail);
    }
    this.trimEvents();
  }

  /** Ids have no gaps, so what is too old is known without counting; as many rows go as were added. */
  trimEvents(): void {
    this.#sql.trimEvents.run(this.#eventsAtMost);
  }

  /** `before` is the id of an event; null for what is no id. */
  eventPage({
    sinceMs,
    untilMs,
    cluster,
    connector,
    limit = eventsByDefault,
    before,
  }: EventFilter & { readonly before?: string }): EventPage | null {
    if (before !== undefined && !/^\d{1,15}$/.test(before)) return null;
    const atMost = Math.max(0, limit);
    const rows = all<EventRow>(
      this.#sql.events,
      sinceMs ?? null,
      cluster ?? null,
      connector ?? null,
      // One more, to know whether there are older ones.
      atMost + 1,
      untilMs ?? null,
      before === undefined ? null : Number(before),
    );
    const page = rows.slice(0, atMost);
    const oldest = page.at(-1);
    const next = rows.length > atMost && oldest !== undefined ? String(oldest.id) : null;
    return { events: page.reverse().map(eventOf), next };
  }

  addHint({ cluster, labels, fingerprint, atMs }: Omit<Hint, 'id'>): void {
    this.#sql.addHint.run(cluster, JSON.stringify(labels), fingerprint, Math.round(atMs));
    this.#sql.trimHints.run(cluster, cluster, hintsPerCluster);
  }

  /** Oldest first. A hint whose labels cannot be read keeps its meaning, a reason to read the cluster, without them. */
  hints(cluster: string, onDamage: (key: Key, error: unknown) => void): Hint[] {
    return all<HintRow>(this.#sql.hints, cluster).map((row) => {
      let labels: Record<string, string> = {};
      try {
        labels = parseLabels(row.labels);
      } catch (error) {
        onDamage({ cluster, connector: '' }, error);
      }
      return { id: String(row.id), cluster, labels, fingerprint: row.fingerprint, atMs: row.at_ms };
    });
  }

  dropHint(id: string): void {
    this.#sql.dropHint.run(id);
  }

  setAside({ cluster, connector, json }: RecordRow, error: string, nowMs: number): void {
    this.#sql.setAside.run(Math.round(nowMs), cluster, connector, json, error);
    this.#sql.trimSetAside.run(setAsideAtMost);
  }
}

function prepare(db: DatabaseSync) {
  return {
    addEvent: db.prepare(
      `INSERT INTO event (at_ms, cluster, connector, kind, reason, attempt, actor, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    trimEvents: db.prepare('DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?'),
    events: db.prepare(
      `SELECT * FROM event
       WHERE (?1 IS NULL OR at_ms >= ?1) AND (?2 IS NULL OR cluster = ?2) AND (?3 IS NULL OR connector = ?3)
         AND (?5 IS NULL OR at_ms <= ?5) AND (?6 IS NULL OR id < ?6)
       ORDER BY id DESC LIMIT ?4`,
    ),
    addHint: db.prepare('INSERT INTO hint (cluster, labels, fingerprint, at_ms) VALUES (?, ?, ?, ?)'),
    trimHints: db.prepare(
      `DELETE FROM hint WHERE cluster = ? AND id <=
         (SELECT id FROM hint WHERE cluster = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
    ),
    hints: db.prepare('SELECT * FROM hint WHERE cluster = ? ORDER BY id'),
    dropHint: db.prepare('DELETE FROM hint WHERE id = CAST(? AS INTEGER)'),
    setAside: db.prepare(
      'INSERT INTO set_aside (at_ms, cluster, connector, body, error) VALUES (?, ?, ?, ?, ?)',
    ),
    trimSetAside: db.prepare('DELETE FROM set_aside WHERE id <= (SELECT max(id) FROM set_aside) - ?'),
  };
}
