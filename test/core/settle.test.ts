import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import type { Phase, Remediation, RestartOutcome } from '../../src/core/model.ts';
import { settleCall } from '../../src/core/transitions.ts';
import { looks, MINUTE, policy, remediation, SECOND, T0 } from './given.ts';

const BEFORE = T0 - 10 * MINUTE;

/** An attempt decided at T0, the second of its failure, written down and called. */
function called(from: Phase = { state: 'waiting', nextAtMs: T0 - SECOND }): Remediation {
  const waiting = remediation(from, { attempts: 1, chargedAtMs: [BEFORE], lastRestartAtMs: BEFORE });
  const decision = decide(waiting, looks.failed, policy, T0);
  assert.equal(decision.effect.type, 'restart');
  assert.ok(decision.next);
  return decision.next;
}

describe('what came back from the restart call', () => {
  const charged: readonly RestartOutcome[] = ['accepted', 'ambiguous', 'not_found', 'dry_run'];
  for (const outcome of charged) {
    it(`${outcome} is charged, and looked at two seconds after the answer`, () => {
      const after = settleCall(called(), outcome, null, policy, T0 + SECOND);
      assert.equal(after.phase.state, 'restarting');
      assert.equal(after.attempts, 2);
      // Delays count from when the call ended.
      assert.deepEqual(after.chargedAtMs, [BEFORE, T0 + SECOND]);
      assert.equal(after.lastRestartAtMs, T0 + SECOND);
      assert.equal(after.lookAtMs, T0 + 3 * SECOND);
    });
  }

  const uncharged: readonly (readonly [RestartOutcome, string])[] = [
    ['conflict', 'rebalancing'],
    ['refused', 'connect_unreachable'],
    ['unauthorized', 'unauthorized'],
  ];
  for (const [outcome, reason] of uncharged) {
    it(`${outcome} is not charged, and shows as the hold ${reason}`, () => {
      const after = settleCall(called(), outcome, 'why', policy, T0 + SECOND);
      assert.equal(after.phase.state, 'held');
      assert.equal(after.phase.state === 'held' && after.phase.hold.reason, reason);
      assert.equal(after.attempts, 1);
      assert.deepEqual(after.chargedAtMs, [BEFORE]);
      assert.equal(after.lastRestartAtMs, BEFORE);
      assert.equal(after.lookAtMs, T0 + 2 * SECOND);
    });
  }

  it('five 409 in a row leave the budget untouched and are 1s, 2s, 4s, 8s and 16s apart', () => {
    let current = called();
    let nowMs = T0;
    const waits: number[] = [];
    for (let refusals = 0; refusals < 5; refusals += 1) {
      current = settleCall(current, 'conflict', null, policy, nowMs);
      waits.push((current.lookAtMs - nowMs) / SECOND);
      nowMs = current.lookAtMs;
      const again = decide(current, looks.failed, policy, nowMs);
      assert.equal(again.effect.type === 'restart' && again.effect.attempt, 2);
      assert.ok(again.next);
      current = again.next;
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16]);
    assert.equal(current.attempts, 2);
  });

  it('a signal brings no call before its time after a 409, and a look that fails in between changes nothing', () => {
    const refused = settleCall(called(), 'conflict', null, policy, T0);
    const early = decide(refused, looks.failed, policy, T0 + SECOND - 1);
    assert.deepEqual([early.effect.type, early.reason], ['none', 'rebalancing']);
    assert.equal(early.next?.lookAtMs, T0 + SECOND);
    assert.equal(decide(refused, looks.failed, policy, T0 + SECOND).effect.type, 'restart');
  });

  it('a call that was not sent is not charged, and decided again at once', () => {
    const after = settleCall(called(), 'not_sent', 'too old', policy, T0 + SECOND);
    assert.deepEqual(after.phase, { state: 'waiting', nextAtMs: T0 - SECOND });
    assert.equal(after.attempts, 1);
    assert.equal(after.lookAtMs, T0 + SECOND);
  });

  it('an escalated one that is refused stays escalated, with the hold shown', () => {
    const from: Phase = { state: 'escalated', nextAtMs: T0, hold: null, refusals: 0, retryAtMs: 0 };
    const after = settleCall(called(from), 'refused', 'why', policy, T0);
    assert.equal(after.phase.state, 'escalated');
    assert.equal(after.phase.state === 'escalated' && after.phase.hold?.reason, 'connect_unreachable');
  });

  it('is not taken for another attempt when the record moved on', () => {
    const elsewhere = remediation({ state: 'waiting', nextAtMs: T0 }, { attempts: 1 });
    assert.equal(settleCall(elsewhere, 'refused', null, policy, T0), elsewhere);
  });
});
