import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LedgerOpenError } from './open-error.ts';
import { applicationId, createSchema, schemaVersion, upgradeSchema } from './sqlite-schema.ts';

/** An open ledger database; `close` gives the file back to others. */
export interface LedgerFile {
  readonly db: DatabaseSync;
  /** The absolute path, or `:memory:`; for error messages. */
  readonly path: string;
  close(): void;
}

const BUSY = 5;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/**
 * The files (`device:inode`) that this process holds. SQLite's lock is a POSIX lock, and closing *any* descriptor of a
 * file drops all of the process's locks on it: reading the header of a file that a ledger of this process holds would
 * silently unlock it.
 */
const held = new Set<string>();

/**
 * Opens and locks the ledger's file, and creates it where there is none (in a directory that exists).
 *
 * In this order, so that a file which is not ours is never touched:
 *  1. Read the header without SQLite, which would replay a foreign journal just by opening. Refuse what is no SQLite
 *     database, what another application made, what a later version made, and a place that cannot be written.
 *  2. Open, with `locking_mode=EXCLUSIVE` before the first access: the lock is then held until `close`, the second holder
 *     fails at once, and WAL keeps its index in memory (no `-shm` file).
 *  3. Create the schema in the rollback journal, whose creation makes SQLite sync the directory, so that the file's own
 *     name is on disk as well; only then change to WAL.
 *
 * Durability: WAL with `synchronous=FULL` syncs the log at each commit. Network file systems are not supported: their
 * locks cannot be relied on.
 *
 * `PRAGMA quick_check` runs at each open. It reads the whole file (about 50 ms for 10,000 remediations and 100,000 events), and a damaged
 * page found later would be found between a commit and its restart.
 */
export function openLedgerFile(path: string): LedgerFile {
  if (path === ':memory:') {
    const db = new DatabaseSync(':memory:');
    createSchema(db);
    return { db, path, close: () => db.close() };
  }

  const absolute = resolve(path);
  requireDirectory(absolute);
  const identity = identify(absolute);
  if (identity !== null && held.has(identity)) throw inUse(absolute);
  requireOurs(absolute);
  requireWritable(absolute);

  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(absolute, { timeout: 0 });
    return take(db, absolute);
  } catch (error) {
    db?.close();
    throw explain(error, absolute);
  }
}

function take(db: DatabaseSync, path: string): LedgerFile {
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  db.exec('BEGIN EXCLUSIVE');
  // The header said that the file is ours or empty, so without our mark it is empty: new, or its creation was cut short.
  if (pragma(db, 'application_id') === 0 && pragma(db, 'schema_version') === 0) createSchema(db);
  // Once more under the lock: the header was read before it.
  const version = Number(pragma(db, 'user_version'));
  checkMark(path, Number(pragma(db, 'application_id')), version);
  if (version < schemaVersion) upgradeSchema(db, version);
  db.exec('COMMIT');

  if (pragma(db, 'journal_mode = WAL') !== 'wal') {
    throw new LedgerOpenError('unusable', `ledger ${path}: the file system does not allow a write-ahead log`);
  }
  db.exec('PRAGMA synchronous = FULL');
  // A burst of large writes should not leave a large log behind for good.
  db.exec('PRAGMA journal_size_limit = 16777216');
  const check = pragma(db, 'quick_check(1)');
  if (check !== 'ok') throw damaged(path, String(check));
  // Proves that writing works: a disk that is full or read-only should stop the start, not the first webhook.
  db.exec('UPDATE meta SET version = version');

  const identity = identify(path);
  if (identity !== null) held.add(identity);
  return {
    db,
    path,
    close: () => {
      db.close();
      if (identity !== null) held.delete(identity);
    },
  };
}

function requireDirectory(path: string): void {
  const directory = dirname(path);
  let found = false;
  try {
    found = statSync(directory).isDirectory();
  } catch (error) {
    throw new LedgerOpenError('no_directory', `ledger ${path}: the directory ${directory} cannot be read`, {
      cause: error,
    });
  }
  if (!found) throw new LedgerOpenError('no_directory', `ledger ${path}: ${directory} is no directory`);
}

/** Reads the SQLite header (100 bytes) and refuses what is not ours. A missing or empty file is welcome. */
function requireOurs(path: string): void {
  const header = Buffer.alloc(100);
  let length = 0;
  try {
    const descriptor = openSync(path, 'r');
    try {
      length = readSync(descriptor, header, 0, header.length, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw new LedgerOpenError('unusable', `ledger ${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (length === 0) return;
  if (length < header.length || header.toString('latin1', 0, 16) !== 'SQLite format 3\0') {
    throw new LedgerOpenError('foreign', `ledger ${path} is not a SQLite database; it was left as it is`);
  }
  checkMark(path, header.readInt32BE(68), header.readInt32BE(60));
}

/** The file where there is one, and its directory, where the log is made: SQLite says no more than "disk I/O error" of some. */
function requireWritable(path: string): void {
  try {
    const isThere = identify(path) !== null;
    if (isThere) accessSync(path, constants.W_OK);
    // SQLite puts its log beside the file itself, not beside a link to it.
    accessSync(dirname(isThere ? realpathSync(path) : path), constants.W_OK);
  } catch (error) {
    throw new LedgerOpenError('unusable', `ledger ${path} cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function checkMark(path: string, application: number, version: number): void {
  if (application !== applicationId) {
    throw new LedgerOpenError(
      'foreign',
      `ledger ${path} is a database of another application; it was left as it is`,
    );
  }
  if (version > schemaVersion) {
    throw new LedgerOpenError(
      'newer',
      `ledger ${path} was made by a later version of connect-medic (schema ${version}, this version knows up to ` +
        `${schemaVersion}); it was left as it is`,
    );
  }
  if (version < 1) throw damaged(path, `there never was a schema ${version}`);
}

function explain(error: unknown, path: string): LedgerOpenError {
  if (error instanceof LedgerOpenError) return error;
  const code = sqliteCode(error);
  if (code === BUSY) return inUse(path, error);
  if (code === CORRUPT || code === NOT_A_DATABASE) return damaged(path, messageOf(error), error);
  return new LedgerOpenError('unusable', `ledger ${path} cannot be used: ${messageOf(error)}`, {
    cause: error,
  });
}

function inUse(path: string, cause?: unknown): LedgerOpenError {
  return new LedgerOpenError(
    'in_use',
    `ledger ${path} is in use: a SQLite ledger has one process at a time, and another one holds it`,
    { cause },
  );
}

function damaged(path: string, what: string, cause?: unknown): LedgerOpenError {
  return new LedgerOpenError(
    'damaged',
    `ledger ${path} is damaged (${what}); put a backup in its place, or move it away to start with an empty ledger`,
    { cause },
  );
}

function identify(path: string): string | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}

function pragma(db: DatabaseSync, text: string): unknown {
  const row = db.prepare(`PRAGMA ${text}`).get();
  return row === undefined ? undefined : Object.values(row)[0];
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** The primary result code of an error from SQLite; null for any other error. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
