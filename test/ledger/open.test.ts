import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openLedger } from '../../src/ledger/open.ts';
import { inDirectory, startMs } from './sqlite-harness.ts';

const dependencies = { limits: { remediations: 10, events: 10 }, now: () => startMs };

describe('opening the configured ledger', () => {
  it('opens a file for sqlite', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'ledger.db');
      const ledger = await openLedger({ kind: 'sqlite', path }, dependencies);
      await ledger.ping();
      await ledger.close();
      assert.ok(existsSync(path));
    }));

  it('opens one that leaves nothing behind for memory', async () => {
    const ledger = await openLedger({ kind: 'memory' }, dependencies);
    await ledger.ping();
    await ledger.close();
  });

  it('says that Redis is not available in this version', async () => {
    await assert.rejects(openLedger({ kind: 'redis' }, dependencies), {
      name: 'LedgerOpenError',
      failure: 'unsupported',
      message: /Redis.*not available/,
    });
  });
});
