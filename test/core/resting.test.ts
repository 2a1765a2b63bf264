import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import type { Look } from '../../src/core/look.ts';
import type { AlertSeen, Phase, Remediation } from '../../src/core/model.ts';
import { HOUR, looks, MINUTE, policy, remediation, SECOND, T0 } from './given.ts';

const untilMs = T0 + HOUR;
const SIGNALLED = T0 - MINUTE;
const recovered: Phase = { state: 'recovered', untilMs };
const closed = { state: 'closed', as: 'off', untilMs, ranSince: false } as const satisfies Phase;

function decided(phase: Phase, seen: Look, over: Partial<Remediation> = {}) {
  return decide(remediation(phase, over), seen, policy, T0);
}

/** Reason, and when the next look is. */
function rests(phase: Phase, seen: Look, over: Partial<Remediation> = {}): [string, number] {
  const { reason, next } = decided(phase, seen, over);
  assert.equal(next?.phase.state, phase.state);
  return [reason, (next?.lookAtMs ?? Number.NaN) - T0];
}

describe('a signal for what rests', () => {
  for (const [name, seen] of [
    ['unknown', looks.unknown],
    ['unsettled', looks.unsettled],
  ] as const) {
    it(`${name}: is kept until a look can answer it, also when the record would go`, () => {
      for (const phase of [recovered, closed, { ...recovered, untilMs: T0 }, { ...closed, untilMs: T0 }]) {
        const { next } = decided(phase, seen, { signalAtMs: SIGNALLED });
        assert.equal(next?.signalAtMs, SIGNALLED);
        assert.equal(next?.lookAtMs, T0 + 15 * SECOND);
      }
    });

    it(`${name}: where there is none, nothing is done`, () => {
      assert.deepEqual(rests(recovered, seen), ['resting', HOUR]);
      assert.deepEqual(rests(closed, seen), ['resting', HOUR]);
      assert.equal(decided({ ...closed, untilMs: T0 }, seen).next, null);
    });
  }

  it('is looked at again soon where the connector is missing', () => {
    assert.deepEqual(rests(closed, looks.missing, { signalAtMs: SIGNALLED }), ['resting', 2 * SECOND]);
  });

  it('is answered by a look that sees it run', () => {
    assert.equal(decided(recovered, looks.running, { signalAtMs: SIGNALLED }).next?.signalAtMs, null);
    assert.deepEqual(rests(recovered, looks.running, { signalAtMs: SIGNALLED }), ['resting', HOUR]);
  });
});

describe('a new failure of what rests', () => {
  const alert = (fingerprint: string, status: AlertSeen['status']): AlertSeen => ({
    fingerprint,
    status,
    labels: {},
    seenAtMs: T0 - HOUR,
  });
  const before: Partial<Remediation> = {
    attempts: 3,
    chargedAtMs: [T0 - HOUR],
    lastRestartAtMs: T0 - HOUR,
    alerts: [alert('old', 'resolved'), alert('new', 'firing')],
    mixedSinceMs: T0 - HOUR,
    mixedSeenAtMs: T0 - HOUR,
    missingSinceMs: T0 - HOUR,
  };

  it('counts from the signal, keeps the window, and forgets the last failure', () => {
    const { next, reason } = decided(recovered, looks.failed, { ...before, signalAtMs: SIGNALLED });
    assert.equal(reason, 'signal');
    assert.deepEqual(next?.phase, { state: 'waiting', nextAtMs: SIGNALLED });
    assert.deepEqual([next?.openedAtMs, next?.attempts, next?.lookAtMs], [SIGNALLED, 0, T0]);
    assert.deepEqual(next?.chargedAtMs, [T0 - HOUR]);
    assert.deepEqual(
      next?.alerts.map(({ fingerprint }) => fingerprint),
      ['new'],
    );
    assert.deepEqual([next?.mixedSinceMs, next?.mixedSeenAtMs, next?.missingSinceMs], [null, null, null]);
    assert.equal(next?.signalAtMs, null);
  });

  it('needs a signal where it had recovered, or ran since it was switched on again', () => {
    assert.deepEqual(rests(recovered, looks.failed), ['awaiting_signal', HOUR]);
    const ran = { ...closed, ranSince: true };
    assert.deepEqual(rests(ran, looks.failed), ['resting', HOUR]);
    assert.equal(decided(ran, looks.failed, { signalAtMs: SIGNALLED }).next?.openedAtMs, SIGNALLED);
  });

  it('needs none where it was switched on and has not run since: it counts from now', () => {
    const { next, reason } = decided(closed, looks.failed);
    assert.deepEqual([reason, next?.openedAtMs, next?.phase.state], ['on_again', T0, 'waiting']);
    const signalled = decided(closed, looks.failed, { signalAtMs: SIGNALLED });
    assert.equal(signalled.next?.openedAtMs, SIGNALLED);
  });
});

describe('what is closed', () => {
  const phaseAfter = (phase: Phase, seen: Look, over: Partial<Remediation> = {}): Phase | undefined =>
    decided(phase, seen, over).next?.phase;

  it('notes that it ran, and that it was switched off again', () => {
    assert.deepEqual(phaseAfter(closed, looks.running), { ...closed, ranSince: true });
    assert.deepEqual(phaseAfter({ ...closed, ranSince: true }, looks.off), closed);
    const gone = phaseAfter(closed, looks.missing, { missingSinceMs: T0 - 2 * SECOND });
    assert.deepEqual(gone, { ...closed, as: 'gone' });
  });

  it('is kept as long as a restart would count, and flags nobody', () => {
    const escalation = { reason: 'exhausted', sinceMs: T0 - HOUR } as const;
    const { next, reason } = decided({ state: 'waiting', nextAtMs: T0 }, looks.off, { escalation });
    assert.equal(reason, 'off');
    assert.deepEqual(next?.phase, { ...closed, untilMs: T0 + policy.budget.perMs });
    assert.deepEqual([next?.lookAtMs, next?.escalation], [T0 + policy.budget.perMs, null]);
  });
});
