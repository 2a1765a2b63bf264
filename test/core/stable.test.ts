import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import type { Phase, Remediation } from '../../src/core/model.ts';
import { stableForMs } from '../../src/core/policy.ts';
import type { Probe } from '../../src/core/storm.ts';
import { HOUR, looks, MINUTE, policy, remediation, SECOND, T0 } from './given.ts';

const { budget, storm } = policy;
/** After one attempt it has to run for so long. */
const needed = stableForMs(policy, 1);

type Stabilising = Extract<Phase, { state: 'stabilising' }>;

function seenRunning(stableMs: number, seenAtMs: number | null, over: Partial<Remediation> = {}) {
  const phase: Stabilising = { state: 'stabilising', stableMs, seenAtMs };
  return decide(remediation(phase, { attempts: 1, ...over }), looks.running, policy, T0);
}

describe('stable time', () => {
  const stableAfter = (stableMs: number, seenAtMs: number | null): number => {
    const phase = seenRunning(stableMs, seenAtMs).next?.phase;
    assert.equal(phase?.state, 'stabilising');
    return phase?.state === 'stabilising' ? phase.stableMs : -1;
  };

  it('is the time between two looks that both see it run', () => {
    assert.equal(stableAfter(SECOND, T0 - 15 * SECOND), 16 * SECOND);
    assert.equal(stableAfter(SECOND, null), SECOND);
  });

  it('does not grow over a gap of more than a minute, nor when the clock goes back', () => {
    assert.equal(stableAfter(SECOND, T0 - MINUTE), 61 * SECOND);
    assert.equal(stableAfter(SECOND, T0 - MINUTE - 1), SECOND);
    assert.equal(stableAfter(SECOND, T0 + 15 * SECOND), SECOND);
  });

  it('is enough at stableFor, to the millisecond', () => {
    const last = T0 - 15 * SECOND;
    assert.equal(seenRunning(needed - 15 * SECOND - 1, last).next?.phase.state, 'stabilising');
    assert.equal(seenRunning(needed - 15 * SECOND, last).next?.phase.state, 'recovered');
  });

  it('is looked at every 15s, and right when it is enough', () => {
    const lookIn = (stableMs: number): number => (seenRunning(stableMs, T0).next?.lookAtMs ?? 0) - T0;
    assert.equal(lookIn(storm.proofMs), 15 * SECOND);
    assert.equal(lookIn(needed - 4 * SECOND), 4 * SECOND);
    // Where a probe proves itself is looked at as well.
    assert.equal(lookIn(storm.proofMs - 3 * SECOND), 3 * SECOND);
  });

  it('is counted on behind a look that sees nothing, without the time of it', () => {
    const phase: Stabilising = { state: 'stabilising', stableMs: MINUTE, seenAtMs: T0 - SECOND };
    for (const [seen, reason, lookIn] of [
      [looks.unknown, 'unseen', 15 * SECOND],
      [looks.missing, 'missing', 2 * SECOND],
    ] as const) {
      const { next } = decide(remediation(phase), seen, policy, T0);
      assert.deepEqual(next?.phase, { state: 'stabilising', stableMs: MINUTE, seenAtMs: null });
      assert.deepEqual([next?.reason, (next?.lookAtMs ?? 0) - T0], [reason, lookIn]);
    }
  });

  it('begins anew when parts are on their way', () => {
    const phase: Stabilising = { state: 'stabilising', stableMs: MINUTE, seenAtMs: T0 - SECOND };
    const { next } = decide(remediation(phase), looks.unsettled, policy, T0);
    assert.deepEqual(next?.phase, { state: 'stabilising', stableMs: 0, seenAtMs: null });
    assert.equal(next?.lookAtMs, T0 + 15 * SECOND);
  });
});

describe('what has recovered', () => {
  const untilOf = (over: Partial<Remediation>): number => {
    const { next } = seenRunning(needed, T0, over);
    assert.equal(next?.phase.state, 'recovered');
    assert.equal(next?.lookAtMs, next?.phase.state === 'recovered' ? next.phase.untilMs : 0);
    return next?.lookAtMs ?? 0;
  };

  it('is remembered until its last restart leaves the rolling window', () => {
    assert.equal(untilOf({ chargedAtMs: [T0 - 2 * HOUR, T0 - HOUR] }), T0 - HOUR + budget.perMs);
    assert.equal(untilOf({ openedAtMs: T0 - 3 * HOUR }), T0 - 3 * HOUR + budget.perMs);
    assert.equal(untilOf({ openedAtMs: T0 - budget.perMs - HOUR }), T0);
  });

  it('needs no human any more, and has proved the probe that was under way', () => {
    const probe: Probe = { signature: 's', atMs: T0 - HOUR, ended: null, endedAtMs: null, failures: 2 };
    const escalation = { reason: 'exhausted', sinceMs: T0 - HOUR } as const;
    const { next } = seenRunning(needed, T0, { escalation, probe });
    assert.equal(next?.escalation, null);
    assert.deepEqual(next?.probe, { ...probe, ended: 'proven', endedAtMs: T0, failures: 0 });
  });
});

describe('a probe', () => {
  const probe: Probe = { signature: 's', atMs: T0 - HOUR, ended: null, endedAtMs: null, failures: 2 };
  const endedAt = (stableMs: number): Probe['ended'] | undefined =>
    seenRunning(stableMs, T0, { probe }).next?.probe?.ended;

  it('has proved itself when it ran for the proof time, and not before', () => {
    assert.equal(endedAt(storm.proofMs - 1), null);
    assert.equal(endedAt(storm.proofMs), 'proven');
    assert.equal(endedAt(storm.proofMs + SECOND), 'proven');
  });
});
