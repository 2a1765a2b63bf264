import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import type { Look } from '../../src/core/look.ts';
import {
  type Effect,
  type Phase,
  type Reason,
  type Remediation,
  type State,
  states,
  type Verdict,
  verdicts,
} from '../../src/core/model.ts';
import { HOUR, looks, MINUTE, policy, remediation, SECOND, T0 } from './given.ts';

/** The time of every decision in the table. */
const NOW = T0 + 10 * MINUTE;
const lastRestartAtMs = NOW - 3 * MINUTE;

const phases: Record<State, Phase> = {
  waiting: { state: 'waiting', nextAtMs: NOW },
  held: {
    state: 'held',
    nextAtMs: NOW,
    refusals: 0,
    retryAtMs: 0,
    hold: { reason: 'silenced', detail: 's1', sinceMs: T0, untilMs: null },
  },
  restarting: {
    state: 'restarting',
    calledAtMs: lastRestartAtMs,
    looks: 0,
    from: 'waiting',
    dueAtMs: T0,
    previousRestartAtMs: null,
    refusals: 0,
  },
  stabilising: { state: 'stabilising', stableMs: MINUTE, seenAtMs: NOW - 15 * SECOND },
  escalated: { state: 'escalated', nextAtMs: NOW, hold: null, refusals: 0, retryAtMs: 0 },
  recovered: { state: 'recovered', untilMs: NOW + HOUR },
  closed: { state: 'closed', as: 'off', untilMs: NOW + HOUR, ranSince: false },
};

interface Cell {
  readonly because: string;
  readonly state: State | 'removed';
  readonly reason: Reason;
  readonly effect?: Effect['type'];
  /** Differs from the phase that the state usually has in this table. */
  readonly given?: Partial<Remediation>;
  readonly look?: Look;
  /** Milliseconds after NOW. */
  readonly lookIn?: number;
}

/** One row for every cell of the state × verdict table of the architecture page. */
const table: Record<State, Record<Verdict, Cell>> = {
  waiting: {
    failed: {
      because: 'due and nothing holds',
      state: 'restarting',
      reason: 'attempt',
      effect: 'restart',
      lookIn: 2 * SECOND,
    },
    running: { because: 'healed by itself', state: 'stabilising', reason: 'running', lookIn: 15 * SECOND },
    unsettled: {
      because: 'due, but parts are on their way',
      state: 'held',
      reason: 'rebalancing',
      lookIn: 15 * SECOND,
    },
    off: { because: 'somebody paused it', state: 'closed', reason: 'off', lookIn: 24 * HOUR },
    gone: { because: 'deleted', state: 'closed', reason: 'gone', lookIn: 24 * HOUR },
    unknown: { because: 'nobody acts blind', state: 'held', reason: 'connect_unreachable', lookIn: SECOND },
  },
  held: {
    failed: {
      because: 'the hold is gone and it is due',
      state: 'restarting',
      reason: 'attempt',
      effect: 'restart',
    },
    running: { because: 'healed while held', state: 'stabilising', reason: 'running' },
    unsettled: { because: 'stays held', state: 'held', reason: 'rebalancing', lookIn: 15 * SECOND },
    off: { because: 'paused while held', state: 'closed', reason: 'off' },
    gone: { because: 'deleted while held', state: 'closed', reason: 'gone' },
    unknown: {
      because: 'stays held, and says why now',
      state: 'held',
      reason: 'connect_unreachable',
      lookIn: SECOND,
    },
  },
  restarting: {
    failed: {
      because: 'settle is over: the next delay (6m after the last restart)',
      state: 'waiting',
      reason: 'failed_again',
      lookIn: 3 * MINUTE,
    },
    running: { because: 'it works', state: 'stabilising', reason: 'running' },
    unsettled: { because: 'not there yet', state: 'restarting', reason: 'verifying', lookIn: 10 * SECOND },
    off: { because: 'paused meanwhile', state: 'closed', reason: 'off' },
    gone: { because: 'deleted meanwhile', state: 'closed', reason: 'gone' },
    unknown: { because: 'look again', state: 'restarting', reason: 'verifying', lookIn: 10 * SECOND },
  },
  stabilising: {
    failed: {
      because: 'it did not hold: the count goes on',
      state: 'waiting',
      reason: 'failed_again',
      lookIn: 3 * MINUTE,
    },
    running: {
      because: 'not long enough yet',
      state: 'stabilising',
      reason: 'stabilising',
      lookIn: 15 * SECOND,
    },
    unsettled: {
      because: 'the stable time starts anew',
      state: 'stabilising',
      reason: 'unsettled',
      lookIn: 15 * SECOND,
    },
    off: { because: 'paused while watched', state: 'closed', reason: 'off' },
    gone: { because: 'deleted while watched', state: 'closed', reason: 'gone' },
    unknown: {
      because: 'unseen time does not count',
      state: 'stabilising',
      reason: 'unseen',
      lookIn: 15 * SECOND,
    },
  },
  escalated: {
    failed: {
      because: 'its own slow rhythm is due',
      state: 'restarting',
      reason: 'attempt',
      effect: 'restart',
    },
    running: { because: 'somebody mended it', state: 'stabilising', reason: 'running' },
    unsettled: { because: 'stays, and does not act', state: 'escalated', reason: 'rebalancing' },
    off: { because: 'paused', state: 'closed', reason: 'off' },
    gone: { because: 'deleted', state: 'closed', reason: 'gone' },
    unknown: { because: 'stays, and does not act', state: 'escalated', reason: 'connect_unreachable' },
  },
  recovered: {
    failed: {
      because: 'signalled and failed: a new failure',
      state: 'waiting',
      reason: 'signal',
      given: { signalAtMs: NOW },
      lookIn: 0,
    },
    running: { because: 'rests', state: 'recovered', reason: 'resting', lookIn: HOUR },
    unsettled: { because: 'rests', state: 'recovered', reason: 'resting' },
    off: { because: 'rests', state: 'recovered', reason: 'resting' },
    gone: { because: 'rests', state: 'recovered', reason: 'resting' },
    unknown: { because: 'rests', state: 'recovered', reason: 'resting' },
  },
  closed: {
    failed: { because: 'on again, and failed', state: 'waiting', reason: 'on_again', lookIn: 0 },
    running: { because: 'on again, and well', state: 'closed', reason: 'resting' },
    unsettled: { because: 'nothing to say yet', state: 'closed', reason: 'resting' },
    off: {
      because: 'absorbs signals without an event',
      state: 'closed',
      reason: 'off',
      given: { signalAtMs: NOW },
    },
    gone: { because: 'still gone', state: 'closed', reason: 'gone' },
    unknown: { because: 'nothing to say', state: 'closed', reason: 'resting' },
  },
};

describe('every state and every verdict', () => {
  for (const state of states) {
    for (const verdict of verdicts) {
      const cell = table[state][verdict];
      it(`${state} × ${verdict}: ${cell.because} → ${cell.state} (${cell.reason})`, () => {
        const before = remediation(phases[state], {
          ...(state === 'restarting' || state === 'stabilising' || state === 'escalated'
            ? { attempts: 2, lastRestartAtMs, chargedAtMs: [T0, lastRestartAtMs] }
            : {}),
          // The first of the two 404s came long enough ago.
          ...(verdict === 'gone' ? { missingSinceMs: NOW - 2 * SECOND } : {}),
          ...cell.given,
        });
        const seen = cell.look ?? (verdict === 'gone' ? looks.missing : looks[verdict]);
        const decision = decide(before, seen, policy, NOW);
        assert.equal(decision.next?.phase.state ?? 'removed', cell.state);
        assert.equal(decision.reason, cell.reason);
        assert.equal(decision.effect.type, cell.effect ?? 'none');
        if (cell.lookIn !== undefined) assert.equal((decision.next?.lookAtMs ?? 0) - NOW, cell.lookIn);
      });
    }
  }
});

describe('cells that have more than one way out', () => {
  const exhausted = { attempts: 7, lastRestartAtMs, chargedAtMs: [lastRestartAtMs] };
  const cases: readonly (Cell & { name: string; phase: Phase })[] = [
    {
      name: 'waiting × failed, not due',
      because: 'the delay is not over',
      phase: { state: 'waiting', nextAtMs: NOW + 1 },
      state: 'waiting',
      reason: 'delay',
      lookIn: 1,
    },
    {
      name: 'waiting × failed, due, held',
      because: 'a silence',
      phase: phases.waiting,
      state: 'held',
      reason: 'silenced',
      look: { ...looks.failed, holds: [{ reason: 'silenced', detail: 's1', untilMs: null }] },
    },
    {
      name: 'waiting × failed, due, hopeless',
      because: 'the list was used up',
      phase: phases.waiting,
      state: 'escalated',
      reason: 'exhausted',
      given: exhausted,
    },
    {
      name: 'waiting × failed, due, no budget',
      because: '20 restarts in the window',
      phase: phases.waiting,
      state: 'escalated',
      reason: 'unstable',
      given: { chargedAtMs: Array.from({ length: 20 }, (_, index) => T0 - index * MINUTE).reverse() },
    },
    {
      name: 'waiting × unsettled, not due',
      because: 'look again when due',
      phase: { state: 'waiting', nextAtMs: NOW + MINUTE },
      state: 'waiting',
      reason: 'unsettled',
      lookIn: MINUTE,
      look: looks.unsettled,
    },
    {
      name: 'waiting × 401',
      because: 'the hold says what is wrong',
      phase: phases.waiting,
      state: 'held',
      reason: 'unauthorized',
      look: looks.unauthorized,
    },
    {
      name: 'waiting × first 404',
      because: 'one 404 proves nothing',
      phase: phases.waiting,
      state: 'waiting',
      reason: 'missing',
      look: looks.missing,
      lookIn: 2 * SECOND,
    },
    {
      name: 'held × failed, not due',
      because: 'the hold is gone, the delay is not',
      phase: { ...phases.held, nextAtMs: NOW + 1 } as Phase,
      state: 'waiting',
      reason: 'delay',
    },
    {
      name: 'restarting × failed, list used up',
      because: 'nothing left',
      phase: phases.restarting,
      state: 'escalated',
      reason: 'exhausted',
      given: exhausted,
    },
    {
      name: 'stabilising × failed, list used up',
      because: 'nothing left',
      phase: phases.stabilising,
      state: 'escalated',
      reason: 'exhausted',
      given: exhausted,
    },
    {
      name: 'escalated × failed, not due',
      because: 'slow on purpose',
      phase: { ...phases.escalated, nextAtMs: NOW + 1 } as Phase,
      state: 'escalated',
      reason: 'exhausted',
      lookIn: 1,
    },
    {
      name: 'escalated × failed, due, held',
      because: 'a silence holds the slow rhythm too',
      phase: phases.escalated,
      state: 'escalated',
      reason: 'silenced',
      look: { ...looks.failed, holds: [{ reason: 'silenced', detail: 's1', untilMs: null }] },
    },
    {
      name: 'escalated × failed, never again',
      because: 'thenEvery is off',
      phase: { ...phases.escalated, nextAtMs: null } as Phase,
      state: 'escalated',
      reason: 'exhausted',
    },
    {
      name: 'recovered × failed, no signal',
      because: 'an alert is what starts us',
      phase: phases.recovered,
      state: 'recovered',
      reason: 'awaiting_signal',
    },
    {
      name: 'recovered × anything, window over',
      because: 'nothing left to remember',
      phase: { state: 'recovered', untilMs: NOW },
      state: 'removed',
      reason: 'window_over',
      look: looks.running,
    },
    {
      name: 'closed × failed, ran since, no signal',
      because: 'a new failure needs its own alert',
      phase: { ...phases.closed, ranSince: true } as Phase,
      state: 'closed',
      reason: 'resting',
    },
    {
      name: 'closed × off, window over',
      because: 'nothing left to remember',
      phase: { ...phases.closed, untilMs: NOW } as Phase,
      state: 'removed',
      reason: 'window_over',
      look: looks.off,
    },
  ];
  for (const { name, because, phase, state, reason, given, look, lookIn } of cases) {
    it(`${name}: ${because} → ${state} (${reason})`, () => {
      const decision = decide(remediation(phase, given), look ?? looks.failed, policy, NOW);
      assert.equal(decision.next?.phase.state ?? 'removed', state);
      assert.equal(decision.reason, reason);
      assert.equal(decision.effect.type, 'none');
      if (lookIn !== undefined) assert.equal((decision.next?.lookAtMs ?? 0) - NOW, lookIn);
    });
  }
});
