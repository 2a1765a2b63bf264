import type { DatabaseSync } from 'node:sqlite';
import type { Pause, PauseScope } from '../core/model.ts';
import { comparePauses, parsePause, pausesAtMost } from './body.ts';
import type { Pauses } from './ledger.ts';
import { all, first } from './sqlite-rows.ts';

/** An operator's pauses. Called inside the ledger's transactions; opens none of its own. */
export class SqlitePauses {
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: DatabaseSync) {
    this.#sql = prepare(db);
  }

  revision(): number {
    return first<{ pauses_revision: number }>(this.#sql.revision)?.pauses_revision ?? 0;
  }

  /** Those that have not ended. */
  at(nowMs: number): Pauses {
    const pauses = all<{ json: string }>(this.#sql.current, nowMs).map(({ json }) => parsePause(json));
    return {
      revision: this.revision(),
      pauses: pauses.filter((pause) => pause !== null).sort(comparePauses),
    };
  }

  /** Ended ones go with the next that is set. */
  put(pause: Pause, nowMs: number): 'stored' | 'full' {
    this.#sql.removeEnded.run(nowMs);
    const { cluster, connector, untilMs } = pause;
    this.#sql.remove.run(cluster ?? '', connector ?? '');
    if ((first<{ n: number }>(this.#sql.count)?.n ?? 0) >= pausesAtMost) return 'full';
    this.#sql.put.run(cluster ?? '', connector ?? '', untilMs, JSON.stringify(pause));
    this.#sql.changed.run();
    return 'stored';
  }

  /** Whether there was one. */
  remove({ cluster, connector }: PauseScope, nowMs: number): boolean {
    this.#sql.removeEnded.run(nowMs);
    const removed = this.#sql.remove.run(cluster ?? '', connector ?? '').changes > 0;
    if (removed) this.#sql.changed.run();
    return removed;
  }
}

function prepare(db: DatabaseSync) {
  return {
    revision: db.prepare('SELECT pauses_revision FROM meta'),
    changed: db.prepare('UPDATE meta SET pauses_revision = pauses_revision + 1'),
    current: db.prepare('SELECT json FROM pause WHERE until_ms IS NULL OR until_ms > ?'),
    count: db.prepare('SELECT count(*) AS n FROM pause'),
    put: db.prepare('INSERT INTO pause (cluster, connector, until_ms, json) VALUES (?, ?, ?, ?)'),
    remove: db.prepare('DELETE FROM pause WHERE cluster = ? AND connector = ?'),
    removeEnded: db.prepare('DELETE FROM pause WHERE until_ms <= ?'),
  };
}
