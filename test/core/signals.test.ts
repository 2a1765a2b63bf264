import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Remediation } from '../../src/core/model.ts';
import { mergeSignal, readAlert, readPayload, type SignalRules, unquoteJmx } from '../../src/core/signals.ts';
import { HOUR, MINUTE, policy, remediation, SECOND, signal, T0 } from './given.ts';

const rules: SignalRules = {
  labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
  clusters: ['a', 'b'],
  isForRemediation: (labels) => labels['remediation'] === 'kafka-connect',
};
const oneCluster: SignalRules = { ...rules, clusters: ['a'] };

const recorded: unknown[] = JSON.parse(
  readFileSync(new URL('../fixtures/alertmanager-webhooks.json', import.meta.url), 'utf8'),
);

const alert = (labels: unknown, over: object = {}): unknown => ({
  status: 'firing',
  labels,
  fingerprint: 'f',
  ...over,
});
const target = { connect_cluster: 'a', connector: 'orders' };

describe('the recorded webhooks of a real Alertmanager', () => {
  const read = (payload: unknown) => {
    const reading = readPayload(payload, rules);
    assert.ok(reading.ok);
    return reading.readings.map((one) =>
      one.kind === 'signal'
        ? [one.signal.status, one.signal.connector, one.signal.task]
        : [one.kind, one.kind === 'ignored' ? one.why : one.signal.cluster],
    );
  };

  it('give one signal per alert, firing and resolved mixed, names un-quoted', () => {
    assert.deepEqual(recorded.map(read), [
      [['resolved', 'badsmt-sink', 0]],
      [
        ['firing', 'json-sink', 0],
        ['resolved', 'json-sink', 1],
      ],
      [
        ['firing', 'json-sink', 0],
        ['firing', 'json-sink', 1],
      ],
      // A worker-level alert without the remediation label is none of our business.
      [['ignored', 'no_target']],
      [['firing', 'a->b.MirrorSourceConnector', null]],
      [
        ['firing', 'json-sink', 0],
        ['firing', 'json-sink', 1],
      ],
      [['ignored', 'no_target']],
    ]);
  });
});

describe('an alert', () => {
  const table: readonly (readonly [
    because: string,
    alert: unknown,
    expected: string,
    rules?: SignalRules,
  ])[] = [
    ['names connector and cluster', alert(target), 'signal'],
    ['names a cluster that is not configured', alert({ ...target, connect_cluster: 'z' }), 'unknown_cluster'],
    ['names no cluster where there are two', alert({ connector: 'orders' }), 'no_target'],
    ['names no cluster where there is one', alert({ connector: 'orders' }), 'signal', oneCluster],
    ['has an empty cluster, which is none', alert({ ...target, connect_cluster: '' }), 'signal', oneCluster],
    [
      'names no connector, but is meant for us',
      alert({ connect_cluster: 'a', remediation: 'kafka-connect' }),
      'cluster',
    ],
    [
      'has an empty connector, which is none',
      alert({ connect_cluster: 'a', connector: '', remediation: 'kafka-connect' }),
      'cluster',
    ],
    ['names no connector and is not meant for us', alert({ connect_cluster: 'a' }), 'no_target'],
    [
      'names nothing, and there is one cluster',
      alert({ remediation: 'kafka-connect' }),
      'cluster',
      oneCluster,
    ],
    ['names nothing, and there are two', alert({ remediation: 'kafka-connect' }), 'no_target'],
    ['has a null label', alert({ ...target, task: null }), 'invalid'],
    ['has a label that is a number', alert({ ...target, task: 0 }), 'invalid'],
    ['has null labels', alert(null), 'invalid'],
    ['has labels that are a list', alert(['connector']), 'invalid'],
    ['has no status', alert(target, { status: undefined }), 'invalid'],
    ['has an unknown status', alert(target, { status: 'suppressed' }), 'invalid'],
    ['is null', null, 'invalid'],
    ['is a string', 'firing', 'invalid'],
    ['has no fingerprint: its labels name it', alert(target, { fingerprint: undefined }), 'signal'],
    ['has unknown fields', alert(target, { notification_reason: 'first', routeLabels: {} }), 'signal'],
    ['names a connector of 1,000 characters', alert({ ...target, connector: '😀'.repeat(1_000) }), 'signal'],
    ['names one of more', alert({ ...target, connector: 'x'.repeat(1_001) }), 'invalid'],
    ['names one of more, in wide characters', alert({ ...target, connector: '😀'.repeat(1_001) }), 'invalid'],
    ['names one that is no text: half a pair', alert({ ...target, connector: 'a\ud800' }), 'invalid'],
    ['is the watchdog', alert({ alertname: 'Watchdog' }), 'watchdog'],
  ];
  for (const [because, one, expected, used] of table) {
    it(`${because}: ${expected}`, () => {
      const reading = readAlert(one, used ?? rules);
      assert.equal(reading.kind === 'ignored' ? reading.why : reading.kind, expected);
    });
  }

  it('names a task only by a plain number', () => {
    const taskOf = (task: string) => {
      const reading = readAlert(alert({ ...target, task }), rules);
      return reading.kind === 'signal' ? reading.signal.task : undefined;
    };
    assert.deepEqual(['0', '12', '', '-1', '1.5', 'x', '99999999999'].map(taskOf), [
      0,
      12,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything(), (anything) => {
        assert.ok(readAlert(anything, rules).kind);
        assert.ok('ok' in readPayload(anything, rules));
        assert.ok('ok' in readPayload({ version: '4', alerts: [anything] }, rules));
      }),
    );
  });
});

describe('a payload', () => {
  const problemOf = (payload: unknown): string | null => {
    const reading = readPayload(payload, rules);
    return reading.ok ? null : reading.problem;
  };

  it('must be an object with a list of alerts, of version 4 if it names one', () => {
    assert.match(problemOf([]) ?? '', /not a JSON object/);
    assert.match(problemOf('x') ?? '', /not a JSON object/);
    assert.match(problemOf({ version: '3', alerts: [] }) ?? '', /version/);
    assert.match(problemOf({ version: 4, alerts: [] }) ?? '', /version/);
    assert.match(problemOf({ version: '4' }) ?? '', /alerts/);
    assert.match(problemOf({ version: '4', alerts: {} }) ?? '', /alerts/);
    assert.match(problemOf({ version: null, alerts: [] }) ?? '', /version/);
    assert.equal(problemOf({ version: '4', alerts: [] }), null);
    assert.equal(problemOf({ alerts: [] }), null);
  });

  it('keeps the neighbours of a bad alert', () => {
    const reading = readPayload({ version: '4', alerts: [alert(null), alert(target), null] }, rules);
    assert.ok(reading.ok);
    assert.deepEqual(
      reading.readings.map(({ kind }) => kind),
      ['ignored', 'signal', 'ignored'],
    );
  });

  it('that was truncated is a reason to read the cluster that its labels name', () => {
    const reading = readPayload(
      { version: '4', alerts: [], truncatedAlerts: 3, groupLabels: { connect_cluster: 'b' } },
      rules,
    );
    assert.ok(reading.ok);
    assert.deepEqual(
      reading.truncated.map(({ cluster }) => cluster),
      ['b'],
    );
  });

  it('that was truncated and names no cluster is a reason to read all of them', () => {
    const reading = readPayload({ version: '4', alerts: [], truncatedAlerts: 3 }, rules);
    assert.ok(reading.ok);
    assert.deepEqual(
      reading.truncated.map(({ cluster }) => cluster),
      ['a', 'b'],
    );
  });
});

describe('a name from JMX', () => {
  const table: readonly (readonly [name: string, unquoted: string, because: string])[] = [
    ['plain-name', 'plain-name', 'not quoted'],
    ['"a->b.MirrorSourceConnector"', 'a->b.MirrorSourceConnector', 'MirrorMaker 2'],
    ['"say \\"hi\\""', 'say "hi"', 'escaped quotes'],
    ['"a\\\\b"', 'a\\b', 'escaped backslash'],
    ['"a\\*\\?"', 'a*?', 'escaped wildcards'],
    ['"a\\nb"', 'a\nb', 'escaped newline'],
    ['"', '"', 'one quote is not a quoted name'],
    ['""', '', 'empty'],
    ['"a"b"', '"a"b"', 'a bare quote inside: not quoted by JMX'],
    ['"a\\"', '"a\\"', 'the closing quote is escaped: not quoted by JMX'],
    ['"a\\x"', '"a\\x"', 'an escape that JMX does not make'],
  ];
  for (const [name, unquoted, because] of table) {
    it(`${because}: ${name}`, () => assert.equal(unquoteJmx(name), unquoted));
  }

  it('comes back whole through ObjectName.quote', () => {
    // java.management ObjectName.quote: these four are escaped by a backslash, a newline becomes \n.
    const quote = (name: string): string => `"${name.replace(/[\\"*?]/g, '\\$&').replace(/\n/g, '\\n')}"`;
    fc.assert(fc.property(fc.string(), (name) => assert.equal(unquoteJmx(quote(name)), name)));
  });
});

describe('merging a signal', () => {
  it('opens a remediation whose first attempt is due after the first delay', () => {
    const { next, outcome } = mergeSignal(null, signal(), { ...policy, delaysMs: [MINUTE] }, 20, T0);
    assert.equal(outcome, 'opened');
    assert.deepEqual(next?.phase, { state: 'waiting', nextAtMs: T0 + MINUTE });
    assert.equal(next?.lookAtMs, T0);
  });

  it('opens nothing for a resolved one, and nothing where the policy is disabled', () => {
    assert.deepEqual(mergeSignal(null, signal({ status: 'resolved' }), policy, 20, T0).next, null);
    const disabled = mergeSignal(null, signal(), { ...policy, enabled: false }, 20, T0);
    assert.deepEqual([disabled.next, disabled.outcome], [null, 'disabled']);
  });

  it('never moves the next attempt, and always brings the next look forward', () => {
    const waiting = remediation({ state: 'waiting', nextAtMs: T0 + HOUR }, { lookAtMs: T0 + HOUR });
    for (const status of ['firing', 'resolved'] as const) {
      const { next } = mergeSignal(waiting, signal({ status }), policy, 20, T0 + MINUTE);
      assert.deepEqual(next?.phase, waiting.phase);
      assert.equal(next?.lookAtMs, T0 + MINUTE);
    }
  });

  describe('brings the next look forward', () => {
    const known = signal();
    const quiet = remediation({ state: 'waiting', nextAtMs: T0 + HOUR }, { lookAtMs: T0 + HOUR });
    const open = { ...mergeSignal(quiet, known, policy, 20, T0).next, lookAtMs: T0 + HOUR } as Remediation;
    const dueIn = (current: Remediation, over: Parameters<typeof signal>[0]): number =>
      (mergeSignal(current, signal(over), policy, 20, T0 + MINUTE).next?.lookAtMs ?? 0) - (T0 + MINUTE);

    it('by two seconds for what an open remediation already has', () => {
      assert.equal(dueIn(open, {}), 2 * SECOND);
      const soon = { ...open, lookAtMs: T0 + MINUTE + SECOND };
      assert.equal(dueIn(soon, {}), SECOND);
    });

    it('to now for another alert, for a resolved one, and for one that fires again', () => {
      assert.equal(dueIn(open, { fingerprint: 'another' }), 0);
      assert.equal(dueIn(open, { status: 'resolved' }), 0);
      const resolved = mergeSignal(open, signal({ status: 'resolved' }), policy, 20, T0).next;
      assert.ok(resolved);
      assert.equal(dueIn({ ...resolved, lookAtMs: T0 + HOUR }, {}), 0);
    });

    it('to now for what rests', () => {
      const untilMs = T0 + HOUR;
      const rests = [
        { state: 'recovered', untilMs },
        { state: 'closed', as: 'off', untilMs, ranSince: false },
      ] as const;
      for (const phase of rests) assert.equal(dueIn({ ...open, phase }, {}), 0);
    });
  });

  it('keeps one alert per fingerprint, with its latest status', () => {
    const first = mergeSignal(null, signal(), policy, 20, T0).next;
    const again = mergeSignal(first, signal({ status: 'resolved' }), policy, 20, T0 + MINUTE).next;
    assert.deepEqual(
      again?.alerts.map(({ fingerprint, status }) => [fingerprint, status]),
      [['f0', 'resolved']],
    );
  });

  it('keeps as many alerts as the limit says, firing ones first, and counts what it drops', () => {
    const keepTwo = ['f1', 'f2', 'f3'].reduce(
      (current: ReturnType<typeof mergeSignal>, fingerprint) =>
        mergeSignal(
          current.next,
          signal({ fingerprint, status: fingerprint === 'f2' ? 'resolved' : 'firing' }),
          policy,
          2,
          T0,
        ),
      { next: remediation({ state: 'waiting', nextAtMs: T0 }), outcome: 'merged', dropped: 0 },
    );
    assert.deepEqual(
      keepTwo.next?.alerts.map(({ fingerprint }) => fingerprint),
      ['f1', 'f3'],
    );
    assert.equal(keepTwo.dropped, 1);
  });
});
