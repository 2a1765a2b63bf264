import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Phase } from '../../src/core/model.ts';
import {
  labelKey,
  mergeSignal,
  readAlert,
  readPayload,
  type SignalRules,
  unquoteJmx,
} from '../../src/core/signals.ts';
import { HOUR, MINUTE, policy, remediation, signal, T0 } from './given.ts';

/** What exactly is made of an alert; which of them are taken is in signals.test.ts. */
const rules: SignalRules = {
  labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
  clusters: ['a', 'b'],
  isForRemediation: (labels) => labels['remediation'] === 'kafka-connect',
};
const target = { connect_cluster: 'a', connector: 'orders' };

describe('the fingerprint of an alert', () => {
  const fingerprintOf = (fingerprint: unknown, labels: object = target): string => {
    const reading = readAlert({ status: 'firing', labels, fingerprint }, rules);
    assert.ok(reading.kind === 'signal');
    return reading.signal.fingerprint;
  };

  it('is the one that it brings', () => assert.equal(fingerprintOf('f1'), 'f1'));

  it('is its labels where it brings none, or none that is a text', () => {
    for (const none of [undefined, null, '', 7, {}]) assert.equal(fingerprintOf(none), labelKey(target));
  });

  it('is the same whatever the order of the labels', () => {
    const names = ['a', 'b', 'c', 'd'];
    const orders = names.flatMap((first) =>
      [names, names.toReversed()].map((all) => [first, ...all.filter((name) => name !== first)]),
    );
    const keys = orders.map((order) => labelKey(Object.fromEntries(order.map((name) => [name, 'x']))));
    assert.deepEqual(new Set(keys), new Set(['[["a","x"],["b","x"],["c","x"],["d","x"]]']));
  });
});

describe('an alert that is not taken', () => {
  it('has the status that it said, or that was asked for, else none that is known', () => {
    assert.partialDeepStrictEqual(readAlert(null, rules), { status: 'unknown', labels: null });
    assert.partialDeepStrictEqual(readAlert({ labels: target }, rules), { status: 'unknown' });
    assert.partialDeepStrictEqual(readAlert(null, rules, 'resolved'), { status: 'resolved' });
    assert.partialDeepStrictEqual(readAlert({ status: 'firing', labels: [] }, rules), { status: 'firing' });
  });
});

describe('the label of the cluster', () => {
  it('may be unset: then the one cluster is meant, whatever a label without a name says', () => {
    const one: SignalRules = { ...rules, labels: { ...rules.labels, cluster: '' }, clusters: ['a'] };
    const reading = readAlert({ status: 'firing', labels: { connector: 'orders', '': 'z' } }, one);
    assert.equal(reading.kind === 'signal' && reading.signal.cluster, 'a');
  });
});

describe('a payload', () => {
  const readingOf = (alerts: readonly object[], over: object = {}) => {
    const reading = readPayload({ version: '4', alerts, ...over }, rules);
    assert.ok(reading.ok);
    return reading;
  };

  it('brings the watchdog where one of its alerts is it, and fires', () => {
    const watchdog = { status: 'firing', labels: { alertname: 'Watchdog' } };
    const other = { status: 'firing', labels: target };
    const ignored = { status: 'firing', labels: { alertname: 'x' } };
    assert.equal(readingOf([watchdog]).watchdog, true);
    assert.equal(readingOf([other, watchdog, ignored]).watchdog, true);
    assert.equal(readingOf([{ ...watchdog, status: 'resolved' }]).watchdog, false);
    assert.equal(readingOf([other]).watchdog, false);
    assert.equal(readingOf([ignored]).watchdog, false);
    assert.equal(readingOf([]).watchdog, false);
  });

  it('is truncated only by a number of alerts', () => {
    for (const truncatedAlerts of [0, -1, Number.NaN, '3', true, null]) {
      assert.deepEqual(readingOf([], { truncatedAlerts }).truncated, []);
    }
    assert.equal(readingOf([], { truncatedAlerts: 1 }).truncated.length, 2);
  });

  it('that was truncated says nothing about clusters that are not configured', () => {
    const truncatedFor = (connect_cluster: string) =>
      readingOf([], { truncatedAlerts: 1, commonLabels: { connect_cluster } }).truncated.map(
        ({ cluster }) => cluster,
      );
    assert.deepEqual(truncatedFor('z'), []);
    assert.deepEqual(truncatedFor('b'), ['b']);
    assert.deepEqual(truncatedFor(''), ['a', 'b']);
  });
});

describe('a name that JMX did not quote', () => {
  for (const name of ['"', '"a', 'a"', 'ab', 'a"b', '']) {
    it(`stays: ${name}`, () => assert.equal(unquoteJmx(name), name));
  }
});

describe('a signal', () => {
  const untilMs = T0 + HOUR;
  const resting: readonly Phase[] = [
    { state: 'recovered', untilMs },
    { state: 'closed', as: 'off', untilMs, ranSince: false },
  ];
  const waiting: Phase = { state: 'waiting', nextAtMs: T0 };

  it('changes nothing for what rests where the policy is disabled', () => {
    const disabled = { ...policy, enabled: false };
    for (const phase of resting) {
      const current = remediation(phase);
      const { next, outcome } = mergeSignal(current, signal(), disabled, 20, T0);
      assert.deepEqual([next, outcome], [current, 'disabled']);
      assert.equal(mergeSignal(current, signal(), policy, 20, T0).outcome, 'merged');
    }
    assert.equal(mergeSignal(remediation(waiting), signal(), disabled, 20, T0).outcome, 'merged');
  });

  it('waits for an answer from when it last fired; a resolved one asks for none', () => {
    const open = remediation(waiting, { signalAtMs: T0 });
    const atMs = T0 + MINUTE;
    assert.equal(mergeSignal(open, signal(), policy, 20, atMs).next?.signalAtMs, atMs);
    assert.equal(mergeSignal(open, signal({ status: 'resolved' }), policy, 20, atMs).next?.signalAtMs, T0);
  });

  it('that opens a remediation is its first alert, and the beginning of its story', () => {
    const { next } = mergeSignal(null, signal(), policy, 20, T0);
    const { fingerprint, labels, status } = signal();
    assert.deepEqual(next?.alerts, [{ fingerprint, labels, status, seenAtMs: T0 }]);
    assert.deepEqual(next?.history, [
      { atMs: T0, state: 'waiting', reason: 'signal', attempt: null, detail: 'KafkaConnectTaskFailed' },
    ]);
    const nameless = mergeSignal(null, signal({ labels: {} }), policy, 20, T0).next;
    assert.equal(nameless?.history[0]?.detail, null);
  });

  it('is the last of the alerts, which stay in the order in which they came up to the limit', () => {
    const three = remediation(waiting, {
      alerts: (['firing', 'resolved', 'firing'] as const).map((status, index) => {
        return { fingerprint: `f${index}`, labels: {}, status, seenAtMs: T0 };
      }),
    });
    const kept = (fingerprint: string, atMost: number): string => {
      const { next, dropped } = mergeSignal(three, signal({ fingerprint }), policy, atMost, T0);
      return `${next?.alerts.map((alert) => alert.fingerprint).join(' ')}, ${dropped} dropped`;
    };
    assert.equal(kept('f3', 4), 'f0 f1 f2 f3, 0 dropped');
    assert.equal(kept('f0', 3), 'f1 f2 f0, 0 dropped');
    assert.equal(kept('f3', 3), 'f0 f2 f3, 1 dropped');
    assert.equal(kept('f3', 2), 'f2 f3, 2 dropped');
    assert.equal(kept('f3', 0), 'f3, 3 dropped');
    const resolved = {
      ...three,
      alerts: three.alerts.map((alert) => ({ ...alert, status: 'resolved' as const })),
    };
    const { next } = mergeSignal(resolved, signal({ fingerprint: 'f3' }), policy, 3, T0);
    assert.deepEqual(
      next?.alerts.map((alert) => alert.fingerprint),
      ['f1', 'f2', 'f3'],
    );
  });
});
