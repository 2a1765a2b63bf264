import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Pause } from '../../src/core/model.ts';
import type { SuppressedAlert, SuppressionView } from '../../src/core/suppression.ts';
import { signalsOf } from '../../src/remediator/poller.ts';
import { HOUR, MINUTE, pausedEvent, SECOND, signal, status } from '../core/given.ts';
import { ALONE, type Harness, harness, quiet, replacing } from './harness.ts';

const failed = status('RUNNING', 'RUNNING', 'FAILED');
const bothFailed = status('RUNNING', 'FAILED', 'FAILED');

const pauseOf = (nowMs: number, over: Partial<Pause> = {}): Pause => ({
  cluster: null,
  connector: null,
  reason: 'broker upgrade',
  untilMs: null,
  by: 'ann',
  atMs: nowMs,
  ...over,
});

/** One Alertmanager that silences these alerts of `orders`. */
function silencing(...tasks: readonly (string | null)[]): SuppressionView {
  const suppressed = tasks.map((task): SuppressedAlert => {
    const labels = {
      alertname: 'A',
      connect_cluster: 'a',
      connector: 'orders',
      ...(task === null ? {} : { task }),
    };
    return { fingerprint: `f${task}`, labels, silencedBy: ['s1'], inhibitedBy: [], unreadable: false };
  });
  return { alertmanagers: [{ name: 'am:9093', silences: [], suppressed }], unknown: null };
}
const nothingSilenced: SuppressionView = {
  alertmanagers: [{ name: 'am:9093', silences: [], suppressed: [] }],
  unknown: null,
};
const unknown: SuppressionView = { alertmanagers: [], unknown: 'am:9093: silences server_error (500)' };

describe('what speaks against a restart', () => {
  let h: Harness;
  afterEach(async () => {
    await h.close();
    assert.deepEqual(h.faults, []);
  });
  const hold = async () => {
    const phase = (await h.record())?.phase;
    return phase?.state === 'held' || phase?.state === 'escalated' ? phase.hold : null;
  };

  it('a pause holds until it ends by itself, and says who and why (P4, P7)', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    const untilMs = h.clock.now() + HOUR;
    await h.ledger.putPause(pauseOf(h.clock.now(), { cluster: 'a', untilMs }), pausedEvent(h.clock.now()));
    await h.alert();
    await h.clock.advance(HOUR - 1);
    assert.deepEqual(h.connect.calls, []);
    const seen = await hold();
    assert.equal(seen?.reason, 'paused');
    assert.equal(seen?.detail, 'ann paused this cluster: broker upgrade');
    assert.equal(seen?.untilMs, untilMs);
    await h.clock.advance(SECOND);
    assert.equal(h.connect.calls.length, 1);
    assert.equal((await h.record())?.attempts, 1);
  });

  it('a pause that somebody ends lets what it held act at once', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    await h.ledger.putPause(pauseOf(h.clock.now()), pausedEvent(h.clock.now()));
    await h.alert();
    await h.clock.advance(3 * SECOND);
    const everything = { cluster: null, connector: null };
    await h.ledger.removePause(everything, pausedEvent(h.clock.now()));
    await h.remediator.resumed(everything);
    await quiet();
    assert.equal(h.connect.calls.length, 1);
  });

  it('a pause of another connector or cluster does not matter', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    for (const scope of [{ cluster: 'b' }, { cluster: 'a', connector: 'other' }]) {
      await h.ledger.putPause(pauseOf(h.clock.now(), scope), pausedEvent(h.clock.now()));
    }
    await h.alert();
    assert.equal(h.connect.calls.length, 1);
  });

  it('a pause that is set while a restart is being decided stops it (P4)', async () => {
    h = await harness({
      ledger: (real) =>
        replacing(real, {
          commit: async (claim, next, events, keep) => {
            const { pauses } = await real.pauses();
            if (keep !== undefined && pauses.length === 0) {
              await real.putPause(pauseOf(h.clock.now()), pausedEvent(h.clock.now()));
            }
            return real.commit(claim, next, events, keep);
          },
        }),
    });
    h.connect.show('orders', failed);
    await h.alert();
    assert.deepEqual(h.connect.calls, []);
    assert.equal((await h.record())?.attempts, 0);
    assert.equal((await hold())?.reason, 'paused');
  });

  it('a silence over every failed part holds until it is over (P4)', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.world.suppression = silencing('1');
    await h.alert({ task: 1 });
    await h.clock.advance(10 * MINUTE);
    assert.deepEqual(h.connect.calls, []);
    assert.equal((await hold())?.reason, 'silenced');
    assert.equal((await hold())?.detail, 'silence s1');
    assert.equal(
      h.stories.filter(({ reason }) => reason === 'silenced').length,
      1,
      'one line, not one a look',
    );
    h.world.suppression = nothingSilenced;
    await h.clock.advance(15 * SECOND);
    assert.equal(h.connect.calls.length, 1);
    const told = (await h.ledger.events()).map(({ reason }) => reason);
    assert.deepEqual(told.slice(0, 4), ['signal', 'silenced', 'attempt', 'attempt']);
  });

  it('a silence that is made between two attempts holds the next one', async () => {
    h = await harness({ policy: { delaysMs: [0, 30 * SECOND, 30 * SECOND], thenEveryMs: null } });
    h.connect.show('orders', failed);
    h.world.suppression = nothingSilenced;
    await h.alert({ task: 1 });
    assert.equal(h.connect.calls.length, 1);
    h.world.suppression = silencing(null);
    await h.clock.advance(HOUR);
    assert.equal(h.connect.calls.length, 1);
    assert.equal((await h.record())?.attempts, 1);
  });

  it('a silence also holds the slow attempts of one that is escalated, which stays so', async () => {
    h = await harness({ policy: { delaysMs: [0], thenEveryMs: 10 * MINUTE } });
    h.connect.show('orders', failed);
    await h.alert({ task: 1 });
    await h.clock.advance(MINUTE);
    h.world.suppression = silencing(null);
    await h.clock.advance(HOUR);
    assert.equal(h.connect.calls.length, 1);
    assert.equal((await h.record())?.phase.state, 'escalated');
    assert.equal((await hold())?.reason, 'silenced');
  });

  it('where only some of the failed tasks are silenced the others are restarted, in one attempt', async () => {
    h = await harness();
    h.connect.show('orders', bothFailed);
    h.world.suppression = silencing('1');
    await h.alert({ task: 0 });
    assert.deepEqual(
      h.connect.calls.map(({ plan }) => plan),
      [{ kind: 'parts', connector: false, tasks: [0] }],
    );
    assert.equal((await h.record())?.attempts, 1);
  });

  it('an Alertmanager that cannot be asked holds, and a look follows (P4, P7)', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.world.suppression = unknown;
    await h.alert();
    await h.clock.advance(MINUTE);
    assert.deepEqual(h.connect.calls, []);
    assert.equal((await hold())?.reason, 'alertmanager_unreachable');
    assert.match((await hold())?.detail ?? '', /am:9093: silences server_error/);
    h.world.suppression = nothingSilenced;
    await h.clock.advance(15 * SECOND);
    assert.equal(h.connect.calls.length, 1);
  });

  it('a connector that opts out in its own configuration is held, until it opts in', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.connect.configured = {
      outcome: 'ok',
      value: { optedOut: true, connectorClass: null, configHash: null },
    };
    await h.alert();
    await h.clock.advance(MINUTE);
    assert.deepEqual(h.connect.calls, []);
    assert.equal((await hold())?.reason, 'opted_out');
    assert.match((await hold())?.detail ?? '', /connect\.medic\.enabled/);
    h.connect.configured = {
      outcome: 'ok',
      value: { optedOut: false, connectorClass: null, configHash: null },
    };
    await h.clock.advance(15 * SECOND);
    assert.equal(h.connect.calls.length, 1);
  });

  it('a configuration that cannot be read holds: it may say no', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.connect.configured = { outcome: 'timeout', detail: 'no answer within 10s' };
    await h.alert();
    await h.clock.advance(10 * SECOND);
    assert.deepEqual(h.connect.calls, []);
    assert.equal((await hold())?.reason, 'connect_unreachable');
  });

  it('of several reasons the first in the order is shown', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.world.suppression = silencing(null);
    h.connect.configured = {
      outcome: 'ok',
      value: { optedOut: true, connectorClass: null, configHash: null },
    };
    await h.alert();
    assert.equal((await hold())?.reason, 'opted_out');
    await h.ledger.putPause(pauseOf(h.clock.now()), pausedEvent(h.clock.now()));
    await h.clock.advance(15 * SECOND);
    assert.equal((await hold())?.reason, 'paused');
  });

  it('calls that time out stop further ones for a while, then one is made (P8)', async () => {
    h = await harness({ maxUnverified: 1, policy: ALONE });
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) h.connect.show(name, failed);
    h.connect.answer = () => ({ outcome: 'ambiguous', detail: 'no answer within 10s' });
    await Promise.all(names.map((connector) => h.alert({ connector })));
    await h.clock.advance(10 * SECOND);
    assert.equal(h.connect.calls.length, 3);
    const held = (await h.ledger.overview()).filter((row) => row.hold === 'breaker');
    assert.equal(held.length, 2);
    h.connect.answer = () => ({ outcome: 'accepted', detail: '' });
    await h.clock.advance(MINUTE);
    assert.equal(new Set(h.connect.calls.map(({ connector }) => connector)).size, 5);
  });
});

describe('the pull path', () => {
  let h: Harness;
  afterEach(async () => {
    await h.close();
    assert.deepEqual(h.faults, []);
  });
  const firing = (connector: string, fingerprint = 'f') => ({
    outcome: 'ok' as const,
    missing: null,
    reading: {
      ok: true as const,
      readings: [{ kind: 'signal' as const, signal: signal({ connector, fingerprint }) }],
      truncated: [],
      watchdog: false,
    },
  });

  it('opens a remediation for an alert whose webhook never came', async () => {
    h = await harness({ start: false });
    h.connect.show('orders', failed);
    h.world.pulled = firing('orders');
    h.remediator.start();
    await quiet();
    assert.equal(h.connect.calls.length, 1);
  });

  it('finds one that begins to fire later within a minute', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.world.pulled = firing('orders');
    await h.clock.advance(MINUTE);
    assert.equal(h.connect.calls.length, 1);
  });

  it('writes nothing for an alert that goes on firing, and takes a new one', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.world.pulled = firing('orders');
    await h.clock.advance(MINUTE);
    const seenAtMs = (await h.record())?.alerts[0]?.seenAtMs;
    await h.clock.advance(10 * MINUTE);
    assert.equal((await h.record())?.alerts[0]?.seenAtMs, seenAtMs);
    h.world.pulled = firing('orders', 'another');
    await h.clock.advance(MINUTE);
    assert.equal((await h.record())?.alerts.length, 2);
  });

  it('asks again in seconds where no Alertmanager answered, and concludes nothing from it', async () => {
    h = await harness();
    h.connect.show('orders', failed);
    h.world.pulled = { outcome: 'unknown', detail: 'down' };
    await h.clock.advance(11 * SECOND);
    h.world.pulled = firing('orders');
    await h.clock.advance(10 * SECOND);
    assert.equal(h.connect.calls.length, 1);
  });
});

describe('a signal that is made of a cluster-level alert', () => {
  const failing = status('RUNNING', 'RUNNING', 'FAILED');
  const labels = { cluster: 'connect_cluster', connector: 'connector', task: 'task' };
  const made = (of: Readonly<Record<string, string>>, names = labels) => {
    const hint = { id: '1', cluster: 'a', labels: of, fingerprint: 'f', atMs: 0 };
    return signalsOf(hint, new Map([['orders', failing]]), names).map((one) => one.labels);
  };

  it('names its cluster, so that a silence over the cluster fits (P4)', () => {
    const whole = { connect_cluster: 'a', connector: 'orders', task: '1' };
    assert.deepEqual(made({}), [whole]);
    assert.deepEqual(made({ connect_cluster: '' }), [whole]);
    assert.deepEqual(made({ connect_cluster: 'a' }), [whole]);
    assert.deepEqual(made({}, { ...labels, cluster: '' }), [{ connector: 'orders', task: '1' }]);
  });
});

describe('a process that was frozen after it had asked the Alertmanagers', () => {
  it('asks again: somebody may have made a silence meanwhile (P4)', async () => {
    const h = await harness();
    const silence = { id: 's1', author: 'ada', comment: '', endsAtMs: null, fit: () => 'yes' as const };
    const silenced = { unknown: null, alertmanagers: [{ name: 'am', suppressed: [], silences: [silence] }] };
    let asked = 0;
    Object.defineProperty(h.world, 'suppression', {
      get: (): SuppressionView => {
        asked += 1;
        // The first time is beside the status, so that the answer is there when it is needed.
        if (asked > 2) return silenced;
        if (asked === 2) h.clock.jump(30 * SECOND);
        return { unknown: null, alertmanagers: [] };
      },
    });
    h.connect.show('orders', status('RUNNING', 'RUNNING', 'FAILED'));
    await h.alert();
    await h.clock.advance(SECOND);
    assert.deepEqual(h.connect.calls, []);
    const record = await h.record();
    assert.equal(record?.phase.state === 'held' && record.phase.hold.reason, 'silenced');
    await h.close();
    assert.deepEqual(h.faults, []);
  });
});
