import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { MINUTE, SECOND, status } from '../core/given.ts';
import { create, remediation, restarting } from '../ledger/records.ts';
import { type Harness, harness, quiet, replacing } from './harness.ts';

const failed = status('RUNNING', 'RUNNING', 'FAILED');
const running = status('RUNNING', 'RUNNING', 'RUNNING');

describe('what goes wrong around the loop', () => {
  let h: Harness;
  afterEach(async () => {
    await h.close();
    assert.deepEqual(h.faults, []);
  });

  /** Lets an alert arrive while the next bulk read, and only that one, is under way. */
  function signalDuringTheRead(then: () => void): void {
    h.connect.beforeBulk = async () => {
      h.connect.beforeBulk = () => undefined;
      h.clock.jump(100);
      await h.intake.takeSignals([
        { cluster: 'a', connector: 'orders', task: 1, status: 'firing', fingerprint: 'f1', labels: {} },
      ]);
      then();
    };
  }

  it('P1: acts on no status that took longer than two seconds to read, and says so', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.connect.beforeBulk = () => h.clock.jump(1_400);
    h.connect.beforeOne = () => h.clock.jump(4 * SECOND);
    h.connect.one = { outcome: 'ok', value: failed };
    await h.alert();
    assert.deepEqual(h.connect.calls, []);
    const record = await h.record();
    assert.equal(record?.phase.state === 'held' && record.phase.hold.reason, 'connect_unreachable');
    assert.equal(record?.attempts, 0);
  });

  it('P5: a signal that comes while the cluster is read is not answered by that read', async () => {
    h = await harness({ policy: { stableForMs: MINUTE } });
    h.connect.show('orders', running);
    await h.alert();
    await h.clock.advance(2 * MINUTE);
    assert.equal((await h.record())?.phase.state, 'recovered');
    // The bulk read saw it running; it fails, and its alert arrives, before the answer is there.
    signalDuringTheRead(() => {
      h.connect.one = { outcome: 'ok', value: failed };
    });
    await h.alert({ status: 'resolved' });
    h.connect.show('orders', failed);
    await h.clock.advance(SECOND);
    assert.equal(h.connect.calls.length, 1);
  });

  it('restarts nothing whose neighbours cannot be read, though its own status can: it may be one of many', async () => {
    h = await harness();
    h.connect.bulk = { outcome: 'timeout', detail: 'no answer within 10s' };
    h.connect.one = { outcome: 'ok', value: failed };
    // A signal that comes during the look asks for another one, of this connector alone.
    let interfered = false;
    signalDuringTheRead(() => {
      interfered = true;
    });
    await h.alert();
    assert.equal(interfered, true);
    assert.deepEqual(h.connect.calls, []);
    const record = await h.record();
    assert.equal(record?.phase.state === 'held' && record.phase.hold.reason, 'connect_unreachable');
    assert.equal(record?.attempts, 0);
    h.connect.show('orders', failed);
    await h.clock.advance(2 * SECOND);
    assert.equal(h.connect.calls.length, 1);
  });

  it('asks no sooner after a 409 because signals come in', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.connect.answer = () => ({ outcome: 'conflict', detail: '409' });
    await h.alert();
    for (let times = 0; times < 20; times += 1) {
      await h.alert();
      await h.clock.advance(140);
    }
    // At 0s, 1s and 3s: 2.8s have passed.
    assert.equal(h.connect.calls.length, 2);
  });

  it('P8: a connector whose status is nonsense keeps no place from the others', async () => {
    h = await harness({ maxUnverified: 1 });
    h.connect.show('orders', failed);
    h.connect.show('other', failed);
    await h.alert();
    h.connect.show('orders', null);
    await h.alert({ connector: 'other' });
    await h.clock.advance(6 * SECOND);
    assert.deepEqual(
      h.connect.calls.map(({ connector }) => connector),
      ['orders', 'other'],
    );
  });

  it('P3: counts the delay from when the call ended', async () => {
    h = await harness({ policy: { delaysMs: [0, 10 * SECOND], thenEveryMs: null } });
    h.connect.show('orders', failed);
    let endedAtMs = 0;
    h.connect.answer = () => {
      h.clock.jump(3 * SECOND);
      endedAtMs ||= h.clock.now();
      return { outcome: 'ambiguous', detail: 'timeout' };
    };
    await h.alert();
    await h.clock.advance(MINUTE);
    assert.ok((h.connect.calls[1]?.atMs ?? 0) - endedAtMs >= 10 * SECOND);
  });

  it('P2: writes down what came back although a webhook wrote to the record during the call', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.connect.answer = async () => {
      await h.intake.takeSignals([
        { cluster: 'a', connector: 'orders', task: 1, status: 'firing', fingerprint: 'f1', labels: {} },
      ]);
      return { outcome: 'conflict', detail: '409' };
    };
    await h.alert();
    const record = await h.record();
    assert.equal(record?.attempts, 0);
    assert.equal(record?.phase.state, 'held');
  });

  it('makes no call when another process has taken the last place, and says so', async () => {
    h = await harness({
      maxUnverified: 1,
      ledger: (real) =>
        replacing(real, {
          commit: async (claim, next, events, keep) => {
            if (keep !== undefined) {
              const elsewhere = { lookAtMs: h.clock.now(), phase: restarting(0, h.clock.now()) };
              await real.store([
                create(remediation('elsewhere', { cluster: claim.remediation.cluster, ...elsewhere })),
              ]);
            }
            return real.commit(claim, next, events, keep);
          },
        }),
    });
    h.connect.show('orders', failed);
    await h.alert();
    assert.deepEqual(h.connect.calls, []);
    const record = await h.record();
    assert.equal(record?.attempts, 0);
    assert.equal(record?.reason, 'concurrency');
  });

  it('P2: makes no call when the lease would not outlast it', async () => {
    h = await harness({
      ledger: (real) =>
        replacing(real, {
          commit: async (claim, next, events, keep) => {
            const committed = await real.commit(claim, next, events, keep);
            return keep === undefined || committed === null || committed === 'full'
              ? committed
              : { ...committed, leaseUntilMs: h.clock.now() + 19 * SECOND };
          },
        }),
    });
    h.connect.show('orders', failed);
    await h.alert();
    assert.deepEqual(h.connect.calls, []);
  });

  it('P5: keeps a hint until its signals are in the ledger', async () => {
    let broken = true;
    const refuse = (real: Ledger): Ledger =>
      replacing(real, {
        store: async (writes) => {
          if (broken) throw new LedgerUnavailable('disk full');
          return real.store(writes);
        },
      });
    h = await harness({ ledger: refuse });
    h.connect.show('orders', failed);
    const labels = { remediation: 'kafka-connect', connect_cluster: 'a' };
    await h.ledger.addHints([{ cluster: 'a', labels, fingerprint: 'w', atMs: h.clock.now() }]);
    await h.clock.advance(31 * SECOND);
    assert.equal((await h.ledger.hints('a')).length, 1);
    broken = false;
    await h.clock.advance(31 * SECOND);
    assert.equal(h.connect.calls.length, 1);
    assert.deepEqual(await h.ledger.hints('a'), []);
  });

  it('ends only when the call in flight is written down', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    let answer: (() => void) | undefined;
    h.connect.answer = () =>
      new Promise((resolve) => {
        answer = () => resolve({ outcome: 'accepted', detail: '' });
      });
    await h.alert();
    let stopped = false;
    const stopping = h.remediator.stop().then(() => {
      stopped = true;
    });
    await quiet();
    assert.equal(stopped, false);
    answer?.();
    await stopping;
    assert.equal((await h.record())?.attemptLog[0]?.outcome, 'accepted');
  });

  it('begins no restart once it was told to end', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    let stopping: Promise<void> | undefined;
    h.connect.beforeBulk = () => {
      stopping ??= h.remediator.stop();
    };
    await h.alert();
    await stopping;
    assert.deepEqual(h.connect.calls, []);
    assert.equal((await h.record())?.attempts, 0);
  });

  it('gives a cluster that cannot be read fewer reads, and shows no stale gauges of it', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    await h.clock.advance(31 * SECOND);
    assert.equal(h.remediator.snapshots().size, 1);
    h.connect.bulk = { outcome: 'timeout', detail: 'no answer' };
    await h.alert();
    assert.equal(h.remediator.snapshots().size, 0);
    const before = h.connect.bulkReads;
    for (let seconds = 0; seconds < 60; seconds += 1) {
      await h.alert({ connector: `c${seconds}` });
      await h.clock.advance(SECOND);
    }
    // After 1s, 2s, 4s, 8s, 16s, 32s: whoever asks.
    assert.ok(h.connect.bulkReads - before <= 7, `${h.connect.bulkReads - before} reads`);
  });
});
