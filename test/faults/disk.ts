/** A ledger file that cannot be written for a while, under a service that runs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FakeConnect } from '../replicas/connect.ts';
import { fakeConnect, later, ready, running, SOON_MS } from '../replicas/given.ts';
import { named, type Replica, type Replicas } from '../replicas/replicas.ts';
import { waitFor } from '../stack/process.ts';
import { runToEnd } from '../stack/service.ts';
import { mountSmall, noLimits, remount, setLimit } from './limits.ts';

/** While it fails, an attempt is due every two seconds; once it runs, nothing more happens. */
const POLICY = {
  delays: ['0s', '2s'],
  thenEvery: '2s',
  settle: '500ms',
  stableFor: '1h',
  jitter: '0%',
  budget: { restarts: 1_000, per: '24h' },
};
const NO_MOUNT = 'mounting a file system is not allowed here';
/** The poller's reads go on without the ledger, one a second at most: after so many, a call that was under way has ended. */
const READS_TO_END = 3;
/** After so many more, each connector is overdue. */
const READS_TO_BE_DUE = 6;

export function theDiskMayFail(): void {
  test('while the disk is full webhooks are answered 503 and nothing is restarted, and it goes on when there is room (P5, P6)', async (t) => {
    const disk = mountSmall(t, '16m');
    if (disk === null) return t.skip(NO_MOUNT);
    const filler = join(disk, 'filler');
    const { replicas, one } = await unwritable(t, disk, {
      begin: () => assert.throws(() => writeFileSync(filler, Buffer.alloc(32_000_000)), { code: 'ENOSPC' }),
      meanwhile: ({ process }) => process.kill9(),
      end: async ({ process }) => {
        rmSync(filler);
        await process.start();
      },
    });
    assert.deepEqual(await replicas.faults(), []);
    assert.ok((await one.service.log()).some(({ msg }) => msg.startsWith('the ledger is unavailable')));
  });

  test('where no file can be written at all, the log neither, the process stays, and goes on when it can (P5, P6)', async (t) => {
    if (noLimits !== null) return t.skip(noLimits);
    const directory = mkdtempSync(join(tmpdir(), 'connect-medic-disk-'));
    later(t, () => rm(directory, { recursive: true, force: true }));
    const { one } = await unwritable(t, directory, {
      begin: ({ process }) => setLimit(process.pid, 'fsize', 0),
      meanwhile: async (running) => {
        assert.equal(await running.status('/livez'), 200);
      },
      end: async ({ process }) => setLimit(process.pid, 'fsize', 'unlimited'),
    });
    // The lines have waited, too.
    const said = (await one.service.log()).map(({ msg }) => msg);
    assert.ok(said.some((msg) => msg.startsWith('the ledger is unavailable')));
    assert.ok(said.includes('the ledger is available again'));
  });

  test('on a file system that can only be read it refuses to start, says why, and starts when it can be written', async (t) => {
    const disk = mountSmall(t, '4m');
    if (disk === null) return t.skip(NO_MOUNT);
    const connect = await fakeConnect(t);
    const ledgerUrl = `sqlite:${join(disk, 'ledger.db')}`;
    const replicas = await running(t, {
      count: 1,
      ledgerUrl,
      clusters: { default: connect },
      policy: POLICY,
    });
    const one = replicas.at(0);
    const connectors = named('kept', 3);
    connect.show(connectors, 'FAILED');
    await one.deliver(connectors, SOON_MS);
    await replicas.waitForAll(connectors, ({ attempts }) => attempts >= 1, SOON_MS);
    await one.process.stop();
    const before = connect.restarts.length;
    remount(disk, 'ro');
    const { status, output } = await runToEnd(one.service.configFile);
    assert.equal(status, 1);
    assert.match(output, /ledger .*ledger\.db cannot be written: EROFS: read-only file system/);
    assert.equal(connect.restarts.length, before);
    remount(disk, 'rw');
    await one.process.start();
    await healed(connect, replicas, connectors);
  });
}

interface Fault {
  readonly begin: (one: Replica) => void;
  /** While nothing can be written. */
  readonly meanwhile: (one: Replica) => Promise<void>;
  readonly end: (one: Replica) => Promise<void>;
}

/** One that has acted, is waiting for its second attempt, and cannot write when that is due. */
async function unwritable(
  t: TestContext,
  directory: string,
  { begin, meanwhile, end }: Fault,
): Promise<{ replicas: Replicas; one: Replica; connect: FakeConnect }> {
  const connect = await fakeConnect(t);
  const replicas = await running(t, {
    count: 1,
    ledgerUrl: `sqlite:${join(directory, 'ledger.db')}`,
    clusters: { default: connect },
    policy: POLICY,
  });
  const one = replicas.at(0);
  const [early, late] = [named('early', 3), named('late', 3)];
  connect.show([...early, ...late], 'FAILED');
  await one.deliver(early, SOON_MS);
  await replicas.waitForAll(early, ({ attempts }) => attempts >= 1, SOON_MS);

  begin(one);
  await waitFor('it to notice', ready(replicas, 503), SOON_MS);
  const reads = async (count: number): Promise<void> => {
    const until = connect.bulkReads + count;
    await waitFor('further reads', () => connect.bulkReads >= until, SOON_MS);
  };
  await reads(READS_TO_END);
  const before = connect.restarts.length;
  assert.equal(await one.post(late), 503);
  await reads(READS_TO_BE_DUE);
  assert.equal(await one.post(late), 503);
  assert.equal(connect.restarts.length, before, 'nothing is restarted that cannot be written down');
  const up = await one.service.samples('connect_medic_ledger_up');
  assert.deepEqual(
    up.map(({ value }) => value),
    [0],
  );
  const known = (await one.service.remediations()).map(({ connector }) => connector);
  assert.deepEqual(known.sort(), early);
  await meanwhile(one);

  await end(one);
  await waitFor('readiness', ready(replicas, 200), SOON_MS);
  await one.deliver(late, SOON_MS);
  await healed(connect, replicas, [...early, ...late]);
  return { replicas, one, connect };
}

/** Lets the next restart heal each; then as many restarts as attempts were made, to the last one. */
async function healed(
  connect: FakeConnect,
  replicas: Replicas,
  connectors: readonly string[],
): Promise<void> {
  connect.afterRestart = 'RUNNING';
  const all = await replicas.waitForAll(connectors, ({ state }) => state === 'stabilising', SOON_MS);
  await replicas.goOn([connect], SOON_MS);
  assert.deepEqual(connect.counts(), new Map(all.map(({ connector, attempts }) => [connector, attempts])));
}
