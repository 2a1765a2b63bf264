import type { DatabaseSync } from 'node:sqlite';
import { LedgerUnavailable } from './ledger.ts';
import type { LedgerFile } from './sqlite-file.ts';
import { messageOf, sqliteCode } from './sqlite-file.ts';

/**
 * The connection as the ledger uses it: work is done whole or not at all, and whatever SQLite says against it becomes
 * `LedgerUnavailable`. SQLite works synchronously, so nothing else of this process runs in between.
 */
export class SqliteSession {
  readonly db: DatabaseSync;
  readonly #file: LedgerFile;
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

  /** Writes in one transaction, on disk when this returns. Nothing of it is left when it throws. */
  write<T>(work: () => T): T {
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
    this.#closed = true;
    this.#file.close();
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
