import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import type { Phase, Remediation } from '../../src/core/model.ts';
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
    assert.deepEqual(next.phase, phase);
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
    // Its call was refused: nothing was charged.
    assert.equal(settleCall(next, 'conflict', null, policy, T0 + SECOND).attempts, 0);
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
