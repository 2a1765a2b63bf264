import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { SignalRules } from '../../src/core/signals.ts';
import {
  type AlertmanagerSeen,
  type Fit,
  NO_ALERTMANAGERS,
  type Part,
  type PartSuppression,
  planAround,
  type SilenceSeen,
  type SuppressedAlert,
  type SuppressionView,
  suppress,
  suppressedParts,
} from '../../src/core/suppression.ts';

type Labels = Readonly<Record<string, string>>;

const rules: SignalRules = {
  labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
  clusters: ['default', 'other'],
  isForRemediation: (labels) => labels['remediation'] === 'kafka-connect',
};

const about = (over: Labels = {}): Labels => ({
  alertname: 'KafkaConnectTaskFailed',
  remediation: 'kafka-connect',
  connect_cluster: 'default',
  connector: 'c',
  ...over,
});
const seen = (labels: Labels, fingerprint = JSON.stringify(labels)) => ({ fingerprint, labels });
const onTask = (task: number) => seen(about({ task: String(task) }), `f${task}`);

/** A silence whose matchers are `name = value`; `null` as a value cannot be evaluated. */
function silence(
  id: string,
  matchers: Readonly<Record<string, string | null>>,
  endsAtMs: number | null = null,
): SilenceSeen {
  const fit = (labels: Labels): Fit => {
    const fits = Object.entries(matchers).map(
      ([name, value]) => value === null || (labels[name] ?? '') === value,
    );
    if (fits.includes(false)) return 'no';
    return Object.values(matchers).includes(null) ? 'unknown' : 'yes';
  };
  return { id, author: 'anna', comment: 'why', endsAtMs, fit, names: new Set(Object.keys(matchers)) };
}

function listed(labels: Labels, over: Partial<SuppressedAlert>): SuppressedAlert {
  return { fingerprint: 'listed', labels, silencedBy: [], inhibitedBy: [], unreadable: false, ...over };
}

function view(one: Partial<AlertmanagerSeen>, unknown: string | null = null): SuppressionView {
  return { alertmanagers: [{ name: 'am:9093', silences: [], suppressed: [], ...one }], unknown };
}

function states(
  given: SuppressionView,
  alerts: ReturnType<typeof seen>[],
  parts: Part[],
  connector = 'c',
): string {
  const target = { cluster: 'default', connector, alerts, rules };
  return suppressedParts(given, target, parts)
    .map(({ state }) => state)
    .join(' ');
}

describe('which parts a silence covers', () => {
  const rows: [
    what: string,
    matchers: Record<string, string | null>,
    alerts: ReturnType<typeof seen>[],
    expected: string,
  ][] = [
    // The parts are: the connector instance, task 0, task 1.
    ['of a task: that task', { task: '0' }, [onTask(0), onTask(1)], 'free silenced free'],
    ['of the connector: all', { connector: 'c' }, [onTask(0), onTask(1)], 'silenced silenced silenced'],
    ['of another connector: none', { connector: 'd' }, [onTask(0), onTask(1)], 'free free free'],
    [
      'of an alert without a task: all',
      { alertname: 'Down' },
      [seen(about({ alertname: 'Down' }))],
      'silenced silenced silenced',
    ],
    ['of an empty task label: all', { task: '' }, [seen(about({ task: '' }))], 'silenced silenced silenced'],
    [
      'of a task label that is no number: all',
      { task: 'x' },
      [seen(about({ task: 'x' }))],
      'silenced silenced silenced',
    ],
    // Nothing was seen of the others yet: their alerts will carry what this one carries.
    ['of the connector, one alert seen: all', { connector: 'c' }, [onTask(0)], 'silenced silenced silenced'],
    [
      'of the alert name, one alert seen: all',
      { alertname: 'KafkaConnectTaskFailed' },
      [onTask(0)],
      'silenced silenced silenced',
    ],
    [
      'of a task without an alert of its own',
      { connector: 'c', task: '1' },
      [onTask(0)],
      'free free silenced',
    ],
    [
      'of a task that only an alert about the whole connector was seen of',
      { connector: 'c', task: '1' },
      [seen(about({}))],
      'free free silenced',
    ],
    ['of labels without a task', { connector: 'c', task: '' }, [onTask(0)], 'silenced free free'],
    ['that cannot be evaluated', { task: '0', x: null }, [onTask(0), onTask(1)], 'free unknown free'],
    ['that cannot be evaluated, of another', { connector: 'd', x: null }, [onTask(0)], 'free free free'],
  ];
  for (const [what, matchers, alerts, expected] of rows) {
    test(what, () => {
      assert.equal(states(view({ silences: [silence('s', matchers)] }), alerts, [null, 0, 1]), expected);
    });
  }

  test('an alert that has resolved counts as well, since a restart makes it vanish', () => {
    const alerts = [{ ...onTask(0), status: 'resolved', seenAtMs: 0 }];
    assert.equal(states(view({ silences: [silence('s', { task: '0' })] }), alerts, [0]), 'silenced');
  });

  test('where a cluster alert opened it, the labels are its own with connector and task', () => {
    const alert = seen(about({ connector: 'a->b', task: '0', alertname: 'Worker' }), 'f/0');
    const silences = [silence('s', { alertname: 'Worker', connector: 'a->b' })];
    assert.equal(states(view({ silences }), [alert], [0], 'a->b'), 'silenced');
  });
});

describe('which parts a listed alert covers', () => {
  const by = { silencedBy: ['s'] };
  const rows: [what: string, alert: SuppressedAlert, expected: string][] = [
    ['of a task', listed(about({ task: '1', alertname: 'X' }), by), 'free free silenced'],
    ['of the connector', listed(about({ alertname: 'X' }), by), 'silenced silenced silenced'],
    ['of another connector', listed(about({ connector: 'd' }), by), 'free free free'],
    ['of another cluster', listed(about({ connect_cluster: 'other' }), by), 'free free free'],
    ['of a cluster that is not configured', listed(about({ connect_cluster: 'x' }), by), 'free free free'],
    ['with the name quoted by JMX', listed(about({ connector: '"c"' }), by), 'silenced silenced silenced'],
    ['without the remediation label', listed(about({ remediation: '' }), by), 'silenced silenced silenced'],
    [
      "of connect-medic's own page",
      listed(about({ alertname: 'ConnectMedicEscalated' }), by),
      'free free free',
    ],
    ['inhibited by another', listed(about({ task: '1' }), { inhibitedBy: ['w'] }), 'free free inhibited'],
    ['both: silenced is shown', listed(about(), { ...by, inhibitedBy: ['w'] }), 'silenced silenced silenced'],
    [
      'inhibited by an alert seen for this connector',
      listed(about(), { inhibitedBy: ['f0'] }),
      'free free free',
    ],
    [
      'inhibited by the cluster alert that opened it',
      listed(about(), { inhibitedBy: ['f1'] }),
      'inhibited inhibited inhibited',
    ],
    [
      'inhibited by its own alert and another',
      listed(about(), { inhibitedBy: ['f0', 'w'] }),
      'inhibited inhibited inhibited',
    ],
    ['whose status cannot be read', listed(about({ task: '0' }), { unreadable: true }), 'free unknown free'],
    ['that names no connector and is not ours', listed(about({ connector: '' }), by), 'free free free'],
    [
      'that names no connector and opened this',
      listed(about({ connector: '' }), { ...by, fingerprint: 'f1' }),
      'free free silenced',
    ],
  ];
  for (const [what, alert, expected] of rows) {
    test(what, () => {
      const alerts = [onTask(0), seen(about({ task: '1' }), 'f1/1')];
      assert.equal(states(view({ suppressed: [alert] }), alerts, [null, 0, 1]), expected);
    });
  }

  test('it names the silence where that was read', () => {
    const given = view({
      suppressed: [listed(about(), { silencedBy: ['s'] })],
      silences: [silence('s', { connector: 'x' }, 7)],
    });
    const [part] = suppressedParts(given, { cluster: 'default', connector: 'c', alerts: [], rules }, [0]);
    assert.deepEqual(part, { part: 0, state: 'silenced', detail: 'silence s by anna: why', untilMs: 7 });
  });
});

describe('what is left to act on', () => {
  const free = (part: Part): PartSuppression => ({ part, state: 'free', detail: null, untilMs: null });
  const held = (
    part: Part,
    state: PartSuppression['state'],
    untilMs: number | null = null,
  ): PartSuppression => ({
    part,
    state,
    detail: `${state} ${part}`,
    untilMs,
  });
  const all = { kind: 'failed' };
  const rows: [what: string, parts: PartSuppression[], holds: unknown, plan: unknown][] = [
    ['nothing failed', [], [], all],
    ['all free', [free(null), free(0)], [], all],
    [
      'a task free',
      [held(null, 'silenced'), free(0), held(1, 'inhibited')],
      [],
      { kind: 'parts', connector: false, tasks: [0] },
    ],
    [
      'the instance free',
      [free(null), held(0, 'unknown')],
      [],
      { kind: 'parts', connector: true, tasks: [] },
    ],
    [
      'none free: the earliest end counts',
      [held(0, 'silenced', 50_000), held(1, 'silenced', 40_000), held(2, 'silenced')],
      [{ reason: 'silenced', detail: 'silenced 0; and 2 more', untilMs: 40_000 }],
      { kind: 'parts', connector: false, tasks: [] },
    ],
    [
      'none free, for different reasons',
      [held(0, 'unknown'), held(1, 'inhibited')],
      [
        { reason: 'inhibited', detail: 'inhibited 1', untilMs: null },
        { reason: 'alertmanager_unreachable', detail: 'unknown 0', untilMs: null },
      ],
      { kind: 'parts', connector: false, tasks: [] },
    ],
  ];
  for (const [what, parts, holds, plan] of rows) {
    test(what, () => {
      assert.deepEqual(planAround(parts, 1_000), { holds, plan });
    });
  }

  // Boundary pair: nothing is looked at again while the old view is still given out.
  for (const [endsAtMs, untilMs] of [
    [13_001, 13_001],
    [12_999, 13_000],
    [0, 13_000],
  ] as const) {
    test(`at 10 000, an end at ${endsAtMs} is looked at again at ${untilMs}`, () => {
      const { holds } = planAround([held(0, 'silenced', endsAtMs)], 10_000);
      assert.equal(holds[0]?.untilMs, untilMs);
    });
  }

  test('of several silences over one part, the last end counts', () => {
    const silences = [silence('a', {}, 5), silence('b', {}, 9), silence('c', {}, 7)];
    const target = { cluster: 'default', connector: 'c', alerts: [onTask(0)], rules };
    assert.equal(suppressedParts(view({ silences }), target, [0])[0]?.untilMs, 9);
    const open = view({ silences: [...silences, silence('d', {})] });
    assert.equal(suppressedParts(open, target, [0])[0]?.untilMs, null);
  });

  test('without Alertmanagers everything is free', () => {
    const target = { cluster: 'default', connector: 'c', alerts: [onTask(0)], rules };
    assert.deepEqual(suppress(NO_ALERTMANAGERS, target, [null, 0], 0), { holds: [], plan: all });
  });
});

describe('for any view', () => {
  const tasks = fc.uniqueArray(fc.nat(4), { maxLength: 4 });
  const labels = fc
    .record({ task: fc.option(fc.nat(4), { nil: null }), alertname: fc.constantFrom('A', 'B') })
    .map(({ task, alertname }) => about({ alertname, ...(task !== null && { task: String(task) }) }));
  const silences = fc
    .array(
      fc.dictionary(
        fc.constantFrom('connector', 'task', 'alertname'),
        fc.constantFrom('c', '0', '1', 'A', '', null),
        {
          maxKeys: 2,
        },
      ),
      { maxLength: 3 },
    )
    .map((all) => all.map((matchers, index) => silence(`s${index}`, matchers)));
  const suppressed = fc.array(
    fc.record({
      fingerprint: fc.constantFrom('f', 'g'),
      labels,
      silencedBy: fc.constantFrom([], ['s0'], ['zz']),
      inhibitedBy: fc.constantFrom([], ['f'], ['w']),
      unreadable: fc.boolean(),
    }),
    { maxLength: 3 },
  );
  const alertmanager = fc.record({ name: fc.constant('am'), silences, suppressed });
  const alerts = fc
    .array(labels, { minLength: 1, maxLength: 3 })
    .map((all) => all.map((one, index) => seen(one, `f${index}`)));
  const parts = fc
    .tuple(fc.boolean(), tasks)
    .map(([instance, ids]): Part[] => [...(instance ? [null] : []), ...ids]);

  test('a part is never free when a silence over one of its alerts cannot be evaluated or matches (P4)', () => {
    fc.assert(
      fc.property(fc.array(alertmanager, { maxLength: 3 }), alerts, parts, (alertmanagers, ofIt, failed) => {
        const target = { cluster: 'default', connector: 'c', alerts: ofIt, rules };
        for (const { part, state } of suppressedParts({ alertmanagers, unknown: null }, target, failed)) {
          const own = ofIt.filter(({ labels: { task } }) => task === undefined || task === String(part));
          const fits = alertmanagers.flatMap((one) =>
            one.silences.flatMap(({ fit }) => own.map((alert) => fit(alert.labels))),
          );
          if (fits.some((fit) => fit !== 'no')) assert.notEqual(state, 'free');
          if (fits.includes('yes')) assert.equal(state, 'silenced');
        }
      }),
    );
  });

  test('nothing is free when no Alertmanager answered in full', () => {
    fc.assert(
      fc.property(fc.array(alertmanager, { maxLength: 2 }), alerts, parts, (alertmanagers, ofIt, failed) => {
        const target = { cluster: 'default', connector: 'c', alerts: ofIt, rules };
        const result = suppress({ alertmanagers, unknown: 'am: down' }, target, failed, 0);
        assert.equal(result.holds.length > 0, failed.length > 0);
      }),
    );
  });

  test('what a silence looks at saves work, and changes nothing', () => {
    fc.assert(
      fc.property(fc.array(alertmanager, { maxLength: 2 }), alerts, parts, (alertmanagers, ofIt, failed) => {
        const target = { cluster: 'default', connector: 'c', alerts: ofIt, rules };
        const blind = alertmanagers.map((one) => ({
          ...one,
          silences: one.silences.map(({ names: _names, ...silence }) => silence),
        }));
        assert.deepEqual(
          suppressedParts({ alertmanagers, unknown: null }, target, failed).map(({ state }) => state),
          suppressedParts({ alertmanagers: blind, unknown: null }, target, failed).map(({ state }) => state),
        );
      }),
    );
  });

  test('a thousand failed parts cost one match of a silence that does not look at tasks', () => {
    let matches = 0;
    const base = silence('s', { connector: 'other' });
    const counting: SilenceSeen = {
      ...base,
      fit: (labels) => {
        matches += 1;
        return base.fit(labels);
      },
    };
    const target = { cluster: 'default', connector: 'c', alerts: [onTask(5_000)], rules };
    const failed = Array.from({ length: 1_000 }, (_, id) => id);
    suppressedParts(view({ silences: [counting] }), target, failed);
    assert.equal(matches, 1);
  });

  test('another Alertmanager never frees a part', () => {
    fc.assert(
      fc.property(alertmanager, alertmanager, alerts, parts, (one, other, ofIt, failed) => {
        const target = { cluster: 'default', connector: 'c', alerts: ofIt, rules };
        const alone = suppressedParts({ alertmanagers: [one], unknown: null }, target, failed);
        const both = suppressedParts({ alertmanagers: [one, other], unknown: null }, target, failed);
        for (const [index, { state }] of alone.entries()) {
          if (state !== 'free') assert.notEqual(both[index]?.state, 'free');
        }
      }),
    );
  });

  test('the plan touches exactly the free parts, and there is a hold exactly when there is none', () => {
    fc.assert(
      fc.property(alertmanager, alerts, parts, (one, ofIt, failed) => {
        const target = { cluster: 'default', connector: 'c', alerts: ofIt, rules };
        const given = { alertmanagers: [one], unknown: null };
        const free = suppressedParts(given, target, failed).filter(({ state }) => state === 'free');
        const { holds, plan } = suppress(given, target, failed, 0);
        assert.equal(holds.length > 0, failed.length > 0 && free.length === 0);
        if (plan.kind === 'failed') assert.equal(free.length, failed.length);
        else {
          const touched = [...(plan.connector ? [null] : []), ...plan.tasks];
          assert.deepEqual(
            touched,
            free.map(({ part }) => part),
          );
        }
      }),
    );
  });
});
