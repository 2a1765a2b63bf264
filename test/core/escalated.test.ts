import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import type { Look } from '../../src/core/look.ts';
import type { Hold, Phase, Remediation } from '../../src/core/model.ts';
import { HOUR, looks, MINUTE, policy, remediation, SECOND, T0 } from './given.ts';

type Escalated = Extract<Phase, { state: 'escalated' }>;

/** Why a human was called, which stays the reason as long as nothing else happens. */
const escalation = { reason: 'permanent', sinceMs: T0 - HOUR } as const;
const HOLD: Hold = { reason: 'silenced', detail: 's1', sinceMs: T0 - MINUTE, untilMs: null };

function decided(seen: Look, phase: Partial<Escalated> = {}, over: Partial<Remediation> = {}) {
  const from: Escalated = {
    state: 'escalated',
    nextAtMs: T0,
    hold: null,
    refusals: 0,
    retryAtMs: 0,
    ...phase,
  };
  return decide(remediation(from, { escalation, attempts: 2, ...over }), seen, policy, T0);
}

function lookIn({ next }: ReturnType<typeof decided>): number {
  return (next?.lookAtMs ?? Number.NaN) - T0;
}

describe('what is escalated and failed', () => {
  it('is looked at when its slow rhythm says so, or after ten minutes', () => {
    assert.equal(lookIn(decided(looks.failed, { nextAtMs: T0 + MINUTE })), MINUTE);
    assert.equal(lookIn(decided(looks.failed, { nextAtMs: T0 + HOUR })), 10 * MINUTE);
    assert.equal(lookIn(decided(looks.failed, { nextAtMs: null })), 10 * MINUTE);
  });

  it('goes on showing why it was escalated, and no hold before it is due', () => {
    const { next, reason } = decided(looks.failed, { nextAtMs: T0 + 1, hold: HOLD });
    assert.equal(reason, 'permanent');
    assert.equal(next?.phase.state === 'escalated' && next.phase.hold, null);
    assert.equal(decided(looks.failed, { nextAtMs: null }, { escalation: null }).reason, 'exhausted');
  });

  it('is left alone after a refusal until its time, with the hold that was shown', () => {
    const waits = decided(looks.failed, { retryAtMs: T0 + 1, hold: HOLD });
    assert.deepEqual([waits.effect.type, waits.reason, lookIn(waits)], ['none', 'silenced', 1]);
    assert.equal(decided(looks.failed, { retryAtMs: T0 + 1 }).reason, 'permanent');
    assert.equal(decided(looks.failed, { retryAtMs: T0, hold: HOLD }).effect.type, 'restart');
  });

  it('gets its attempt when it is due, which knows where it came from', () => {
    const { effect, next } = decided(looks.failed, { nextAtMs: T0 - SECOND, refusals: 3 });
    assert.equal(effect.type === 'restart' && effect.attempt, 3);
    assert.ok(next?.phase.state === 'restarting');
    const { from, dueAtMs, refusals } = next.phase;
    assert.deepEqual([from, dueAtMs, refusals], ['escalated', T0 - SECOND, 3]);
  });

  it('waits for room in the rolling budget, and is looked at after ten minutes at the latest', () => {
    const { budget } = policy;
    const full = (firstAgoMs: number): number[] =>
      Array.from({ length: budget.restarts }, (_, index) => (index === 0 ? T0 - firstAgoMs : T0 - MINUTE));
    for (const [firstAgoMs, roomInMs] of [
      [budget.perMs - MINUTE, MINUTE],
      [budget.perMs - HOUR, HOUR],
    ] as const) {
      const waits = decided(looks.failed, {}, { chargedAtMs: full(firstAgoMs) });
      assert.deepEqual([waits.effect.type, waits.reason], ['none', 'unstable']);
      assert.equal(waits.next?.phase.state === 'escalated' && waits.next.phase.nextAtMs, T0 + roomInMs);
      assert.equal(lookIn(waits), Math.min(roomInMs, 10 * MINUTE));
    }
  });
});

describe('what is escalated and cannot be judged', () => {
  it('is missing for two seconds before it is gone', () => {
    const { reason, next } = decided(looks.missing);
    assert.deepEqual(
      [reason, next?.phase.state, lookIn(decided(looks.missing))],
      ['missing', 'escalated', 2 * SECOND],
    );
  });

  for (const [name, seen, reason] of [
    ['unsettled', looks.unsettled, 'rebalancing'],
    ['unknown', looks.unknown, 'connect_unreachable'],
    ['unauthorized', looks.unauthorized, 'unauthorized'],
  ] as const) {
    it(`${name}: shows a hold where it is due, and none before or never`, () => {
      const due = decided(seen);
      assert.equal(due.reason, reason);
      assert.equal(due.next?.phase.state === 'escalated' && due.next.phase.hold?.reason, reason);
      for (const nextAtMs of [T0 + 1, null]) {
        const early = decided(seen, { nextAtMs });
        assert.equal(early.reason, 'permanent');
        assert.equal(early.next?.phase.state === 'escalated' && early.next.phase.hold, null);
        assert.equal(lookIn(early), nextAtMs === null ? 10 * MINUTE : 1);
      }
    });

    it(`${name}: shows what an operator or a silence says first`, () => {
      const paused: Look = { ...seen, holds: [{ reason: 'paused', detail: 'ann', untilMs: null }] };
      assert.equal(decided(paused).reason, 'paused');
    });
  }
});
