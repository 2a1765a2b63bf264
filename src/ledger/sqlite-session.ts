import type { DatabaseSync } from 'node:sqlite';
import { LedgerUnavailable } from './ledger.ts';
import type { LedgerFile } from './sqlite-file.ts';
import { messageOf, sqliteCode } from './sqlite-file.ts';

/** Work that waits for the next transaction. */
interface Waiting {
  readonly work: () => unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The connection as the ledger uses it: work is done whole or not at all, and whatever SQLite says against it becomes
 * `LedgerUnavailable`. SQLite works synchronously, so nothing else of this process runs in between.
 *
 * Writes that are asked for in one turn of the event loop share a transaction, since the wait for the disk is most of what
 * a write costs: dozens of webhooks and of remediations in a storm then wait for it once. In memory nothing waits.
 */
export class SqliteSession {
  readonly db: DatabaseSync;
  readonly #file: LedgerFile;
  #waiting: Waiting[] = [];
  #closed = false;

  constructor(file: LedgerFile) {
    this.#file = file;
    this.db = file.db;
  }

  /** Reads; each statement sees the last commit. */
  read<T>(work: () => T): T {
    this.#requireOpen();
    try {
      return work();
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Writes; on disk when this resolves. Nothing of the work is left when it rejects. Work may be done anew. */
  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (result: never) => void, reject });
      if (this.#file.path === ':memory:') this.#writeWaiting();
      else if (this.#waiting.length === 1) setImmediate(() => this.#writeWaiting());
    });
  }

  /** Writes in a transaction of its own, on disk when this returns. Nothing of it is left when it throws. */
  writeNow<T>(work: () => T): T {
    this.#requireOpen();
    try {
      // A rollback that failed (the disk was gone) may have left its transaction open.
      this.#rollback();
      this.db.exec('BEGIN IMMEDIATE');
      const result = work();
      this.db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#rollbackAfter(error);
      throw this.#explain(error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#writeWaiting();
    this.#closed = true;
    this.#file.close();
  }

  #writeWaiting(): void {
    const together = this.#waiting;
    this.#waiting = [];
    if (together.length > 1) {
      try {
        const results = this.writeNow(() => together.map(({ work }) => work()));
        for (const [index, { resolve }] of together.entries()) resolve(results[index] as never);
        return;
      } catch {
        // Each by itself now, so that what fails takes nothing else with it, and says why.
      }
    }
    for (const { work, resolve, reject } of together) {
      try {
        resolve(this.writeNow(work) as never);
      } catch (error) {
        reject(error);
      }
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new LedgerUnavailable(`ledger ${this.#file.path} is closed`);
  }

  /** SQLite ends the transaction itself after some errors (a full disk, for one): rolling back then would be an error. */
  #rollback(): void {
    if (this.db.isTransaction) this.db.exec('ROLLBACK');
  }

  #rollbackAfter(error: unknown): void {
    try {
      this.#rollback();
    } catch (second) {
      throw new LedgerUnavailable(
        `ledger ${this.#file.path}: ${messageOf(error)}; rolling back: ${messageOf(second)}`,
        { cause: error },
      );
    }
  }

  /** What SQLite's errors say is about pages, columns and the disk, never about a value. */
  #explain(error: unknown): unknown {
    if (sqliteCode(error) === null) return error;
    return new LedgerUnavailable(`ledger ${this.#file.path}: ${messageOf(error)}`, { cause: error });
  }
}
