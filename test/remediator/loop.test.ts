import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Remediation } from '../../src/core/model.ts';
import { LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { HOUR, MINUTE, SECOND, status } from '../core/given.ts';
import { ALONE, type Harness, harness, quiet, replacing } from './harness.ts';

const failed = status('RUNNING', 'RUNNING', 'FAILED');
const running = status('RUNNING', 'RUNNING', 'RUNNING');

describe('the loop', () => {
  let h: Harness;
  afterEach(async () => {
    await h.close();
    assert.deepEqual(h.faults, []);
  });

  it('restarts once what an alert points at and Connect calls FAILED, and then watches', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    await h.alert();
    assert.equal(h.connect.calls.length, 1);
    h.connect.show('orders', running);
    await h.clock.advance(3 * SECOND);
    assert.equal((await h.record())?.phase.state, 'stabilising');
    await h.clock.advance(6 * MINUTE);
    assert.equal((await h.record())?.phase.state, 'recovered');
    assert.equal(h.connect.calls.length, 1);
  });

  it('goes through the list of delays and then calls a human', async () => {
    h = await harness({ policy: { delaysMs: [0, 10 * SECOND, 20 * SECOND], thenEveryMs: null } });
    h.connect.show('orders', failed);
    await h.alert();
    await h.clock.advance(10 * MINUTE);
    const seconds = h.connect.calls.map(({ atMs }) => (atMs - (h.connect.calls[0]?.atMs ?? 0)) / SECOND);
    assert.deepEqual(seconds, [0, 10, 30]);
    const record = await h.record();
    assert.equal(record?.phase.state, 'escalated');
    assert.equal(record?.escalation?.reason, 'exhausted');
  });

  it('touches nothing that runs, whatever the alert says', async () => {
    h = await harness();
    h.connect.show('orders', running);
    await h.alert();
    await h.clock.advance(2 * MINUTE);
    assert.deepEqual(h.connect.calls, []);
  });

  it('makes one restart of a hundred alerts about one connector', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    await Promise.all(Array.from({ length: 100 }, (_, task) => h.alert({ task, fingerprint: `f${task}` })));
    await h.clock.advance(4 * SECOND);
    assert.equal(h.connect.calls.length, 1);
    assert.equal((await h.record())?.alerts.length, 20);
  });

  it('looks once for a flood of repetitions, and at once for news', async () => {
    h = await harness({ policy: { delaysMs: [0, HOUR] } });
    h.connect.show('orders', failed);
    await h.alert();
    // The next attempt is due in an hour, and the gauges are read every 30 s.
    await h.clock.advance(40 * SECOND);
    const before = h.connect.bulkReads;
    for (let times = 0; times < 50; times += 1) {
      await h.alert();
      await h.clock.advance(30);
    }
    assert.equal(h.connect.bulkReads - before, 0);
    await h.clock.advance(500);
    assert.equal(h.connect.bulkReads - before, 1);
    await h.alert({ fingerprint: 'f1', task: 1 });
    assert.equal(h.connect.bulkReads - before, 2);
    await h.alert({ status: 'resolved' });
    assert.equal(h.connect.bulkReads - before, 3);
  });

  it('reads the cluster once for everything that is due', async () => {
    h = await harness({ start: false, maxUnverified: 100, policy: ALONE });
    const names = Array.from({ length: 30 }, (_, index) => `c${index}`);
    for (const name of names) h.connect.show(name, failed);
    for (const connector of names) await h.alert({ connector });
    // A read that begins in the millisecond of a signal may have begun before it.
    h.clock.jump(1);
    h.remediator.start();
    await quiet();
    await quiet();
    assert.equal(h.connect.calls.length, 30);
    // One for the gauges at the start, one for the thirty.
    assert.ok(h.connect.bulkReads <= 2, `${h.connect.bulkReads} reads`);
  });

  it('has no more restarts without a first look than maxUnverified says, and gets to all of them', async () => {
    h = await harness({ maxUnverified: 3, policy: ALONE });
    const names = Array.from({ length: 10 }, (_, index) => `c${index}`);
    for (const name of names) h.connect.show(name, failed);
    await Promise.all(names.map((connector) => h.alert({ connector })));
    assert.equal(h.connect.calls.length, 3);
    assert.equal((await h.ledger.overview()).filter(({ hold }) => hold === 'concurrency').length, 7);
    await h.clock.advance(2 * SECOND);
    assert.ok(h.connect.calls.length <= 6);
    await h.clock.advance(20 * SECOND);
    assert.equal(new Set(h.connect.calls.map(({ connector }) => connector)).size, 10);
  });

  it('does not charge a 409, and tries again in seconds', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    let conflicts = 2;
    h.connect.answer = () =>
      conflicts-- > 0 ? { outcome: 'conflict', detail: '409' } : { outcome: 'accepted', detail: '' };
    await h.alert();
    assert.equal((await h.record())?.attempts, 0);
    await h.clock.advance(4 * SECOND);
    assert.equal(h.connect.calls.length, 3);
    assert.equal((await h.record())?.attempts, 1);
  });

  it('holds while Connect cannot be read, and restarts when it can', async () => {
    h = await harness();
    h.connect.bulk = { outcome: 'timeout', detail: 'no answer within 10s' };
    await h.alert();
    const held = await h.record();
    assert.equal(held?.phase.state === 'held' && held.phase.hold.reason, 'connect_unreachable');
    await h.clock.advance(MINUTE);
    assert.deepEqual(h.connect.calls, []);
    h.connect.show('orders', failed);
    await h.clock.advance(MINUTE);
    assert.equal(h.connect.calls.length, 1);
  });

  it('closes nothing because a worker that is just starting lists nothing', async () => {
    h = await harness();
    h.connect.configured = { outcome: 'unreachable', detail: 'a 404 that is not Connect’s own' };
    await h.alert();
    await h.clock.advance(MINUTE);
    assert.equal((await h.record())?.phase.state, 'held');
    h.connect.show('orders', failed);
    h.connect.configured = {
      outcome: 'ok',
      value: { optedOut: false, connectorClass: null, configHash: null },
    };
    await h.clock.advance(MINUTE);
    assert.equal(h.connect.calls.length, 1);
  });

  it('closes what Connect itself says twice does not exist', async () => {
    h = await harness();
    h.connect.configured = { outcome: 'ok', value: 'missing' };
    await h.alert();
    assert.equal((await h.record())?.phase.state, 'waiting');
    await h.clock.advance(3 * SECOND);
    assert.equal((await h.record())?.phase.state, 'closed');
    assert.deepEqual(h.connect.calls, []);
  });

  it('does not wait for a connector whose restart hangs before it serves another one', async () => {
    h = await harness();
    h.connect.show('hangs', failed);
    h.connect.show('orders', failed);
    let answer: (() => void) | undefined;
    h.connect.answer = ({ connector }) =>
      connector === 'hangs'
        ? new Promise((resolve) => {
            answer = () => resolve({ outcome: 'ambiguous', detail: 'timeout' });
          })
        : { outcome: 'accepted', detail: '' };
    await h.alert({ connector: 'hangs' });
    await h.alert();
    assert.deepEqual(
      h.connect.calls.map(({ connector }) => connector),
      ['hangs', 'orders'],
    );
    answer?.();
  });

  it('P1: takes another look when the first one took so long that it is old', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.connect.beforeBulk = () => h.clock.jump(5 * SECOND);
    h.connect.one = { outcome: 'ok', value: running };
    await h.alert();
    assert.deepEqual(h.connect.calls, []);
    assert.equal((await h.record())?.phase.state, 'stabilising');
  });

  it('P1: sends nothing when the process was frozen between the commit and the call, and charges nothing', async () => {
    let frozen = false;
    let clock: Harness['clock'] | undefined;
    h = await harness({
      ledger: (real) =>
        replacing(real, {
          commit: async (claim, next, events, keep) => {
            const committed = await real.commit(claim, next, events, keep);
            if (keep !== undefined && !frozen) {
              frozen = true;
              clock?.jump(3 * SECOND);
            }
            return committed;
          },
        }),
    });
    clock = h.clock;
    h.connect.show('orders', failed);
    await h.alert();
    assert.ok(frozen);
    assert.equal(h.stories.filter(({ reason }) => reason === 'not_sent').length, 1);
    await h.clock.advance(SECOND);
    assert.equal(h.connect.calls.length, 1);
    assert.equal((await h.record())?.attempts, 1);
  });

  it('P2: writes the attempt down before it makes the call', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    let atCall: Remediation | null = null;
    h.connect.answer = async () => {
      atCall = await h.record();
      return { outcome: 'accepted', detail: '' };
    };
    await h.alert();
    assert.equal((atCall as Remediation | null)?.attempts, 1);
    assert.equal((atCall as Remediation | null)?.phase.state, 'restarting');
  });

  it('P2: decides again when a webhook wrote to the record while it was looked at', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    let interfered = false;
    h.connect.beforeBulk = async () => {
      if (interfered) return;
      interfered = true;
      await h.intake.takeSignals([
        { cluster: 'a', connector: 'orders', task: 1, status: 'firing', fingerprint: 'f1', labels: {} },
      ]);
    };
    await h.alert();
    await h.clock.advance(4 * SECOND);
    assert.equal(h.connect.calls.length, 1);
    assert.equal((await h.record())?.alerts.length, 2);
  });

  it('P6: makes no call when the ledger cannot be written, and goes on when it can', async () => {
    let broken = true;
    h = await harness({
      ledger: (real) =>
        replacing(real, {
          commit: async (...args) => {
            if (broken) throw new LedgerUnavailable('disk full');
            return real.commit(...args);
          },
        }),
    });
    h.connect.show('orders', failed);
    await h.alert();
    await h.clock.advance(MINUTE);
    assert.deepEqual(h.connect.calls, []);
    broken = false;
    await h.clock.advance(5 * SECOND);
    assert.equal(h.connect.calls.length, 1);
  });

  it('P7: a crash after the commit and before the answer costs one attempt and nothing else', async () => {
    h = await harness({ policy: { delaysMs: [0, 10 * SECOND], thenEveryMs: null } });
    h.connect.show('orders', failed);
    h.connect.answer = () => new Promise(() => undefined);
    await h.alert();
    assert.equal((await h.record())?.attempts, 1);
    // Somebody else takes over when the lease of the one that hangs for ever has run out.
    h.connect.answer = () => ({ outcome: 'accepted', detail: '' });
    await h.clock.advance(5 * MINUTE);
    assert.equal(h.connect.calls.length, 2);
    assert.equal((await h.record())?.attempts, 2);
    // Nobody may wait for the call that never ends.
    h.close = async () => undefined;
    void h.remediator.stop();
  });

  it('wakes what rests when a bulk read shows that it was mended', async () => {
    h = await harness({ policy: { delaysMs: [0], thenEveryMs: null } });
    h.connect.show('orders', failed);
    await h.alert();
    await h.clock.advance(MINUTE);
    assert.equal((await h.record())?.phase.state, 'escalated');
    h.connect.show('orders', running);
    await h.clock.advance(31 * SECOND);
    assert.equal((await h.record())?.phase.state, 'stabilising');
  });

  it('does everything but the call in a dry run', async () => {
    h = await harness({ policy: { dryRun: true, delaysMs: [0, 10 * SECOND], thenEveryMs: null } });
    h.connect.show('orders', failed);
    await h.alert();
    await h.clock.advance(2 * MINUTE);
    assert.deepEqual(h.connect.calls, []);
    const record = await h.record();
    assert.equal(record?.attempts, 2);
    assert.equal(record?.phase.state, 'escalated');
    assert.equal(h.stories.filter(({ effect }) => effect === 'dry_run').length, 2);

    // Switched off: what was only counted is taken back, and it begins at once with the first real restart.
    h.policy.dryRun = false;
    await h.clock.advance(11 * MINUTE);
    assert.equal(h.connect.calls.length, 2);
    const after = await h.record();
    assert.equal(after?.attempts, 2);
    assert.deepEqual(
      after?.attemptLog.map(({ number, outcome }) => [number, outcome]),
      [
        [1, 'accepted'],
        [2, 'accepted'],
      ],
    );
    assert.equal(after?.chargedAtMs.length, 2);
  });

  it('opens a remediation for each failed connector of a cluster that an alert without a connector names', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.connect.show('fine', running);
    const labels = { remediation: 'kafka-connect', connect_cluster: 'a' };
    await h.intake.take({
      ok: true,
      readings: [{ kind: 'cluster', signal: { cluster: 'a', status: 'firing', fingerprint: 'w', labels } }],
      truncated: [],
      watchdog: false,
    });
    await h.clock.advance(2 * SECOND);
    assert.deepEqual(
      h.connect.calls.map(({ connector }) => connector),
      ['orders'],
    );
    const alert = (await h.record())?.alerts[0];
    assert.deepEqual(alert?.labels, { ...labels, connector: 'orders', task: '1' });
    assert.deepEqual(await h.ledger.hints('a'), []);
  });
});
