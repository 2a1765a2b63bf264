import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import { type HoldSeen, REBALANCING_AT_MOST_MS } from '../../src/core/holds.ts';
import type { Look } from '../../src/core/look.ts';
import type { Hold, HoldReason, Phase } from '../../src/core/model.ts';
import { look, looks, MINUTE, policy, remediation, SECOND, status, T0 } from './given.ts';

type Held = Extract<Phase, { state: 'held' }>;

const SILENCED: Hold = { reason: 'silenced', detail: 's1', sinceMs: T0 - MINUTE, untilMs: null };
const seen = (reason: HoldReason, untilMs: number | null = null): HoldSeen => ({
  reason,
  detail: 'why',
  untilMs,
});
const failing = (...holds: readonly HoldSeen[]): Look => ({ ...looks.failed, holds });

function held(phase: Partial<Held> = {}): Held {
  return { state: 'held', nextAtMs: T0, refusals: 0, retryAtMs: 0, hold: SILENCED, ...phase };
}

/** The phase after a look, which has to be `held`, and when the next look is. */
function stillHeld(phase: Phase, at: Look, used = policy): Held & { lookIn: number } {
  const { next, effect } = decide(remediation(phase), at, used, T0);
  assert.equal(effect.type, 'none');
  assert.ok(next?.phase.state === 'held');
  return { ...next.phase, lookIn: next.lookAtMs - T0 };
}

describe('a hold', () => {
  it('goes on since it began as long as its reason is the same', () => {
    assert.equal(stillHeld(held(), failing(seen('silenced'))).hold.sinceMs, T0 - MINUTE);
    assert.equal(stillHeld(held(), failing(seen('inhibited'))).hold.sinceMs, T0);
  });

  it('is looked at every 15s, or when it ends, whichever is first', () => {
    assert.equal(stillHeld(held(), failing(seen('silenced'))).lookIn, 15 * SECOND);
    assert.equal(stillHeld(held(), failing(seen('silenced', T0 + 4 * SECOND))).lookIn, 4 * SECOND);
    assert.equal(stillHeld(held(), failing(seen('silenced', T0 + MINUTE))).lookIn, 15 * SECOND);
    // It should be over by now: at once.
    assert.equal(stillHeld(held(), failing(seen('silenced', T0 - MINUTE))).lookIn, 0);
  });

  it('for want of a place is looked at when the first look of another one may free it', () => {
    assert.equal(stillHeld(held(), failing(seen('concurrency'))).lookIn, 2 * SECOND);
  });

  it('because Connect refuses is asked about less and less often', () => {
    for (const [reason, at] of [
      ['connect_unreachable', looks.unknown],
      ['unauthorized', looks.unauthorized],
    ] as const) {
      const waits: number[] = [];
      let phase = held();
      for (let times = 0; times < 8; times += 1) {
        const { lookIn, ...next } = stillHeld(phase, at);
        assert.equal(next.hold.reason, reason);
        waits.push(lookIn / SECOND);
        phase = next;
      }
      assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
      // Another hold in between is no refusal.
      assert.equal(stillHeld(phase, failing(seen('silenced'))).refusals, 8);
    }
  });

  it('shows the one that says most, whatever else applies', () => {
    assert.equal(stillHeld(held(), { ...looks.unsettled, holds: [seen('paused')] }).hold.reason, 'paused');
    assert.equal(stillHeld(held(), { ...looks.unknown, holds: [seen('paused')] }).hold.reason, 'paused');
    const due: Phase = { state: 'waiting', nextAtMs: T0 };
    assert.equal(stillHeld(due, { ...looks.unsettled, holds: [seen('paused')] }).hold.reason, 'paused');
    assert.equal(stillHeld(due, { ...looks.unknown, holds: [seen('paused')] }).hold.reason, 'paused');
    assert.deepEqual(stillHeld(due, looks.unsettled).hold, {
      reason: 'rebalancing',
      detail: 'parts are UNASSIGNED or RESTARTING',
      sinceMs: T0,
      untilMs: null,
    });
  });

  it('keeps when its attempt was due, and when it may be tried', () => {
    const { nextAtMs, retryAtMs } = stillHeld(
      held({ nextAtMs: T0 - MINUTE, retryAtMs: T0 - SECOND }),
      failing(seen('silenced')),
    );
    assert.deepEqual([nextAtMs, retryAtMs], [T0 - MINUTE, T0 - SECOND]);
  });

  it('is what the policy says of a connector that is not to be touched', () => {
    const { hold } = stillHeld(held(), looks.failed, { ...policy, enabled: false });
    assert.deepEqual([hold.reason, hold.detail], ['opted_out', 'policy.enabled is false']);
  });

  it('that a refusal made lasts until its time, whatever the looks say', () => {
    const refused = held({ retryAtMs: T0 + 1, hold: { ...SILENCED, reason: 'rebalancing' } });
    const { reason, next } = decide(remediation(refused), looks.failed, policy, T0);
    assert.deepEqual([reason, next?.phase, next?.lookAtMs], ['rebalancing', refused, T0 + 1]);
  });

  it('of a connector that is missing waits two seconds for the second 404', () => {
    const { reason, next } = decide(remediation(held()), looks.missing, policy, T0);
    assert.deepEqual([reason, next?.phase.state, next?.lookAtMs], ['missing', 'held', T0 + 2 * SECOND]);
    const restarting: Phase = {
      state: 'restarting',
      calledAtMs: T0 - SECOND,
      looks: 0,
      from: 'waiting',
      dueAtMs: T0,
      previousRestartAtMs: null,
      refusals: 0,
    };
    const called = decide(remediation(restarting), looks.missing, policy, T0);
    assert.deepEqual([called.reason, called.next?.lookAtMs], ['missing', T0 + 2 * SECOND]);
  });
});

describe('parts that are on their way beside failed ones', () => {
  const mixed = look(status('RUNNING', 'FAILED', 'RESTARTING'));
  const due: Phase = { state: 'waiting', nextAtMs: T0 };
  const since = (agoMs: number) =>
    decide(remediation(due, { mixedSinceMs: T0 - agoMs, mixedSeenAtMs: T0 - SECOND }), mixed, policy, T0);

  it('are left alone for six minutes, and not longer', () => {
    const waits = since(MINUTE);
    assert.ok(waits.next?.phase.state === 'held');
    assert.deepEqual(waits.next.phase.hold, {
      reason: 'rebalancing',
      detail: 'FAILED parts beside UNASSIGNED or RESTARTING ones',
      sinceMs: T0,
      untilMs: T0 - MINUTE + REBALANCING_AT_MOST_MS,
    });
    assert.equal(since(REBALANCING_AT_MOST_MS - 1).effect.type, 'none');
    assert.equal(since(REBALANCING_AT_MOST_MS).effect.type, 'restart');
  });
});
