/**
 * What ingest is measured against: the least that could be called the same service. A bare Fastify that reads
 * Alertmanager's body and makes one durable write for each alert, into the same kind of store with the same durability, and
 * answers 202 when the last one is there. It looks at nothing, merges nothing, and nobody acts on what it keeps.
 *
 * `baseline.ts PORT sqlite FILE`, `baseline.ts PORT redis URL [pipelined]`. With `pipelined` the writes to Redis are sent
 * together; otherwise each waits for the one before it, as with SQLite.
 */
import { DatabaseSync } from 'node:sqlite';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

interface Alert {
  readonly fingerprint: string;
}

const [port = '', kind = '', where = '', how = ''] = process.argv.slice(2);
const keep = kind === 'sqlite' ? sqlite(where) : redis(where, how === 'pipelined');

const app = Fastify({ logger: false, bodyLimit: 8_388_608 });
app.get('/livez', async () => ({ status: 'ok' }));
app.post('/webhook', async (request, reply) => {
  const { alerts } = request.body as { alerts: readonly Alert[] };
  await keep(alerts);
  return reply.code(202).send({ accepted: alerts.length, ignored: 0 });
});
await app.listen({ host: '127.0.0.1', port: Number(port) });

function sqlite(path: string): (alerts: readonly Alert[]) => Promise<void> {
  const db = new DatabaseSync(path);
  // As the ledger's file: see src/ledger/sqlite-file.ts.
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('PRAGMA synchronous = FULL');
  db.exec('CREATE TABLE alert (fingerprint TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT');
  const put = db.prepare('REPLACE INTO alert (fingerprint, json) VALUES (?, ?)');
  return async (alerts) => {
    for (const alert of alerts) put.run(alert.fingerprint, JSON.stringify(alert));
  };
}

function redis(url: string, pipelined: boolean): (alerts: readonly Alert[]) => Promise<void> {
  const client = new Redis(url);
  const put = (alert: Alert): Promise<number> =>
    client.hset('alert', alert.fingerprint, JSON.stringify(alert));
  return async (alerts) => {
    if (pipelined) await Promise.all(alerts.map(put));
    else for (const alert of alerts) await put(alert);
  };
}
