import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openLedger } from '../../src/ledger/open.ts';
import { freePorts } from '../stack/ports.ts';
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

  it('opens a Redis that cannot be reached, and says so when it is asked for something', async () => {
    const [port] = await freePorts(1);
    const url = { reveal: () => `redis://:hunter2@127.0.0.1:${port}` };
    const ledger = await openLedger({ kind: 'redis', url, keyPrefix: 'test', replicas: 0 }, dependencies);
    await assert.rejects(ledger.ping(), {
      name: 'LedgerUnavailable',
      message: `ledger redis://127.0.0.1:${port}: not connected: connect ECONNREFUSED 127.0.0.1:${port}`,
    });
    await ledger.close();
  });

  it('does not open a Redis whose URL is wrong', async () => {
    const url = { reveal: () => 'redis+cluster://:hunter2@127.0.0.1:1/3' };
    await assert.rejects(openLedger({ kind: 'redis', url, keyPrefix: 'test', replicas: 0 }, dependencies), {
      name: 'LedgerOpenError',
      failure: 'unusable',
      message: 'ledger.url: a Redis Cluster has only database 0',
    });
  });
});
