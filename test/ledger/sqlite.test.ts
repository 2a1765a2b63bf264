import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import type { Key, Ledger } from '../../src/ledger/ledger.ts';
import { LedgerOpenError, type OpenFailure } from '../../src/ledger/open-error.ts';
import { openSqliteLedger, type SqliteLedgerOptions } from '../../src/ledger/sqlite.ts';
import { Child } from './child.ts';
import { create, event, key, loaded, loadOne, remediation, replace } from './records.ts';
import { inDirectory, ManualClock, startMs } from './sqlite-harness.ts';

const limits = { remediations: 1000, events: 1000 };

function open(path: string, given: Partial<SqliteLedgerOptions> = {}): Ledger {
  return openSqliteLedger({ path, limits, now: () => startMs, ...given });
}

/** Works on the closed file behind the ledger's back. */
function tamper(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  try {
    db.exec(sql);
  } finally {
    db.close();
  }
}

function assertRefused(path: string, failure: OpenFailure, message: RegExp): void {
  assert.throws(
    () => open(path),
    (error) =>
      error instanceof LedgerOpenError &&
      error.failure === failure &&
      message.test(error.message) &&
      error.message.includes(path),
  );
}

describe('opening a SQLite ledger', () => {
  it('creates the file where there is none, and in an empty one', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      await open(path).close();
      assert.deepEqual(readdirSync(directory), ['ledger.db'], 'a clean close leaves no log behind');
      const empty = join(directory, 'empty.db');
      writeFileSync(empty, '');
      await open(empty).close();
      await open(empty).close();
    }));

  it('refuses a directory that does not exist, and does not create it', () =>
    inDirectory((directory) => {
      const missing = join(directory, 'no', 'such');
      assertRefused(join(missing, 'ledger.db'), 'no_directory', new RegExp(missing));
      assert.equal(existsSync(missing), false);
      const file = join(directory, 'file');
      writeFileSync(file, '');
      assertRefused(join(file, 'ledger.db'), 'no_directory', /no directory/);
    }));

  it('refuses a directory in the place of the file', () =>
    inDirectory((directory) => {
      mkdirSync(join(directory, 'ledger.db'));
      assertRefused(join(directory, 'ledger.db'), 'unusable', /cannot be read/);
    }));

  // Each row: what lies there, and what is said about it. Nothing of it may change.
  const foreign: [string, (path: string) => void, OpenFailure, RegExp][] = [
    [
      'a file that is no database',
      (path) => writeFileSync(path, 'clusters:\n'.repeat(100)),
      'foreign',
      /not a SQLite/,
    ],
    [
      'a file shorter than a header',
      (path) => writeFileSync(path, 'SQLite format 3\0'),
      'foreign',
      /not a SQLite/,
    ],
    [
      'a database without a mark',
      (path) => tamper(path, 'CREATE TABLE t (a); INSERT INTO t VALUES (1)'),
      'foreign',
      /another application/,
    ],
    [
      'a database of another application with a log',
      (path) => {
        const db = new DatabaseSync(`${path}.tmp`);
        db.exec('PRAGMA application_id = 7; PRAGMA journal_mode = WAL; CREATE TABLE t (a)');
        // Copied while it is open: a clean close would take the log away.
        for (const end of ['', '-wal']) copyFileSync(`${path}.tmp${end}`, `${path}${end}`);
        db.close();
        rmSync(`${path}.tmp`);
      },
      'foreign',
      /another application/,
    ],
    [
      'a ledger of a later version',
      (path) => {
        openSqliteLedger({ path, limits, now: () => startMs }).close();
        tamper(path, 'PRAGMA user_version = 4');
      },
      'newer',
      /schema 4, this version knows up to 3/,
    ],
  ];
  it('brings a ledger of an earlier version up to date, and keeps what is in it', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ours.db');
      const first = openSqliteLedger({ path, limits, now: () => startMs });
      await first.store([create(remediation('orders', { lookAtMs: startMs }))]);
      await first.close();
      const asBefore = [
        'DROP TABLE pause',
        'ALTER TABLE meta DROP COLUMN pauses_revision',
        'ALTER TABLE meta DROP COLUMN storms_revision',
        'ALTER TABLE meta DROP COLUMN hash_key',
        'ALTER TABLE remediation DROP COLUMN storm',
        'PRAGMA user_version = 1',
      ];
      tamper(path, asBefore.join('; '));
      const again = openSqliteLedger({ path, limits, now: () => startMs });
      assert.ok(await loadOne(again, key('orders')));
      assert.deepEqual((await again.pauses()).pauses, []);
      await again.close();
    }));

  for (const [what, make, failure, message] of foreign) {
    it(`refuses ${what} and leaves it as it is`, () =>
      inDirectory((directory) => {
        const path = join(directory, 'theirs.db');
        make(path);
        const bytes = () => readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]);
        const before = bytes();
        assertRefused(path, failure, message);
        assert.deepEqual(bytes(), before);
      }));
  }

  it('refuses a ledger with a damaged page, and says what to do', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      await open(path).close();
      const bytes = readFileSync(path);
      bytes.fill(0xff, 4096);
      writeFileSync(path, bytes);
      assertRefused(path, 'damaged', /put a backup in its place/);
    }));

  it('refuses a second ledger of the same process, whose lock stays whole', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      const ledger = open(path);
      assertRefused(path, 'in_use', /in use/);
      await using other = new Child(path);
      assert.match(await other.line(), /^refused in_use /);
      await other.ended();
      await ledger.store([create(remediation('orders', { lookAtMs: startMs }))]);
      await ledger.close();
      const again = open(path);
      assert.ok(await loadOne(again, key('orders')));
      await again.close();
    }));

  it('refuses a file that another process holds, and opens it once that one is dead', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      await using holder = new Child(path);
      assert.equal(await holder.line(), 'open');
      assertRefused(path, 'in_use', /another one holds it/);
      await holder.kill();
      await open(path).close();
    }));
});

describe('a SQLite ledger that is opened again', () => {
  it('has no leases: whoever held them is dead', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      const first = open(path);
      await first.store([create(remediation('orders', { lookAtMs: startMs }))]);
      const request = { cluster: 'payments', limit: 1, leaseMs: 3_600_000 };
      const [old] = (await first.claim(request)).claims;
      assert.ok(old);
      await first.close();
      const second = open(path);
      assert.equal(await second.commit(old, old.remediation, []), null);
      assert.equal((await second.claim(request)).claims.length, 1);
      await second.close();
    }));

  it('cuts its trail to a lower limit', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      const events = [1, 2, 3, 4].map((n) => event('orders', { atMs: startMs, attempt: n }));
      const first = open(path);
      await first.store([create(remediation('orders', { lookAtMs: startMs }), events)]);
      await first.close();
      const second = open(path, { limits: { ...limits, events: 2 } });
      assert.deepEqual(await second.events(), events.slice(2));
      await second.close();
    }));
});

describe('time in a SQLite ledger', () => {
  it('gives a lease away in the millisecond of its end, and not in the one before', async () => {
    const clock = new ManualClock();
    const ledger = open(':memory:', { now: clock.now });
    await ledger.store([create(remediation('orders', { lookAtMs: startMs }))]);
    const take = async () => (await ledger.claim({ cluster: 'payments', limit: 1, leaseMs: 1000 })).claims;
    assert.equal((await take()).length, 1);
    clock.advance(999);
    assert.equal((await take()).length, 0);
    clock.advance(1);
    assert.equal((await take()).length, 1);
    await ledger.close();
  });

  it('claims in the millisecond of the look, and not in the one before', async () => {
    const clock = new ManualClock();
    const ledger = open(':memory:', { now: clock.now });
    await ledger.store([create(remediation('orders', { lookAtMs: startMs + 5 }))]);
    const request = { cluster: 'payments', limit: 1, leaseMs: 1000 };
    clock.advance(4);
    const early = await ledger.claim(request);
    assert.deepEqual([early.claims, early.nextDueAtMs], [[], startMs + 5]);
    clock.advance(1);
    assert.equal((await ledger.claim(request)).claims.length, 1);
    await ledger.close();
  });

  it('lets a lease last longer when the clock jumps backwards, and gives nothing out twice (P2)', async () => {
    const clock = new ManualClock();
    const ledger = open(':memory:', { now: clock.now });
    await ledger.store([create(remediation('orders', { lookAtMs: startMs - 3_600_000 }))]);
    const request = { cluster: 'payments', limit: 1, leaseMs: 1000 };
    const [claim] = (await ledger.claim(request)).claims;
    assert.ok(claim);
    clock.advance(-60_000);
    const { claims, nextDueAtMs } = await ledger.claim(request);
    assert.deepEqual([claims, nextDueAtMs], [[], startMs + 1000]);
    assert.ok(await ledger.commit(claim, claim.remediation, []));
    await ledger.close();
  });
});

describe('a damaged record', () => {
  // Each row: what became of the body of `broken`.
  const damages = [
    ['broken JSON', "UPDATE body SET json = '{\"cluster\":' WHERE json LIKE '%broken%'"],
    ['JSON that is no record', "UPDATE body SET json = '[]' WHERE json LIKE '%broken%'"],
    ['a missing body', "DELETE FROM body WHERE json LIKE '%broken%'"],
  ] as const;
  const reads: [string, (ledger: Ledger) => Promise<unknown>][] = [
    ['load', (ledger) => ledger.load([key('broken'), key('whole')])],
    ['list', (ledger) => ledger.list()],
    ['claim', (ledger) => ledger.claim({ cluster: 'payments', limit: 10, leaseMs: 1 })],
  ];
  for (const [what, sql] of damages) {
    for (const [how, read] of reads) {
      it(`${what}: is set aside and reported once at ${how}, the others stay, and a signal opens it again (P7)`, () =>
        inDirectory(async (directory) => {
          const path = join(directory, 'ledger.db');
          const broken = remediation('broken', { lookAtMs: startMs });
          const whole = remediation('whole', { lookAtMs: startMs });
          const first = open(path);
          await first.store([create(broken), create(whole)]);
          await first.close();
          tamper(path, sql);

          const reported: Key[] = [];
          const ledger = open(path, { onDamage: (damaged) => reported.push(damaged) });
          await read(ledger);
          await read(ledger);
          assert.deepEqual(reported, [key('broken')]);
          assert.deepEqual(
            (await ledger.list()).map((one) => one.remediation),
            [whole],
          );
          assert.equal((await ledger.overview()).length, 1);
          assert.deepEqual(await ledger.store([create(broken)]), ['stored']);
          await ledger.close();
          const db = new DatabaseSync(path);
          assert.equal(db.prepare('SELECT connector FROM set_aside').get()?.['connector'], 'broken');
          db.close();
        }));
    }
  }

  it('is replaced by a commit or a store that expects its version', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      const first = open(path);
      await first.store([create(remediation('orders', { lookAtMs: startMs }))]);
      const stored = await loaded(first, key('orders'));
      await first.close();
      tamper(path, 'DELETE FROM body');
      const ledger = open(path);
      assert.deepEqual(await ledger.store([replace(stored, stored.remediation)]), ['stored']);
      assert.deepEqual((await loaded(ledger, key('orders'))).remediation, stored.remediation);
      await ledger.close();
    }));

  it('leaves a hint its meaning when its labels are broken', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      const first = open(path);
      await first.addHints([{ cluster: 'payments', labels: { a: 'b' }, fingerprint: 'f', atMs: startMs }]);
      await first.close();
      tamper(path, "UPDATE hint SET labels = '{'");
      const reported: Key[] = [];
      const ledger = open(path, { onDamage: (damaged) => reported.push(damaged) });
      assert.deepEqual((await ledger.hints('payments'))[0]?.labels, {});
      assert.deepEqual(reported, [key('')]);
      await ledger.close();
    }));
});
