import type { DatabaseSync } from 'node:sqlite';

/** `cmed` in ASCII: tells our files from everybody else's. */
export const applicationId = 0x636d6564;

/** Raised with each change of the tables; a file with a higher one is refused. */
export const schemaVersion = 3;

/**
 * The tables.
 *
 *  meta         one row: the last version given out, and the last ping.
 *  remediation  what indexes, claims and gauges need, and no more: a claim or a gauge's scan touches rows of about 150
 *               bytes and never the bodies, which are kilobytes.
 *  body         the whole record as JSON.
 *  event        the audit trail. AUTOINCREMENT: ids have no gaps and are never used twice, so the trail is trimmed by
 *               arithmetic on ids.
 *  hint         signals that name no connector.
 *  set_aside    bodies that could not be read, for a human to look at.
 *  pause        an operator's pauses; an empty name stands for all. `meta.pauses_revision` tells when they change.
 *
 * `due_at_ms` is when a record can be claimed: when its look has come and its lease, if any, is over.
 */
const tables = `
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL,
  pinged_at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, 0);

CREATE TABLE body (
  id INTEGER PRIMARY KEY,
  json TEXT NOT NULL
) STRICT;

CREATE TABLE remediation (
  cluster TEXT NOT NULL,
  connector TEXT NOT NULL,
  version INTEGER NOT NULL,
  look_at_ms INTEGER NOT NULL,
  lease_token TEXT,
  lease_until_ms INTEGER NOT NULL DEFAULT 0,
  due_at_ms INTEGER GENERATED ALWAYS AS (max(look_at_ms, lease_until_ms)) VIRTUAL,
  state TEXT NOT NULL,
  unverified INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  last_restart_at_ms INTEGER,
  escalation TEXT,
  cause_class TEXT,
  hold TEXT,
  body_id INTEGER NOT NULL,
  PRIMARY KEY (cluster, connector)
) STRICT, WITHOUT ROWID;
CREATE INDEX due ON remediation (cluster, due_at_ms, connector);
CREATE INDEX unverified ON remediation (cluster) WHERE unverified = 1;

CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  cluster TEXT NOT NULL,
  connector TEXT NOT NULL,
  kind TEXT NOT NULL,
  reason TEXT NOT NULL,
  attempt INTEGER,
  actor TEXT NOT NULL,
  detail TEXT
) STRICT;

CREATE TABLE hint (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cluster TEXT NOT NULL,
  labels TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX hint_cluster ON hint (cluster);

CREATE TABLE set_aside (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  cluster TEXT NOT NULL,
  connector TEXT NOT NULL,
  body TEXT,
  error TEXT NOT NULL
) STRICT;
`;

/** What brings a file of schema n (from 1) to n + 1, in their order. */
const upgrades: readonly string[] = [
  `
CREATE TABLE pause (
  cluster TEXT NOT NULL,
  connector TEXT NOT NULL,
  until_ms INTEGER,
  json TEXT NOT NULL,
  PRIMARY KEY (cluster, connector)
) STRICT, WITHOUT ROWID;
ALTER TABLE meta ADD COLUMN pauses_revision INTEGER NOT NULL DEFAULT 0;
`,
  `
ALTER TABLE remediation ADD COLUMN storm TEXT;
ALTER TABLE meta ADD COLUMN storms_revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN hash_key TEXT;
`,
];

/** Creates the tables and marks the file as ours. The caller's transaction makes it one step. */
export function createSchema(db: DatabaseSync): void {
  db.exec(tables);
  db.exec(`PRAGMA application_id = ${applicationId}`);
  upgradeSchema(db, 1);
}

/** Brings the tables of an earlier version up to date. The caller's transaction makes it one step. */
export function upgradeSchema(db: DatabaseSync, from: number): void {
  for (const upgrade of upgrades.slice(from - 1)) db.exec(upgrade);
  db.exec(`PRAGMA user_version = ${schemaVersion}`);
}
