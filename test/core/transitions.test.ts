import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Attempt,
  type Effect,
  type Hold,
  type HoldReason,
  type Phase,
  type Remediation,
  type RestartOutcome,
  type State,
  states,
} from '../../src/core/model.ts';
import {
  attempting,
  enter,
  escalating,
  forgetDryRun,
  holdOf,
  isNews,
  nextAtMsOf,
  settleCall,
  tell,
} from '../../src/core/transitions.ts';
import { HOUR, MINUTE, policy, remediation, SECOND, T0 } from './given.ts';

const SILENCED: Hold = { reason: 'silenced', detail: 's1', sinceMs: T0 - MINUTE, untilMs: null };
const PAUSED: Hold = { reason: 'paused', detail: 'ann', sinceMs: T0 - MINUTE, untilMs: T0 + MINUTE };
const held = (hold: Hold, nextAtMs = T0 - SECOND): Phase => ({
  state: 'held',
  nextAtMs,
  hold,
  refusals: 0,
  retryAtMs: 0,
});
const escalated = (hold: Hold | null, nextAtMs: number | null = T0 - SECOND): Phase => ({
  state: 'escalated',
  nextAtMs,
  hold,
  refusals: 0,
  retryAtMs: 0,
});
const restarting = (over: Partial<Extract<Phase, { state: 'restarting' }>> = {}): Phase => ({
  state: 'restarting',
  calledAtMs: T0,
  looks: 0,
  from: 'waiting',
  dueAtMs: T0 - SECOND,
  previousRestartAtMs: T0 - HOUR,
  refusals: 0,
  ...over,
});
const phases: Readonly<Record<State, Phase>> = {
  waiting: { state: 'waiting', nextAtMs: T0 + MINUTE },
  held: held(SILENCED),
  restarting: restarting(),
  stabilising: { state: 'stabilising', stableMs: 0, seenAtMs: T0 },
  escalated: escalated(null),
  recovered: { state: 'recovered', untilMs: T0 + HOUR },
  closed: { state: 'closed', as: 'off', untilMs: T0 + HOUR, ranSince: false },
};

const attempt = (number: number, atMs: number, outcome: RestartOutcome | null = 'accepted'): Attempt => ({
  number,
  atMs,
  outcome,
  detail: outcome,
});
const attempts = (count: number): Attempt[] =>
  Array.from({ length: count }, (_, index) => attempt(index + 1, T0 - HOUR + index));
const numbersOf = ({ attemptLog }: Remediation): number[] => attemptLog.map(({ number }) => number);
const numbers = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('since when a state is counted', () => {
  for (const before of states) {
    for (const after of states) {
      const goesOn = before === after;
      it(`${before} to ${after}: ${goesOn ? 'goes on' : 'begins anew'}`, () => {
        const given = remediation(phases[before], { sinceMs: T0 - HOUR });
        const { next } = enter(given, phases[after], 'delay', T0, T0);
        assert.equal(next?.sinceMs, goesOn ? T0 - HOUR : T0);
      });
    }
  }
});

describe('news', () => {
  const of = (phase: Phase, over: Partial<Remediation> = {}): Remediation => remediation(phase, over);
  const exhausted: Partial<Remediation> = { escalation: { reason: 'exhausted', sinceMs: T0 } };
  const stuck: Partial<Remediation> = { escalation: { reason: 'stuck', sinceMs: T0 } };
  const cases: readonly (readonly [string, boolean, Remediation, Remediation])[] = [
    ['nothing at all', false, of(phases.waiting), of(phases.waiting)],
    ['another state', true, of(phases.waiting), of(phases.restarting)],
    ['another state, with the same hold', true, of(held(SILENCED)), of(escalated(SILENCED))],
    ['a later attempt', false, of(phases.waiting), of({ state: 'waiting', nextAtMs: T0 + HOUR })],
    ['the same hold', false, of(held(SILENCED)), of(held(SILENCED))],
    [
      'the same hold since later, with other words',
      false,
      of(held(SILENCED)),
      of(held({ ...SILENCED, detail: 's2', sinceMs: T0 })),
    ],
    ['another hold', true, of(held(SILENCED)), of(held(PAUSED))],
    ['a hold on one escalated', true, of(escalated(null)), of(escalated(PAUSED))],
    ['the end of it', true, of(escalated(PAUSED)), of(escalated(null))],
    ['the same escalation', false, of(escalated(null), stuck), of(escalated(null), stuck)],
    ['an escalation', true, of(phases.stabilising), of(phases.stabilising, stuck)],
    ['another escalation', true, of(escalated(null), stuck), of(escalated(null), exhausted)],
    ['an escalation taken back', true, of(phases.waiting, stuck), of(phases.waiting)],
    ['the same hold and another escalation', true, of(held(PAUSED), stuck), of(held(PAUSED), exhausted)],
    ['another hold under the same escalation', true, of(held(SILENCED), stuck), of(held(PAUSED), stuck)],
  ];
  for (const [name, expected, before, after] of cases) {
    it(`${name} is ${expected ? 'some' : 'none'}`, () => {
      assert.equal(isNews(before, after), expected);
    });
  }
});

describe('the history', () => {
  const restart: Effect = { type: 'restart', attempt: 3, plan: { kind: 'failed' }, dryRun: false };
  const moves: readonly (readonly [string, boolean, Phase, Phase, Effect?])[] = [
    ['another state', true, phases.waiting, phases.stabilising],
    ['a hold', true, phases.waiting, held(SILENCED)],
    ['another hold', true, held(SILENCED), held(PAUSED)],
    ['an attempt', true, phases.waiting, phases.restarting, restart],
    ['an attempt that changes nothing else', true, phases.restarting, phases.restarting, restart],
    ['the same state', false, phases.waiting, { state: 'waiting', nextAtMs: T0 + HOUR }],
    ['the same hold', false, held(SILENCED), held({ ...SILENCED, detail: 's2' })],
  ];
  for (const [name, told, from, to, effect] of moves) {
    it(`${told ? 'tells' : 'does not tell'} of ${name}`, () => {
      const first = tell(remediation(from), 'signal', T0 - HOUR, null);
      const decision = enter(first, to, 'delay', T0, T0 + SECOND, 'why', effect);
      const entry = { atMs: T0, state: to.state, reason: 'delay', attempt: null, detail: 'why' };
      assert.deepEqual(decision.next?.history, [...first.history, ...(told ? [entry] : [])]);
      assert.deepEqual([decision.next?.phase, decision.next?.lookAtMs], [to, T0 + SECOND]);
      assert.deepEqual(decision.effect, effect ?? { type: 'none' });
    });
  }

  it('names the attempt, where there was one', () => {
    const told = (count: number) =>
      tell(remediation(phases.waiting, { attempts: count }), 'delay', T0, null).history.at(-1)?.attempt;
    assert.deepEqual([told(0), told(1), told(7)], [null, 1, 7]);
  });

  it('keeps its latest 50 lines', () => {
    let current = remediation(phases.waiting);
    for (let line = 1; line <= 52; line += 1) {
      current = tell(current, 'delay', T0 + line, null);
      const first = Math.max(1, line - 49);
      assert.deepEqual(
        current.history.map(({ atMs }) => atMs - T0),
        numbers(first, line),
      );
    }
  });
});

describe('what is shown of a phase', () => {
  const shown: readonly (readonly [string, Phase, Hold | null, number | null])[] = [
    ['waiting', phases.waiting, null, T0 + MINUTE],
    ['held', held(SILENCED, T0 + HOUR), SILENCED, T0 + HOUR],
    ['restarting', phases.restarting, null, null],
    ['stabilising', phases.stabilising, null, null],
    ['escalated', escalated(null, T0 + HOUR), null, T0 + HOUR],
    ['escalated for ever', escalated(null, null), null, null],
    ['escalated and held', escalated(PAUSED, T0 + HOUR), PAUSED, T0 + HOUR],
    ['recovered', phases.recovered, null, null],
    ['closed', phases.closed, null, null],
  ];
  for (const [name, phase, hold, nextAtMs] of shown) {
    it(`${name}: ${hold?.reason ?? 'no hold'}, and ${nextAtMs === null ? 'no' : 'the'} next attempt`, () => {
      assert.equal(holdOf(remediation(phase)), hold);
      assert.equal(nextAtMsOf(remediation(phase)), nextAtMs);
    });
  }
});

describe('an attempt', () => {
  const from = { from: 'waiting', dueAtMs: T0 - SECOND, refusals: 0 } as const;
  const attempted = (count: number, used = policy): Remediation => {
    const given = remediation(phases.waiting, { attempts: count, attemptLog: attempts(count).slice(-20) });
    const { next } = attempting(given, from, { kind: 'failed' }, used, T0);
    assert.ok(next);
    return next;
  };

  it('is logged behind the ones before it, of which the latest are kept: 20 in all', () => {
    assert.deepEqual(numbersOf(attempted(2)), [1, 2, 3]);
    assert.deepEqual(attempted(2).attemptLog.at(-1), attempt(3, T0, null));
    assert.deepEqual(numbersOf(attempted(19)), numbers(1, 20));
    assert.deepEqual(numbersOf(attempted(20)), numbers(2, 21));
  });

  for (const [dryRun, detail] of [
    [true, 'dry run: no call is made'],
    [false, null],
  ] as const) {
    it(`${dryRun ? 'says' : 'does not say'} that it is a dry run`, () => {
      assert.deepEqual(attempted(2, { ...policy, dryRun }).history, [
        { atMs: T0, state: 'restarting', reason: 'attempt', attempt: 3, detail },
      ]);
    });
  }
});

describe('one escalated', () => {
  for (const [name, nextAtMs, lookIn] of [
    ['before ten minutes are over, when its attempt is due', T0 + MINUTE, MINUTE],
    ['after ten minutes where its attempt comes later', T0 + HOUR, 10 * MINUTE],
    ['after ten minutes where no attempt comes', null, 10 * MINUTE],
  ] as const) {
    it(`is looked at ${name}`, () => {
      const { next } = escalating(remediation(phases.waiting), 'exhausted', nextAtMs, T0);
      assert.equal((next?.lookAtMs ?? 0) - T0, lookIn);
      assert.deepEqual(next?.phase, escalated(null, nextAtMs));
    });
  }

  it('goes on showing its first reason', () => {
    const escalation = { reason: 'stuck', sinceMs: T0 - HOUR } as const;
    const { next } = escalating(remediation(phases.waiting, { escalation }), 'exhausted', null, T0);
    assert.deepEqual(next?.escalation, escalation);
  });
});

describe('a dry run that is switched off', () => {
  /** Charged when its call has ended: a second later. */
  const real = [attempt(1, T0 - 3 * HOUR), attempt(2, T0 - 2 * HOUR)];
  const realAtMs = real.map(({ atMs }) => atMs + SECOND);
  const dry = [attempt(3, T0 - HOUR, 'dry_run'), attempt(4, T0 - MINUTE, 'dry_run')];
  const dryAtMs = dry.map(({ atMs }) => atMs);
  const used: Partial<Remediation> = {
    openedAtMs: T0 - 4 * HOUR,
    sinceMs: T0 - MINUTE,
    attempts: 4,
    attemptLog: [...real, ...dry],
    chargedAtMs: [...realAtMs, ...dryAtMs],
    lastRestartAtMs: T0 - MINUTE,
    escalation: { reason: 'exhausted', sinceMs: T0 - MINUTE },
  };
  const delayed = { ...policy, delaysMs: [7 * MINUTE, HOUR] };
  const stays = new Set<State>(['stabilising', 'recovered', 'closed']);

  for (const state of states) {
    it(`${state}: ${stays.has(state) ? 'stays so' : 'waits for the first delay'}, and only what was real counts`, () => {
      const after = forgetDryRun(remediation(phases[state], used), delayed, T0);
      const waits: Phase = { state: 'waiting', nextAtMs: T0 - 4 * HOUR + 7 * MINUTE };
      assert.deepEqual(after.phase, stays.has(state) ? phases[state] : waits);
      assert.deepEqual([after.attempts, after.escalation], [0, null]);
      assert.deepEqual(after.attemptLog, real);
      assert.deepEqual(after.chargedAtMs, realAtMs);
      assert.equal(after.lastRestartAtMs, realAtMs[1]);
      assert.equal(after.sinceMs, stays.has(state) || state === 'waiting' ? used.sinceMs : T0);
      assert.equal(
        after.history.at(-1)?.detail?.startsWith('the dry run is over'),
        stays.has(state) ? undefined : true,
      );
    });

    it(`${state}: is not touched while it goes on, or where there was none`, () => {
      const during = remediation(phases[state], used);
      assert.equal(forgetDryRun(during, { ...delayed, dryRun: true }, T0), during);
      const without = remediation(phases[state], { ...used, attemptLog: real });
      assert.equal(forgetDryRun(without, delayed, T0), without);
    });
  }

  it('keeps the probe that was real, and no other', () => {
    const probeAfter = (atMs: number) => {
      const probe = { signature: 's', atMs, ended: 'failed', endedAtMs: T0, failures: 5 } as const;
      return forgetDryRun(remediation(phases.waiting, { ...used, probe }), delayed, T0).probe?.atMs;
    };
    assert.equal(probeAfter(T0 - 2 * HOUR), T0 - 2 * HOUR);
    assert.equal(probeAfter(T0 - HOUR), undefined);
  });

  it('leaves nothing where nothing was real', () => {
    const after = forgetDryRun(
      remediation(phases.escalated, { ...used, attemptLog: dry, chargedAtMs: dryAtMs }),
      delayed,
      T0,
    );
    assert.deepEqual([after.attemptLog, after.chargedAtMs, after.lastRestartAtMs], [[], [], null]);
  });

  it('takes back what came with it: an attempt that was never answered, and one the clock put before it', () => {
    const unanswered = attempt(4, T0 - HOUR, null);
    const earlier = attempt(5, T0 - HOUR - SECOND, 'dry_run');
    const log = [...real, ...dry.slice(0, 1), unanswered, earlier];
    const after = forgetDryRun(remediation(phases.waiting, { ...used, attemptLog: log }), delayed, T0);
    assert.deepEqual(after.attemptLog, real);
  });
});

describe('a settled call', () => {
  const called = (phase: Phase, over: Partial<Remediation> = {}): Remediation =>
    remediation(phase, {
      sinceMs: T0,
      attempts: 3,
      attemptLog: [...attempts(2), attempt(3, T0, null)],
      chargedAtMs: [T0 - HOUR, T0],
      lastRestartAtMs: T0,
      ...over,
    });

  for (const outcome of ['accepted', 'ambiguous', 'not_found', 'dry_run'] as const) {
    it(`writes ${outcome} into the attempt under way, into no other, and tells nothing`, () => {
      const after = settleCall(called(restarting({ refusals: 4 })), outcome, 'why', policy, T0 + SECOND);
      assert.deepEqual(after.attemptLog, [...attempts(2), { number: 3, atMs: T0, outcome, detail: 'why' }]);
      assert.deepEqual(after.phase, restarting({ calledAtMs: T0 + SECOND }));
      assert.deepEqual([after.history, after.sinceMs], [[], T0]);
    });
  }

  /** What each origin becomes: an escalated one stays escalated. */
  const origins = [
    ['waiting', 'held', { state: 'waiting', nextAtMs: T0 - SECOND }],
    ['escalated', 'escalated', { ...escalated(null), refusals: 4 }],
  ] as const;
  const refusals: readonly (readonly [RestartOutcome, HoldReason])[] = [
    ['conflict', 'rebalancing'],
    ['refused', 'connect_unreachable'],
    ['unauthorized', 'unauthorized'],
  ];
  for (const [from, state, back] of origins) {
    const given = called(restarting({ from, refusals: 4 }));

    for (const [outcome, reason] of refusals) {
      it(`of one that was ${from}, ${outcome}: is ${state}, due when it was, and the fifth in a row waits 16s`, () => {
        const after = settleCall(given, outcome, 'why', policy, T0 + SECOND);
        const hold = { reason, detail: 'why', sinceMs: T0 + SECOND, untilMs: null };
        const retryAtMs = T0 + 17 * SECOND;
        assert.deepEqual(after.phase, { state, nextAtMs: T0 - SECOND, hold, refusals: 5, retryAtMs });
        assert.deepEqual([after.lookAtMs, after.sinceMs, after.reason], [retryAtMs, T0 + SECOND, reason]);
        assert.deepEqual(after.history, [{ atMs: T0 + SECOND, state, reason, attempt: 2, detail: 'why' }]);
      });
    }

    it(`of one that was ${from}, not_sent: is ${from} again, and looked at now`, () => {
      const after = settleCall(given, 'not_sent', 'too old', policy, T0 + SECOND);
      assert.deepEqual(after.phase, back);
      assert.deepEqual([after.lookAtMs, after.sinceMs], [T0 + SECOND, T0 + SECOND]);
      assert.deepEqual(after.history, [
        { atMs: T0 + SECOND, state: from, reason: 'not_sent', attempt: 2, detail: 'too old' },
      ]);
    });

    for (const outcome of ['conflict', 'refused', 'unauthorized', 'not_sent'] as const) {
      it(`of one that was ${from}, ${outcome}: takes back its attempt, and no other`, () => {
        const after = settleCall(given, outcome, null, policy, T0 + SECOND);
        assert.deepEqual([after.attempts, after.attemptLog], [2, attempts(2)]);
        assert.deepEqual([after.chargedAtMs, after.lastRestartAtMs], [[T0 - HOUR], T0 - HOUR]);
      });
    }
  }
});
