import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import type { Look } from '../../src/core/look.ts';
import type { Cause, Phase, Remediation } from '../../src/core/model.ts';
import type { Policy } from '../../src/core/policy.ts';
import type { Probe, Storm } from '../../src/core/storm.ts';
import { HOUR, looks, MINUTE, policy, remediation, SECOND, T0 } from './given.ts';

const STORM: Storm = {
  signature: 's',
  members: 12,
  window: 2,
  probing: 1,
  nextProbeAtMs: null,
  elected: [],
  mayProbe: false,
};
const PERMANENT: Cause = { class: 'A', message: 'a', verdict: 'permanent', rule: 'r' };

/** Failed, as a member of a storm, whose turn it is or not. */
function asMember(mayProbe: boolean, over: Partial<Storm> = {}): Look {
  return { ...looks.failed, signature: 's', storm: { ...STORM, mayProbe, ...over } };
}

const restarting: Phase = {
  state: 'restarting',
  calledAtMs: T0 - 3 * MINUTE,
  looks: 1,
  from: 'waiting',
  dueAtMs: T0 - 3 * MINUTE,
  previousRestartAtMs: null,
  refusals: 0,
};
/** The list of delays has been gone through. */
const usedUp: Partial<Remediation> = {
  attempts: policy.delaysMs.length,
  lastRestartAtMs: T0 - 3 * MINUTE,
  chargedAtMs: [T0 - 3 * MINUTE],
};
const probe: Probe = {
  signature: 's',
  atMs: T0 - MINUTE,
  ended: null,
  endedAtMs: null,
  failures: 0,
};

describe('the failed probes of a connector', () => {
  const failed: Probe = { ...probe, ended: 'failed', endedAtMs: T0 - MINUTE, failures: 5 };

  it('are forgotten when it has recovered by itself: the next outage is another one', () => {
    const phase: Phase = { state: 'stabilising', stableMs: 6 * MINUTE, seenAtMs: T0 - SECOND };
    const { next } = decide(remediation(phase, { probe: failed }), looks.running, policy, T0);
    assert.equal(next?.phase.state, 'recovered');
    assert.deepEqual(next.probe, { ...failed, failures: 0 });
  });

  it('are none where none was made', () => {
    const { next } = decide(remediation({ state: 'waiting', nextAtMs: T0 }), looks.off, policy, T0);
    assert.equal(next?.probe, null);
  });

  it('are forgotten when somebody pauses it', () => {
    const waiting = remediation({ state: 'waiting', nextAtMs: T0 }, { probe: failed });
    const { next } = decide(waiting, looks.off, policy, T0);
    assert.equal(next?.phase.state, 'closed');
    assert.deepEqual(next.probe, { ...failed, failures: 0 });
  });
});

describe('a member of a storm', () => {
  it('of thousands that is held for another reason is looked at as soon as anybody else', () => {
    const silenced = { reason: 'silenced', detail: 's1', untilMs: null } as const;
    const large = asMember(false, { members: 1_000 });
    const due = remediation({ state: 'waiting', nextAtMs: T0 });
    assert.equal(decide(due, { ...large, holds: [silenced] }, policy, T0).next?.lookAtMs, T0 + 15 * SECOND);
    assert.equal(decide(due, large, policy, T0).next?.lookAtMs, T0 + MINUTE);
  });

  it('that is escalated for good and probed all the same was due now', () => {
    const phase: Phase = { state: 'escalated', nextAtMs: null, hold: null, refusals: 0, retryAtMs: 0 };
    const { next } = decide(remediation(phase), asMember(true), policy, T0);
    assert.equal(next?.phase.state === 'restarting' && next.phase.dueAtMs, T0);
  });

  for (const [state, phase] of Object.entries({
    waiting: { state: 'waiting', nextAtMs: T0 + HOUR },
    held: {
      state: 'held',
      nextAtMs: T0 + HOUR,
      refusals: 0,
      retryAtMs: 0,
      hold: { reason: 'canary', detail: '', sinceMs: T0, untilMs: null },
    },
    escalated: { state: 'escalated', nextAtMs: T0 + HOUR, hold: null, refusals: 0, retryAtMs: 0 },
  } satisfies Record<string, Phase>)) {
    it(`${state}: keeps the rhythm of its group when it is its turn`, () => {
      const { effect, reason } = decide(remediation(phase), asMember(true), policy, T0);
      assert.deepEqual([effect.type, reason], ['restart', 'attempt']);
    });
  }

  it('waits for its own delay when it is not its turn', () => {
    const { reason, next } = decide(
      remediation({ state: 'waiting', nextAtMs: T0 + HOUR }),
      asMember(false),
      policy,
      T0,
    );
    assert.deepEqual([reason, next?.phase.state, next?.lookAtMs], ['delay', 'waiting', T0 + HOUR]);
    const escalated: Phase = {
      state: 'escalated',
      nextAtMs: T0 + MINUTE,
      hold: null,
      refusals: 0,
      retryAtMs: 0,
    };
    const slow = decide(remediation(escalated), asMember(false), policy, T0);
    assert.deepEqual([slow.reason, slow.effect.type], ['exhausted', 'none']);
  });

  it('is held when it is due and not its turn, until the next probe may be made', () => {
    const nextProbeAtMs = T0 + 5 * SECOND;
    const { next } = decide(
      remediation({ state: 'waiting', nextAtMs: T0 }),
      asMember(false, { nextProbeAtMs }),
      policy,
      T0,
    );
    assert.ok(next?.phase.state === 'held');
    assert.deepEqual(next.phase.hold, {
      reason: 'canary',
      detail: '12 connectors fail alike and share their restarts: 1 of 2 under way',
      sinceMs: T0,
      untilMs: nextProbeAtMs,
    });
    assert.equal(next.lookAtMs, nextProbeAtMs);
  });

  for (const [members, seconds] of [
    [5, 15],
    [250, 15],
    [500, 30],
    [1_000, 60],
    [100_000, 60],
  ] as const) {
    it(`is looked at every ${seconds}s while it is held beside ${members}: the elected ones are woken`, () => {
      const due = remediation({ state: 'waiting', nextAtMs: T0 });
      assert.equal(
        decide(due, asMember(false, { members }), policy, T0).next?.lookAtMs,
        T0 + seconds * SECOND,
      );
    });
  }
});

describe('a member of a storm whose restart did not hold', () => {
  const failedAgain = (
    over: Partial<Remediation>,
    { look = asMember(false), used = policy }: { look?: Look; used?: Policy } = {},
  ) => decide(remediation(restarting, { signature: 's', probe, ...over }), look, used, T0);

  it('goes on with the next delay while it has one, as anybody else', () => {
    const { next, reason } = failedAgain({ attempts: 1, lastRestartAtMs: T0 - 3 * MINUTE });
    assert.equal(reason, 'failed_again');
    assert.deepEqual(next?.phase, { state: 'waiting', nextAtMs: T0 - 3 * MINUTE + 2 * MINUTE });
  });

  it('exhausts nobody: it is held, and a human hears of the outage from the first', () => {
    const { next, reason } = failedAgain(usedUp);
    assert.deepEqual([reason, next?.phase.state, next?.escalation], ['canary', 'held', null]);
    // What would come next by its own rhythm.
    assert.equal(next?.phase.state === 'held' && next.phase.nextAtMs, T0 - 3 * MINUTE + HOUR);
    assert.equal(failedAgain(usedUp, { look: looks.failed }).reason, 'exhausted');
  });

  it('is escalated for a permanent cause, and where nothing comes after the list', () => {
    const permanent = { ...asMember(false), cause: PERMANENT };
    assert.equal(failedAgain({ attempts: 1 }, { look: permanent }).reason, 'permanent');
    const off = { ...policy, thenEveryMs: null };
    assert.equal(failedAgain(usedUp, { used: off }).reason, 'exhausted');
    assert.equal(failedAgain(usedUp, { used: off }).next?.phase.state, 'escalated');
  });

  it('is escalated where it had run for as long as a proof takes', () => {
    const longAgo = { ...probe, atMs: T0 - policy.storm.proofMs };
    assert.equal(failedAgain({ ...usedUp, probe: longAgo }).reason, 'exhausted');
    assert.equal(failedAgain({ ...usedUp, probe: { ...longAgo, atMs: longAgo.atMs + 1 } }).reason, 'canary');
    // Without a probe of its own there is nothing that could have run.
    assert.equal(failedAgain({ ...usedUp, probe: null }).reason, 'canary');
  });

  it('is not exhausted either where the rolling budget is used up: it is held until there is room', () => {
    const chargedAtMs = Array.from({ length: policy.budget.restarts }, () => T0 - HOUR);
    const { next, reason } = failedAgain({ attempts: 1, lastRestartAtMs: T0 - HOUR, chargedAtMs });
    assert.equal(reason, 'canary');
    assert.equal(next?.phase.state === 'held' && next.phase.nextAtMs, T0 - HOUR + policy.budget.perMs);
  });

  it('ends its probe: as failed with the same signature, and otherwise without a word about it', () => {
    const ended = (look: Look): Probe | null | undefined =>
      failedAgain({ attempts: 1 }, { look }).next?.probe;
    assert.deepEqual(ended(asMember(false)), { ...probe, ended: 'failed', endedAtMs: T0, failures: 1 });
    const other = { ...probe, ended: 'other', endedAtMs: T0, failures: 0 };
    assert.deepEqual(ended({ ...asMember(false), signature: 'another' }), other);
    assert.deepEqual(ended({ ...looks.failed, signature: null }), other);
  });
});

describe('who fails while it is watched', () => {
  it('and was never restarted waits for its first delay', () => {
    const phase: Phase = { state: 'stabilising', stableMs: 0, seenAtMs: T0 - SECOND };
    const used = { ...policy, delaysMs: [MINUTE] };
    const { next, reason } = decide(remediation(phase), looks.failed, used, T0);
    assert.deepEqual([reason, next?.phase], ['delay', { state: 'waiting', nextAtMs: T0 + MINUTE }]);
    const again = decide(
      remediation(phase, { attempts: 1, lastRestartAtMs: T0 }),
      looks.failed,
      { ...policy, delaysMs: [0, MINUTE] },
      T0,
    );
    assert.equal(again.reason, 'failed_again');
  });
});

describe('a changed configuration', () => {
  const look: Look = { ...looks.failed, configHash: 'new' };
  const given: Partial<Remediation> = {
    configHash: 'old',
    ...usedUp,
    openedAtMs: T0 - HOUR,
    sinceMs: T0 - HOUR,
    escalation: { reason: 'exhausted', sinceMs: T0 - HOUR },
  };
  const phases: readonly [Phase, since: number][] = [
    [{ state: 'waiting', nextAtMs: T0 + HOUR }, T0 - HOUR],
    [
      {
        state: 'held',
        nextAtMs: T0 + HOUR,
        refusals: 4,
        retryAtMs: T0 + HOUR,
        hold: { reason: 'opted_out', detail: null, sinceMs: T0, untilMs: null },
      },
      T0,
    ],
    [{ state: 'escalated', nextAtMs: null, hold: null, refusals: 4, retryAtMs: T0 + HOUR }, T0],
  ];

  for (const [phase, since] of phases) {
    it(`${phase.state}: begins the list of delays anew, and keeps the rolling window`, () => {
      const used = { ...policy, delaysMs: [2 * HOUR] };
      const { next, effect } = decide(remediation(phase, given), look, used, T0);
      assert.equal(effect.type, 'none');
      assert.deepEqual(next?.phase, { state: 'waiting', nextAtMs: T0 + HOUR });
      assert.deepEqual([next?.attempts, next?.escalation, next?.configHash], [0, null, 'new']);
      assert.deepEqual(next?.chargedAtMs, usedUp.chargedAtMs);
      assert.equal(next?.sinceMs, since);
      assert.equal(next?.history.at(-1)?.reason, 'reconfigured');
      const now = decide(remediation(phase, given), look, policy, T0);
      assert.equal(now.effect.type === 'restart' && now.effect.attempt, 1);
    });
  }

  it('counts anew, and says nothing, where a restart is being verified', () => {
    for (const phase of [restarting, { state: 'stabilising', stableMs: 0, seenAtMs: T0 }] as const) {
      const seen = { ...looks.unsettled, configHash: 'new' };
      const { next } = decide(remediation(phase, given), seen, policy, T0);
      assert.equal(next?.phase.state, phase.state);
      assert.deepEqual([next?.attempts, next?.escalation], [0, null]);
      assert.equal(next?.history.length, 0);
    }
  });

  it('is none where a hash is the same, or was not read', () => {
    const phase: Phase = { state: 'waiting', nextAtMs: T0 + HOUR };
    for (const [before, seen] of [
      ['new', 'new'],
      [null, 'new'],
      ['old', null],
    ] as const) {
      const { next } = decide(
        remediation(phase, { ...given, configHash: before }),
        { ...look, configHash: seen },
        policy,
        T0,
      );
      assert.deepEqual([next?.attempts, next?.escalation?.reason], [policy.delaysMs.length, 'exhausted']);
    }
  });
});

describe('a restart that neither helps nor fails', () => {
  it('is escalated as stuck, with the slow rhythm counted from the call', () => {
    const stuck = { ...restarting, calledAtMs: T0 - policy.stuckAfterMs };
    const nextAt = (over: Partial<Remediation>, used: Policy = policy): number | null | undefined => {
      const { next, reason } = decide(remediation(stuck, over), looks.unsettled, used, T0);
      assert.equal(reason, 'stuck');
      return next?.phase.state === 'escalated' ? next.phase.nextAtMs : undefined;
    };
    assert.equal(nextAt({ lastRestartAtMs: T0 - MINUTE }), T0 - MINUTE + HOUR);
    assert.equal(nextAt({ openedAtMs: T0 - 2 * MINUTE }), T0 - 2 * MINUTE + HOUR);
    assert.equal(nextAt({}, { ...policy, thenEveryMs: null }), null);
  });
});
