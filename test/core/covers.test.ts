import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SignalRules } from '../../src/core/signals.ts';
import {
  type Part,
  type PartSuppression,
  planAround,
  type SilenceSeen,
  type SuppressedAlert,
  type SuppressionView,
  suppressedParts,
} from '../../src/core/suppression.ts';

/** Whose alert covers which part, and what is shown of it; suppression.test.ts has the rules. */
type Labels = Readonly<Record<string, string>>;

const rules: SignalRules = {
  labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
  clusters: ['a'],
  isForRemediation: (labels) => labels['remediation'] === 'kafka-connect',
};
const ofTask = (task: number, more: Labels = {}): Labels => ({
  connect_cluster: 'a',
  connector: 'c',
  task: String(task),
  ...more,
});
/** Names a cluster, and nothing in it. */
const ofCluster: Labels = { alertname: 'Worker', connect_cluster: 'a', remediation: 'kafka-connect' };

function silence(matchers: Labels, over: Partial<SilenceSeen> = {}): SilenceSeen {
  const entries = Object.entries(matchers);
  return {
    id: 's',
    author: '',
    comment: '',
    endsAtMs: null,
    fit: (labels) => (entries.every(([name, value]) => labels[name] === value) ? 'yes' : 'no'),
    names: new Set(Object.keys(matchers)),
    ...over,
  };
}

function seenWith(
  labels: readonly Labels[],
  parts: readonly Part[],
  silences: readonly SilenceSeen[],
  suppressed: readonly SuppressedAlert[] = [],
): PartSuppression[] {
  const view: SuppressionView = { unknown: null, alertmanagers: [{ name: 'am', silences, suppressed }] };
  const alerts = labels.map((one, index) => ({ fingerprint: `f${index}`, labels: one }));
  return suppressedParts(view, { cluster: 'a', connector: 'c', alerts, rules }, parts);
}
const states = (found: readonly PartSuppression[]): string => found.map(({ state }) => state).join(' ');

describe('a silence', () => {
  it('of a worker covers the task there, and not one that has an alert of its own from elsewhere', () => {
    const alerts = [ofTask(0, { worker: 'w0' }), ofTask(1, { worker: 'w1' })];
    assert.equal(states(seenWith(alerts, [0, 1], [silence({ worker: 'w1' })])), 'free silenced');
    // Of what no alert of its own was seen yet may come from there.
    assert.equal(states(seenWith(alerts, [2, null], [silence({ worker: 'w1' })])), 'silenced silenced');
  });

  it('of an alert that names no connector covers every part of what it opened', () => {
    const found = seenWith([ofCluster], [null, 0], [silence({ alertname: 'Worker' })]);
    assert.equal(states(found), 'silenced silenced');
  });

  it('is held once against the labels of an alert about the whole connector, however many tasks have failed', () => {
    let asked = 0;
    const whole: Labels = { connect_cluster: 'a', connector: 'c' };
    const counting = silence(
      {},
      {
        fit: (labels) => {
          if (labels['task'] === undefined) asked += 1;
          return 'no';
        },
      },
    );
    const tasks = Array.from({ length: 50 }, (_, task) => task);
    seenWith([whole, ...tasks.map((task) => ofTask(task))], tasks, [counting]);
    assert.equal(asked, 1);
  });

  it('tells its author and its comment where it has them', () => {
    const detailOf = (author: string, comment: string): string | null | undefined =>
      seenWith([ofTask(0)], [0], [silence({ task: '0' }, { author, comment })])[0]?.detail;
    assert.equal(detailOf('', ''), 'silence s');
    assert.equal(detailOf('ann', ''), 'silence s by ann');
    assert.equal(detailOf('', 'work'), 'silence s: work');
    assert.equal(detailOf('ann', 'work'), 'silence s by ann: work');
  });

  it('is shown before others that end with it, and after one that ends later', () => {
    const shown = (...ends: readonly (number | null)[]): string | null | undefined => {
      const silences = ends.map((endsAtMs, index) => silence({ task: '0' }, { id: `s${index}`, endsAtMs }));
      return seenWith([ofTask(0)], [0], silences)[0]?.detail;
    };
    assert.equal(shown(1, 1), 'silence s0');
    assert.equal(shown(1, 2, 2), 'silence s1');
    assert.equal(shown(null, null, 3), 'silence s0');
  });
});

describe('an alert that Alertmanager lists as suppressed and that names no connector', () => {
  const listed = (fingerprint: string): SuppressedAlert => ({
    fingerprint,
    labels: ofCluster,
    silencedBy: ['s'],
    inhibitedBy: [],
    unreadable: false,
  });

  it('covers the parts that it was seen for, all where it was seen for the whole connector', () => {
    const tasks = [ofTask(0), ofTask(1)];
    assert.equal(states(seenWith(tasks, [null, 0, 1], [], [listed('f1')])), 'free free silenced');
    const whole = [ofCluster, ofTask(1)];
    assert.equal(states(seenWith(whole, [null, 0, 1], [], [listed('f0')])), 'silenced silenced silenced');
  });

  it('covers nothing of a connector that it did not open', () => {
    assert.equal(states(seenWith([ofTask(0)], [null, 0], [], [listed('f9')])), 'free free');
  });
});

describe('a hold for several parts', () => {
  const part = (of: Part, detail: string | null): PartSuppression => {
    return { part: of, state: 'silenced', detail, untilMs: null };
  };
  const detailOf = (...parts: readonly PartSuppression[]) => planAround(parts, 0).holds[0]?.detail;

  it('tells one reason and how many others there are', () => {
    assert.equal(detailOf(part(0, 'x')), 'x');
    assert.equal(detailOf(part(0, 'x'), part(1, 'x')), 'x');
    assert.equal(detailOf(part(0, 'x'), part(1, 'y'), part(2, 'z')), 'x; and 2 more');
  });

  it('leaves out what has none', () => {
    assert.equal(detailOf(part(0, null)), null);
    assert.equal(detailOf(part(0, null), part(1, 'y')), 'y');
  });
});
