import type { DatabaseSync } from 'node:sqlite';

const record = `
  SELECT cluster, connector, version, look_at_ms, lease_token, lease_until_ms, unverified, body_id, json
  FROM remediation LEFT JOIN body ON body.id = body_id`;

/** The statements on remediations, prepared once. The nine columns of `columnsOf` stay together, in its order. */
export function prepareStatements(db: DatabaseSync) {
  return {
    row: db.prepare(`${record} WHERE cluster = ? AND connector = ?`),
    count: db.prepare('SELECT count(*) AS n FROM remediation'),
    nextVersion: db.prepare('UPDATE meta SET version = version + 1 RETURNING version'),
    lastVersion: db.prepare('SELECT version FROM meta'),
    ping: db.prepare('UPDATE meta SET pinged_at_ms = ?'),

    insert: db.prepare(
      `INSERT INTO remediation (cluster, connector, version, body_id, look_at_ms, state, unverified, attempts,
         last_restart_at_ms, escalation, cause_class, hold, storm)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    update: db.prepare(
      `UPDATE remediation SET version = ?, lease_token = ?, lease_until_ms = ?, look_at_ms = ?, state = ?,
         unverified = ?, attempts = ?, last_restart_at_ms = ?, escalation = ?, cause_class = ?, hold = ?, storm = ?
       WHERE cluster = ? AND connector = ?`,
    ),
    remove: db.prepare('DELETE FROM remediation WHERE cluster = ? AND connector = ?'),
    addBody: db.prepare('INSERT INTO body (json) VALUES (?)'),
    putBody: db.prepare('REPLACE INTO body (id, json) VALUES (?, ?)'),
    removeBody: db.prepare('DELETE FROM body WHERE id = ?'),

    anyDue: db.prepare('SELECT 1 FROM remediation WHERE cluster = ? AND due_at_ms <= ? LIMIT ?'),
    due: db.prepare(`${record} WHERE cluster = ? AND due_at_ms <= ? ORDER BY due_at_ms, connector LIMIT ?`),
    // Not those of this claim; a lease of any other, also of the same caller, counts with its end.
    nextDue: db.prepare(
      `SELECT due_at_ms FROM remediation WHERE cluster = ? AND lease_token IS NOT ?
       ORDER BY due_at_ms LIMIT 1`,
    ),
    unverified: db.prepare('SELECT count(*) AS n FROM remediation WHERE cluster = ? AND unverified = 1'),
    lease: db.prepare(
      'UPDATE remediation SET lease_token = ?, lease_until_ms = ? WHERE cluster = ? AND connector = ?',
    ),
    release: db.prepare(
      `UPDATE remediation SET lease_token = NULL, lease_until_ms = 0
       WHERE cluster = ? AND connector = ? AND lease_token = ?`,
    ),
    voidLeases: db.prepare(
      'UPDATE remediation SET lease_token = NULL, lease_until_ms = 0 WHERE lease_token IS NOT NULL',
    ),
    wake: db.prepare(
      'UPDATE remediation SET look_at_ms = ?1 WHERE cluster = ?2 AND connector = ?3 AND look_at_ms > ?1',
    ),

    list: db.prepare(
      `${record}
       WHERE (?1 IS NULL OR cluster = ?1) AND (?2 IS NULL OR state IN (SELECT value FROM json_each(?2)))
       ORDER BY cluster, connector`,
    ),
    storms: db.prepare(
      `SELECT cluster, connector, state, attempts, last_restart_at_ms, escalation, cause_class, hold, storm
       FROM remediation WHERE cluster = ?`,
    ),
    stormsRevision: db.prepare('SELECT storms_revision FROM meta'),
    stormsMoved: db.prepare('UPDATE meta SET storms_revision = storms_revision + 1'),
    hashKey: db.prepare('SELECT hash_key FROM meta'),
    setHashKey: db.prepare('UPDATE meta SET hash_key = ?'),
    overview: db.prepare(
      `SELECT cluster, connector, state, attempts, last_restart_at_ms, escalation, cause_class, hold
       FROM remediation ORDER BY cluster, connector`,
    ),
  };
}
