import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../src/core/decide.ts';
import { afterRefusalMs } from '../../src/core/holds.ts';
import type { Cause, Phase, Remediation } from '../../src/core/model.ts';
import {
  budgetRoomAtMs,
  defaultPolicy,
  jittered,
  type Policy,
  schedule,
  stableForMs,
} from '../../src/core/policy.ts';
import { nextLookAfterCallMs } from '../../src/core/transitions.ts';
import { HOUR, look, looks, MINUTE, policy, remediation, SECOND, status, T0 } from './given.ts';

const restarting = (over: Partial<Extract<Phase, { state: 'restarting' }>> = {}): Phase => ({
  state: 'restarting',
  calledAtMs: T0,
  looks: 0,
  from: 'waiting',
  dueAtMs: T0,
  previousRestartAtMs: null,
  refusals: 0,
  ...over,
});

describe('the list of delays', () => {
  it('restarts after 0, 2, 6, 12, 20, 30 and 42 minutes, then every hour', () => {
    const after = Array.from({ length: 9 }, (_, attempts) => {
      const failed = remediation({ state: 'waiting', nextAtMs: T0 }, { attempts, lastRestartAtMs: T0 });
      const { nextAtMs, escalate } = schedule(failed, policy, T0);
      return [((nextAtMs ?? 0) - T0) / MINUTE, escalate];
    });
    assert.deepEqual(after, [
      [0, null],
      [2, null],
      [6, null],
      [12, null],
      [20, null],
      [30, null],
      [42, null],
      [60, 'exhausted'],
      [60, 'exhausted'],
    ]);
  });

  it('and all other defaults are those of the documentation', () => {
    assert.deepEqual(defaultPolicy, {
      enabled: true,
      dryRun: false,
      delaysMs: [0, 2 * MINUTE, 6 * MINUTE, 12 * MINUTE, 20 * MINUTE, 30 * MINUTE, 42 * MINUTE],
      thenEveryMs: HOUR,
      stableForMs: 'auto',
      settleMs: 5 * SECOND,
      stuckAfterMs: 5 * MINUTE,
      budget: { restarts: 20, perMs: 24 * HOUR },
      permanent: { restarts: 1, thenEveryMs: 6 * HOUR },
      storm: { threshold: 5, proofMs: 2 * MINUTE, everyAtMostMs: 5 * MINUTE },
      jitter: 0.1,
    });
  });

  it('counts from the last restart, or from the first signal where none is known', () => {
    const nextAt = (over: Partial<Remediation>): number | null =>
      schedule(remediation({ state: 'waiting', nextAtMs: T0 }, over), policy, T0).nextAtMs;
    assert.equal(nextAt({ attempts: 1, lastRestartAtMs: T0 - MINUTE }), T0 + MINUTE);
    assert.equal(nextAt({ attempts: 1, openedAtMs: T0 - MINUTE }), T0 + MINUTE);
    // Of the failure before this one.
    assert.equal(nextAt({ attempts: 0, lastRestartAtMs: T0 - HOUR }), T0);
  });

  it('ends after one restart for a permanent cause, with a rhythm of its own', () => {
    const permanent: Cause = { class: 'A', message: 'a', verdict: 'permanent', rule: 'r' };
    const next = (over: Partial<Remediation>, used = policy) => {
      const phase: Phase = { state: 'waiting', nextAtMs: T0 };
      return schedule(remediation(phase, { lastRestartAtMs: T0, cause: permanent, ...over }), used, T0);
    };
    assert.deepEqual(next({ attempts: 0 }), { nextAtMs: T0, escalate: null });
    assert.deepEqual(next({ attempts: 1 }), { nextAtMs: T0 + 6 * HOUR, escalate: 'permanent' });
    assert.deepEqual(next({ attempts: 9 }), { nextAtMs: T0 + 6 * HOUR, escalate: 'permanent' });
    const never = { ...policy, permanent: { restarts: 2, thenEveryMs: null } };
    assert.deepEqual(next({ attempts: 1 }, never), { nextAtMs: T0 + 2 * MINUTE, escalate: null });
    assert.deepEqual(next({ attempts: 2 }, never), { nextAtMs: null, escalate: 'permanent' });
    const transient = { ...permanent, verdict: 'transient' as const };
    assert.deepEqual(next({ attempts: 1, cause: transient }), { nextAtMs: T0 + 2 * MINUTE, escalate: null });
  });

  it('schedules nothing after the list when thenEvery is off', () => {
    const failed = remediation({ state: 'waiting', nextAtMs: T0 }, { attempts: 7, lastRestartAtMs: T0 });
    assert.deepEqual(schedule(failed, { ...policy, thenEveryMs: null }, T0), {
      nextAtMs: null,
      escalate: 'exhausted',
    });
  });

  it('counts the first delay from the first signal', () => {
    const fresh = remediation({ state: 'waiting', nextAtMs: T0 }, { openedAtMs: T0 });
    assert.equal(schedule(fresh, { ...policy, delaysMs: [MINUTE] }, T0 + HOUR).nextAtMs, T0 + MINUTE);
  });

  it('acts at nextAt and not a millisecond before', () => {
    const waiting = remediation({ state: 'waiting', nextAtMs: T0 + MINUTE }, { attempts: 1 });
    assert.equal(decide(waiting, looks.failed, policy, T0 + MINUTE - 1).effect.type, 'none');
    assert.equal(decide(waiting, looks.failed, policy, T0 + MINUTE).effect.type, 'restart');
  });
});

describe('the rolling budget', () => {
  const five: Policy = { ...policy, budget: { restarts: 5, perMs: HOUR } };
  const charged = [0, 1, 2, 3, 4].map((minutes) => T0 + minutes * MINUTE);

  it('has room for the fifth restart and none for the sixth', () => {
    assert.equal(budgetRoomAtMs(five, charged.slice(0, 4), T0 + 10 * MINUTE), null);
    assert.equal(budgetRoomAtMs(five, charged, T0 + 10 * MINUTE), T0 + HOUR);
  });

  it('has room again when the first restart leaves the window, and not a millisecond before', () => {
    assert.equal(budgetRoomAtMs(five, charged, T0 + HOUR - 1), T0 + HOUR);
    assert.equal(budgetRoomAtMs(five, charged, T0 + HOUR), null);
  });

  it('makes a connector that is always healed and always fails again unstable', () => {
    const phase: Phase = { state: 'stabilising', stableMs: 0, seenAtMs: T0 + 10 * MINUTE };
    const flapping = remediation(phase, {
      attempts: 1,
      chargedAtMs: charged,
      lastRestartAtMs: T0 + 4 * MINUTE,
    });
    const { next } = decide(flapping, looks.failed, five, T0 + 10 * MINUTE);
    assert.deepEqual(next?.escalation, { reason: 'unstable', sinceMs: T0 + 10 * MINUTE });
    assert.deepEqual(next?.phase, {
      state: 'escalated',
      nextAtMs: T0 + HOUR,
      hold: null,
      refusals: 0,
      retryAtMs: 0,
    });
  });

  it('holds the slow rhythm of an escalated remediation as well', () => {
    const phase: Phase = {
      state: 'escalated',
      nextAtMs: T0 + 10 * MINUTE,
      hold: null,
      refusals: 0,
      retryAtMs: 0,
    };
    const { next, effect } = decide(
      remediation(phase, { attempts: 7, chargedAtMs: charged }),
      looks.failed,
      five,
      T0 + 10 * MINUTE,
    );
    assert.equal(effect.type, 'none');
    assert.equal(next?.phase.state === 'escalated' && next.phase.nextAtMs, T0 + HOUR);
  });
});

describe('settle', () => {
  it('takes a FAILED seen before it for the old status, and one at it for the new', () => {
    const called = remediation(restarting(), { attempts: 1, lastRestartAtMs: T0 });
    assert.equal(decide(called, looks.failed, policy, T0 + 5 * SECOND - 1).reason, 'settling');
    assert.equal(decide(called, looks.failed, policy, T0 + 5 * SECOND).reason, 'failed_again');
  });
});

describe('stuckAfter', () => {
  it('escalates what is neither running nor failed at it, and not a millisecond before', () => {
    const called = remediation(restarting(), { attempts: 1, lastRestartAtMs: T0 });
    assert.equal(decide(called, looks.unsettled, policy, T0 + 5 * MINUTE - 1).reason, 'verifying');
    const { next, reason } = decide(called, looks.unsettled, policy, T0 + 5 * MINUTE);
    assert.equal(reason, 'stuck');
    assert.equal(next?.phase.state === 'escalated' && next.phase.nextAtMs, T0 + HOUR);
  });
});

describe('stableFor', () => {
  it('is by default the delay that would have come next, 5 minutes to 1 hour', () => {
    const minutes = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((attempts) => stableForMs(policy, attempts) / MINUTE);
    assert.deepEqual(minutes, [5, 5, 6, 12, 20, 30, 42, 60, 60]);
  });

  it('calls a connector recovered when it ran so long, and not a millisecond before', () => {
    const watched = (stableMs: number) =>
      remediation({ state: 'stabilising', stableMs, seenAtMs: T0 }, { attempts: 1, lastRestartAtMs: T0 });
    const needed = 5 * MINUTE;
    assert.equal(decide(watched(needed - 10_000), looks.running, policy, T0 + 9_999).reason, 'stabilising');
    assert.equal(decide(watched(needed - 10_000), looks.running, policy, T0 + 10_000).reason, 'stable');
  });

  it('does not count a gap that nobody saw', () => {
    const watched = remediation({ state: 'stabilising', stableMs: 0, seenAtMs: T0 }, { attempts: 1 });
    const { next } = decide(watched, looks.running, policy, T0 + HOUR);
    assert.equal(next?.phase.state === 'stabilising' && next.phase.stableMs, 0);
  });

  it('does not count the time around a look that could not see', () => {
    const watched = remediation({ state: 'stabilising', stableMs: MINUTE, seenAtMs: T0 }, { attempts: 1 });
    const blind = decide(watched, looks.unknown, policy, T0 + 15 * SECOND).next;
    assert.ok(blind);
    const { next } = decide(blind, looks.running, policy, T0 + 30 * SECOND);
    assert.equal(next?.phase.state === 'stabilising' && next.phase.stableMs, MINUTE);
  });
});

describe('a half failed connector that is half on its way', () => {
  const mixed = look(status('RUNNING', 'FAILED', 'UNASSIGNED'));
  const since = (mixedSinceMs: number) =>
    remediation({ state: 'waiting', nextAtMs: T0 }, { mixedSinceMs, mixedSeenAtMs: T0 + 5.5 * MINUTE });

  it('is left alone for 6 minutes, and then what is FAILED is restarted', () => {
    assert.equal(decide(since(T0), mixed, policy, T0 + 6 * MINUTE - 1).reason, 'rebalancing');
    assert.equal(decide(since(T0), mixed, policy, T0 + 6 * MINUTE).effect.type, 'restart');
  });

  it('starts its 6 minutes anew when nobody saw it for a minute: that is another rebalance', () => {
    const unseen = remediation(
      { state: 'waiting', nextAtMs: T0 },
      { mixedSinceMs: T0, mixedSeenAtMs: T0 + 6 * SECOND },
    );
    assert.equal(decide(unseen, mixed, policy, T0 + 12 * MINUTE).reason, 'rebalancing');
  });

  it('starts its 6 minutes anew with each restart', () => {
    const { next } = decide(since(T0), mixed, policy, T0 + 6 * MINUTE);
    assert.deepEqual([next?.phase.state, next?.mixedSinceMs], ['restarting', null]);
  });

  it('starts its 6 minutes anew when it was seen whole in between', () => {
    const whole = decide(since(T0), looks.failed, { ...policy, enabled: false }, T0 + MINUTE).next;
    assert.equal(whole?.mixedSinceMs, null);
  });
});

describe('gone', () => {
  it('needs a second 404 at least two seconds after the first', () => {
    const missing = remediation({ state: 'waiting', nextAtMs: T0 }, { missingSinceMs: T0 });
    assert.equal(decide(missing, looks.missing, policy, T0 + 2 * SECOND - 1).reason, 'missing');
    assert.equal(decide(missing, looks.missing, policy, T0 + 2 * SECOND).reason, 'gone');
  });

  it('forgets the first 404 when the connector shows up in between', () => {
    const missing = remediation({ state: 'waiting', nextAtMs: T0 + HOUR }, { missingSinceMs: T0 });
    assert.equal(decide(missing, looks.failed, policy, T0 + SECOND).next?.missingSinceMs, null);
  });
});

describe('the cadence of looks', () => {
  it('is 2s, settle, 10s, then every 15s after a call', () => {
    const seconds: number[] = [];
    for (let at = 0; seconds.length < 6; at = (seconds.at(-1) ?? 0) * SECOND) {
      seconds.push(nextLookAfterCallMs(at, policy) / SECOND);
    }
    assert.deepEqual(seconds, [2, 5, 10, 25, 40, 55]);
    const quick = { settleMs: SECOND, stuckAfterMs: 12 * SECOND };
    assert.deepEqual(
      [0, 1, 2, 10, 12].map((at) => nextLookAfterCallMs(at * SECOND, quick) / SECOND),
      [1, 2, 10, 12, 25],
    );
  });

  it('is 1s, 2s, 4s … 32s, then 60s after refusals in a row', () => {
    const seconds = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((refusals) => afterRefusalMs(refusals) / SECOND);
    assert.deepEqual(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });
});

describe('an escalation', () => {
  it('stays through attempts, stabilising and looks that cannot see, until the connector is recovered', () => {
    const escalation = { reason: 'exhausted', sinceMs: T0 } as const;
    const phase: Phase = { state: 'escalated', nextAtMs: T0, hold: null, refusals: 0, retryAtMs: 0 };
    let current = remediation(phase, { attempts: 7, lastRestartAtMs: T0, escalation });
    const story: string[] = [];
    for (const seen of [
      looks.failed,
      looks.unknown,
      looks.running,
      looks.unknown,
      looks.failed,
      looks.running,
    ]) {
      const { next } = decide(current, seen, policy, current.lookAtMs + 5 * SECOND);
      assert.ok(next);
      current = next;
      story.push(next.phase.state);
      assert.deepEqual(next.escalation, escalation);
    }
    assert.deepEqual(story, [
      'restarting',
      'restarting',
      'stabilising',
      'stabilising',
      'escalated',
      'stabilising',
    ]);
    while (current.phase.state === 'stabilising') {
      const { next } = decide(current, looks.running, policy, current.lookAtMs);
      assert.ok(next);
      current = next;
    }
    assert.deepEqual([current.phase.state, current.escalation], ['recovered', null]);
  });
});

describe('a connector that was switched on again and ran', () => {
  it('keeps a signal that comes while it is on its way, and is taken up when it turns out to be FAILED', () => {
    const phase: Phase = { state: 'closed', as: 'off', untilMs: T0 + HOUR, ranSince: true };
    const signalled = remediation(phase, { signalAtMs: T0 });
    const { next } = decide(signalled, looks.unsettled, policy, T0);
    assert.ok(next);
    assert.equal(decide(next, looks.failed, policy, next.lookAtMs).reason, 'on_again');
  });
});

describe('jitter', () => {
  it('is added, never taken away, and at most its fraction', () => {
    fc.assert(
      fc.property(
        fc.nat(100_000_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.string(),
        (delayMs, jitter, connector) => {
          const of = { cluster: 'a', connector, openedAtMs: T0, attempts: 1 };
          const spread = jittered(delayMs, jitter, of);
          assert.ok(spread >= delayMs && spread <= delayMs * (1 + jitter));
          assert.equal(spread, jittered(delayMs, jitter, of));
        },
      ),
    );
  });
});

describe('the jitter of many', () => {
  const of = (over: Partial<Remediation>): number =>
    jittered(HOUR, 0.1, { ...remediation({ state: 'waiting', nextAtMs: T0 }), attempts: 1, ...over }) - HOUR;

  it('is none of a delay of 0, and none where its fraction is 0', () => {
    const one = remediation({ state: 'waiting', nextAtMs: T0 });
    assert.deepEqual([jittered(0, 0.1, one), jittered(HOUR, 0, one)], [0, HOUR]);
  });

  it('differs by cluster, connector, failure and attempt', () => {
    const others: Partial<Remediation>[] = [
      {},
      { cluster: 'b' },
      { connector: 'orderz' },
      { openedAtMs: T0 + 1 },
      { attempts: 2 },
    ];
    assert.equal(new Set(others.map(of)).size, others.length);
    // What is joined is not mistaken for something else that reads alike.
    assert.notEqual(of({ cluster: 'a', connector: 'bc' }), of({ cluster: 'ab', connector: 'c' }));
  });

  it('spreads over the whole range', () => {
    const all = Array.from({ length: 1_000 }, (_, index) => of({ connector: `connector-${index}` }));
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const share = all.filter((ms) => Math.floor((ms / (6 * MINUTE)) * 10) === tenth).length;
      assert.ok(share > 50 && share < 150, `${share} of 1000 in tenth ${tenth}`);
    }
    assert.ok(new Set(all).size > 950);
  });

  it('is the same in every replica, also in one of the next release', () => {
    assert.deepEqual(
      [of({}), of({ attempts: 2 }), of({ connector: 'payments' })],
      [266_589, 270_808, 171_832],
    );
  });
});

describe('where the list of delays ends', () => {
  it('the stable time is the slow rhythm, 5 minutes to 1 hour, and 1 hour where there is none', () => {
    const minutes = [1, 10, 90, null].map((every) => {
      const thenEveryMs = every === null ? null : every * MINUTE;
      return stableForMs({ ...policy, thenEveryMs }, policy.delaysMs.length) / MINUTE;
    });
    assert.deepEqual(minutes, [5, 10, 60, 60]);
  });

  it('and before it: a stable time that is named is that one, however short or long', () => {
    for (const stableMs of [SECOND, 3 * HOUR]) {
      for (const attempts of [0, 4, 9]) {
        assert.equal(stableForMs({ ...policy, stableForMs: stableMs }, attempts), stableMs);
      }
    }
  });

  it('no human is called for a restart that is due just when the rolling budget has room', () => {
    const one: Policy = { ...policy, budget: { restarts: 1, perMs: 2 * MINUTE } };
    const used = { attempts: 1, chargedAtMs: [T0], lastRestartAtMs: T0 };
    const failed = remediation({ state: 'waiting', nextAtMs: T0 }, used);
    assert.deepEqual(schedule(failed, one, T0 + SECOND), { nextAtMs: T0 + 2 * MINUTE, escalate: null });
    const longer: Policy = { ...one, budget: { restarts: 1, perMs: 2 * MINUTE + 1 } };
    assert.equal(schedule(failed, longer, T0 + SECOND).escalate, 'unstable');
  });
});
