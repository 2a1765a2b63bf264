import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import type { Hold, Phase, Remediation } from '../../src/core/model.ts';
import { retried } from '../../src/core/retry.ts';
import { settleCall } from '../../src/core/transitions.ts';
import { HOUR, looks, MINUTE, policy, remediation, SECOND, T0 } from './given.ts';

const used: Partial<Remediation> = {
  attempts: 7,
  chargedAtMs: Array.from({ length: 20 }, (_, index) => T0 - (20 - index) * MINUTE),
  lastRestartAtMs: T0 - MINUTE,
  openedAtMs: T0 - 3 * HOUR,
  escalation: { reason: 'unstable', sinceMs: T0 - MINUTE },
};
const escalated: Phase = {
  state: 'escalated',
  nextAtMs: null,
  hold: null,
  refusals: 3,
  retryAtMs: T0 + HOUR,
};

describe("an operator's retry", () => {
  it('gives a fresh budget, takes the escalation back, and is due now', () => {
    const next = retried(remediation(escalated, used), 'oncall', T0);
    assert.deepEqual(next.phase, { state: 'waiting', nextAtMs: T0 });
    assert.deepEqual([next.attempts, next.chargedAtMs, next.escalation], [0, [], null]);
    assert.deepEqual([next.lookAtMs, next.sinceMs, next.reason], [T0, T0, 'operator']);
    assert.deepEqual(next.history.at(-1), {
      atMs: T0,
      state: 'waiting',
      reason: 'operator',
      attempt: null,
      detail: 'retry asked for by oncall',
    });
  });

  it('leads to a restart at the next look that sees it failed', () => {
    const { next, effect } = decide(retried(remediation(escalated, used), 'o', T0), looks.failed, policy, T0);
    assert.equal(effect.type, 'restart');
    assert.deepEqual([next?.phase.state, next?.attempts, next?.chargedAtMs], ['restarting', 1, [T0]]);
  });

  it('restarts nothing that runs (P1)', () => {
    const { next, effect } = decide(
      retried(remediation(escalated, used), 'o', T0),
      looks.running,
      policy,
      T0,
    );
    assert.deepEqual([effect.type, next?.phase.state], ['none', 'stabilising']);
  });

  it('makes no second restart while one is under way: that one is the first of the fresh budget', () => {
    const phase: Phase = {
      state: 'restarting',
      calledAtMs: T0,
      looks: 0,
      from: 'escalated',
      dueAtMs: T0,
      previousRestartAtMs: null,
      refusals: 0,
    };
    const attemptLog = [6, 8].map((number) => ({ number, atMs: T0, outcome: null, detail: null }));
    const chargedAtMs = [...(used.chargedAtMs ?? []), T0];
    const given = remediation(phase, { ...used, attempts: 8, attemptLog, chargedAtMs, lastRestartAtMs: T0 });
    const next = retried(given, 'o', T0 + SECOND);
    assert.deepEqual(next.phase, { ...phase, from: 'waiting' });
    assert.deepEqual([next.attempts, next.chargedAtMs, next.escalation], [1, [T0], null]);
    assert.deepEqual(
      next.attemptLog.map(({ number }) => number),
      [6, 1],
    );
    // The old FAILED, a second after the call: too soon to count.
    assert.equal(decide(next, looks.failed, policy, T0 + SECOND).effect.type, 'none');
    // It did not hold: the second delay of the list runs.
    const later = decide(next, looks.failed, policy, T0 + 6 * SECOND).next;
    assert.deepEqual(later?.phase, { state: 'waiting', nextAtMs: T0 + 2 * MINUTE });
    // Its call was refused: nothing was charged, and nobody is escalated without a reason.
    const refused = settleCall(next, 'conflict', null, policy, T0 + SECOND);
    assert.deepEqual([refused.attempts, refused.phase.state], [0, 'held']);
  });

  for (const phase of [
    { state: 'recovered', untilMs: T0 + HOUR },
    { state: 'closed', as: 'off', untilMs: T0 + HOUR, ranSince: false },
  ] as const) {
    it(`begins a failure of its own for one that is ${phase.state}`, () => {
      const next = retried(remediation(phase, used), 'o', T0);
      assert.deepEqual([next.phase, next.openedAtMs], [{ state: 'waiting', nextAtMs: T0 }, T0]);
      assert.equal(decide(next, looks.failed, policy, T0).effect.type, 'restart');
      assert.equal(decide(next, looks.off, policy, T0).next?.phase.state, 'closed');
    });
  }

  it('bears to be asked for twice', () => {
    const once = retried(remediation(escalated, used), 'o', T0);
    assert.deepEqual({ ...retried(once, 'o', T0), history: [] }, { ...once, history: [] });
  });
});

describe('a retry in each state', () => {
  const hold: Hold = { reason: 'silenced', detail: 's1', sinceMs: T0 - MINUTE, untilMs: null };
  const restarting: Phase = {
    state: 'restarting',
    calledAtMs: T0 - SECOND,
    looks: 1,
    from: 'waiting',
    dueAtMs: T0 - MINUTE,
    previousRestartAtMs: null,
    refusals: 0,
  };
  const OPENED = T0 - 3 * HOUR;
  const SINCE = T0 - HOUR;
  /** The phase, and whether its time and its failure go on. */
  const cases: readonly (readonly [Phase, number, number])[] = [
    [{ state: 'waiting', nextAtMs: T0 + HOUR }, SINCE, OPENED],
    [{ state: 'held', nextAtMs: T0, hold, refusals: 2, retryAtMs: T0 + MINUTE }, T0, OPENED],
    [restarting, SINCE, OPENED],
    [{ state: 'stabilising', stableMs: MINUTE, seenAtMs: T0 }, T0, OPENED],
    [escalated, T0, OPENED],
    [{ state: 'recovered', untilMs: T0 + HOUR }, T0, T0],
    [{ state: 'closed', as: 'gone', untilMs: T0 + HOUR, ranSince: true }, T0, T0],
  ];
  for (const [phase, sinceMs, openedAtMs] of cases) {
    const { state } = phase;
    it(`${state}: ${sinceMs === T0 ? 'begins to wait' : 'goes on'}, in ${openedAtMs === T0 ? 'a failure of its own' : 'the same failure'}`, () => {
      const next = retried(remediation(phase, { ...used, sinceMs: SINCE }), 'o', T0);
      assert.deepEqual([next.sinceMs, next.openedAtMs], [sinceMs, openedAtMs]);
      assert.deepEqual(next.phase, state === 'restarting' ? phase : { state: 'waiting', nextAtMs: T0 });
      assert.deepEqual([next.lookAtMs, next.escalation], [T0, null]);
      assert.equal(next.history.length, 1);
    });
  }
});
