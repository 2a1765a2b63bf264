/** What only a file has: writes of one turn of the event loop share a transaction, and nothing else. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { openLedgerFile } from '../../src/ledger/sqlite-file.ts';
import { SqliteSession } from '../../src/ledger/sqlite-session.ts';

function given(t: TestContext): {
  session: SqliteSession;
  add: (value: string) => () => number;
  values: () => unknown[];
} {
  const directory = mkdtempSync(join(tmpdir(), 'connect-medic-together-'));
  const session = new SqliteSession(openLedgerFile(join(directory, 'ledger.db')));
  t.after(() => {
    session.close();
    rmSync(directory, { recursive: true });
  });
  session.db.exec('CREATE TABLE word (value TEXT UNIQUE) STRICT');
  const insert = session.db.prepare('INSERT INTO word (value) VALUES (?)');
  const all = session.db.prepare('SELECT value FROM word ORDER BY rowid');
  return {
    session,
    add: (value) => () => Number(insert.run(value).changes),
    values: () => session.read(() => all.all().map(({ value }) => value)),
  };
}

describe('writes to a SQLite file', () => {
  test('of one turn are in one transaction, in their order', async (t) => {
    const { session, values, add } = given(t);
    const seen: boolean[] = [];
    const work = (value: string) => () => {
      seen.push(session.db.isTransaction);
      return add(value)();
    };
    const begun = [session.write(work('a')), session.write(work('b')), session.write(work('c'))];
    assert.deepEqual(values(), [], 'nothing is written before its turn');
    assert.deepEqual(await Promise.all(begun), [1, 1, 1]);
    assert.deepEqual(values(), ['a', 'b', 'c']);
    assert.deepEqual(seen, [true, true, true]);
  });

  test('fail by themselves', async (t) => {
    const { session, values, add } = given(t);
    const results = await Promise.allSettled([
      session.write(add('a')),
      session.write(add('a')),
      session.write(() => {
        add('b')();
        throw new RangeError('our own fault');
      }),
      session.write(add('c')),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    assert.ok(results[1]?.status === 'rejected' && results[1].reason instanceof LedgerUnavailable);
    assert.ok(results[2]?.status === 'rejected' && results[2].reason instanceof RangeError);
    assert.deepEqual(values(), ['a', 'c']);
  });

  test('that wait when the ledger is closed are written; later ones are refused', async (t) => {
    const { session, values, add } = given(t);
    const waiting = session.write(add('a'));
    assert.deepEqual(values(), []);
    session.close();
    assert.equal(await waiting, 1);
    await assert.rejects(session.write(add('b')), LedgerUnavailable);
  });
});
