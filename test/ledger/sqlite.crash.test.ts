import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Ledger, LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { openSqliteLedger, SqliteLedger } from '../../src/ledger/sqlite.ts';
import { openLedgerFile } from '../../src/ledger/sqlite-file.ts';
import { Child } from './child.ts';
import { create, event, key, loaded, loadOne, remediation, replace } from './records.ts';
import { inDirectory, startMs } from './sqlite-harness.ts';

const options = { limits: { remediations: 10_000, events: 1_000_000 }, now: () => startMs };

/** What a child's lines say was acknowledged: per connector its last version and attempts, and the length of the trail. */
class Acknowledged {
  readonly #records = new Map<string, { version: number; attempts: number } | null>();
  #events = 0;

  take(lines: readonly string[]): void {
    for (const line of lines) {
      const [what, connector = '', version, third, fourth] = line.split(' ');
      if (what === 'wrote') {
        this.#records.set(connector, { version: Number(version), attempts: Number(third) });
        this.#events = Number(fourth);
      } else if (what === 'removed') {
        this.#records.set(connector, null);
        this.#events = Number(third);
      }
    }
  }

  /** At most the write that was under way may be there as well: it was not acknowledged, and may have come through. */
  async verify(ledger: Ledger): Promise<void> {
    let ahead = 0;
    for (const [connector, expected] of this.#records) {
      const stored = await loadOne(ledger, key(connector));
      if (stored?.version === expected?.version) {
        assert.equal(stored?.remediation.attempts, expected?.attempts);
        continue;
      }
      ahead += 1;
      assert.ok(
        stored === null || expected === null || expected === undefined || stored.version > expected.version,
        `${connector} was ${expected?.version} and is ${stored?.version}`,
      );
    }
    const events = (await ledger.events({ limit: 1_000_000 })).length;
    assert.ok(ahead <= 1, 'one write is under way at a time');
    assert.ok(events === this.#events || events === this.#events + 1, `${this.#events} events are ${events}`);
    // A record and its event are one step: the trail is ahead exactly where a record is.
    if (ahead === 1) assert.equal(events, this.#events + 1);
  }

  get records(): number {
    return this.#records.size;
  }
}

describe('a process that is killed while it writes', () => {
  it('has lost nothing that was acknowledged, in twenty lives of one ledger (P2, P5)', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      for (let life = 0; life < 20; life += 1) {
        await using child = new Child(path, { rounds: 100_000 });
        const acknowledged = new Acknowledged();
        assert.equal(await child.line(), 'open');
        // Spread over the phases of a round, and beyond the length of a log.
        const lastLine = 2 + life * 7 + (life % 5 === 4 ? 400 : 0);
        for (let line = 1; line < lastLine; line += 1) await child.line();
        await child.kill();
        acknowledged.take(child.lines);
        assert.ok(acknowledged.records > 0);
        const ledger = openSqliteLedger({ path, ...options });
        await acknowledged.verify(ledger);
        await ledger.close();
      }
    }));
});

describe('a disk that is full', () => {
  it('makes every write LedgerUnavailable with its cause, changes nothing, and lets the ledger work when it has room (P6)', () =>
    inDirectory(async (directory) => {
      const file = openLedgerFile(join(directory, 'ledger.db'));
      const ledger = new SqliteLedger(file, options);
      const orders = remediation('orders', { lookAtMs: startMs });
      await ledger.store([create(orders, [event('orders', { atMs: startMs })])]);
      const pages = Number(file.db.prepare('PRAGMA page_count').get()?.['page_count']);
      file.db.exec(`PRAGMA max_page_count = ${pages}`);

      const before = [await ledger.list(), await ledger.events()];
      const large = Array.from({ length: 50 }, (_, number) =>
        create(remediation(`c${number}`, { lookAtMs: startMs, reason: 'signal' }), [
          event('c', { atMs: startMs, detail: 'x'.repeat(2000) }),
        ]),
      );
      const full = (error: unknown): boolean =>
        error instanceof LedgerUnavailable && /full/.test(error.message) && error.cause instanceof Error;
      for (let time = 0; time < 3; time += 1) await assert.rejects(ledger.store(large), full);
      const [claim] = (await ledger.claim({ cluster: 'payments', limit: 1, leaseMs: 60_000 })).claims;
      assert.ok(claim);
      const long = [event('orders', { atMs: startMs, detail: 'x'.repeat(100_000) })];
      await assert.rejects(ledger.commit(claim, { ...orders, attempts: 1 }, long), full);
      assert.deepEqual([await ledger.list(), await ledger.events()], before);

      file.db.exec('PRAGMA max_page_count = 1000000');
      assert.ok(await ledger.commit(claim, { ...orders, attempts: 1 }, long));
      assert.ok((await ledger.store(large)).every((result) => result === 'stored'));
      assert.equal((await ledger.list()).length, 51);
      await ledger.ping();
      await ledger.close();
    }));

  it('loses nothing that was acknowledged before the log could grow no more', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      // No file may grow beyond 400 blocks of 512 bytes: the log meets this limit in the middle of a write.
      await using child = new Child(path, { rounds: 100_000, maxFileBlocks: 400 });
      await child.ended();
      assert.match(child.lines.at(-1) ?? '', /^unavailable ledger .*ledger\.db: /);
      const acknowledged = new Acknowledged();
      acknowledged.take(child.lines);
      assert.ok(acknowledged.records > 0);
      const ledger = openSqliteLedger({ path, ...options });
      await acknowledged.verify(ledger);
      await ledger.close();
    }));

  it('of a real file system is survived as well, where the test may mount one (P6)', async (context) =>
    inDirectory(async (directory) => {
      const disk = join(directory, 'disk');
      mkdirSync(disk);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'none', disk], { stdio: 'ignore' });
      } catch {
        context.skip('mounting a file system is not allowed here');
        return;
      }
      try {
        const ledger = openSqliteLedger({ path: join(disk, 'ledger.db'), ...options });
        await ledger.store([create(remediation('orders', { lookAtMs: startMs }))]);
        assert.throws(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(1_000_000)), { code: 'ENOSPC' });
        const stored = await loaded(ledger, key('orders'));
        const large = event('orders', { atMs: startMs, detail: 'x'.repeat(50_000) });
        const write = replace(stored, { ...stored.remediation, attempts: 1 }, [large]);
        await assert.rejects(ledger.store([write]), LedgerUnavailable);
        assert.deepEqual(await loaded(ledger, key('orders')), stored);
        rmSync(join(disk, 'filler'));
        assert.deepEqual(await ledger.store([write]), ['stored']);
        await ledger.close();
      } finally {
        execFileSync('umount', [disk]);
      }
    }));
});
