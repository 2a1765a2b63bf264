import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../src/core/decide.ts';
import type { Look } from '../../src/core/look.ts';
import { type ConnectState, connectStates, type Remediation, restartOutcomes } from '../../src/core/model.ts';
import type { Policy } from '../../src/core/policy.ts';
import { mergeSignal } from '../../src/core/signals.ts';
import { settleCall } from '../../src/core/transitions.ts';
import { look, looks, MINUTE, policy, SECOND, signal, status, T0 } from './given.ts';

/**
 * Random histories of alerts, statuses, answers and time, driven as the loop drives them: a look happens when it is due,
 * an attempt is written down before its call, and what came back is written down after it.
 */

const state = fc.constantFrom<ConnectState>(...connectStates);
const aLook: fc.Arbitrary<Look> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(looks.failed) },
  { weight: 3, arbitrary: fc.constant(looks.running) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(state, fc.array(state, { maxLength: 3 }))
      .map(([c, tasks]) => look(status(c, ...tasks))),
  },
  { weight: 1, arbitrary: fc.constantFrom<Look>(looks.missing, looks.unknown, looks.unauthorized) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('paused', 'silenced', 'concurrency', 'alertmanager_unreachable' as const).map(
      (reason): Look => ({
        ...looks.failed,
        holds: [{ reason: reason as 'paused', detail: null, untilMs: null }],
      }),
    ),
  },
);

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      look: aLook,
      // Not dry_run, which no policy here leads to.
      outcome: fc.constantFrom(...restartOutcomes.filter((outcome) => outcome !== 'dry_run')),
      lateMs: fc.nat(60 * SECOND),
      callMs: fc.nat(5 * SECOND),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('signal' as const),
      status: fc.constantFrom('firing' as const, 'resolved' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat(30 * MINUTE) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
);

const policies: fc.Arbitrary<Policy> = fc.record({
  enabled: fc.constant(true),
  dryRun: fc.constant(false),
  delaysMs: fc.array(fc.nat(20 * MINUTE), { minLength: 1, maxLength: 5 }),
  thenEveryMs: fc.option(fc.integer({ min: MINUTE, max: 60 * MINUTE })),
  stableForMs: fc.oneof(fc.constant('auto' as const), fc.integer({ min: SECOND, max: 10 * MINUTE })),
  settleMs: fc.nat(10 * SECOND),
  stuckAfterMs: fc.integer({ min: 20 * SECOND, max: 10 * MINUTE }),
  budget: fc.record({
    restarts: fc.integer({ min: 1, max: 8 }),
    perMs: fc.integer({ min: MINUTE, max: 120 * MINUTE }),
  }),
  permanent: fc.constant(policy.permanent),
  storm: fc.constant(policy.storm),
  jitter: fc.constantFrom(0, 0.1),
});

interface Call {
  readonly atMs: number;
  readonly attempt: number;
  readonly look: Look;
  readonly charged: boolean;
  /** Names the failure that it belongs to. */
  readonly failure: number;
}

interface Run {
  readonly calls: Call[];
  readonly records: { readonly record: Remediation; readonly nowMs: number }[];
}

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function run(steps: readonly Step[], used: Policy): Run {
  let nowMs = T0;
  let current: Remediation | null = mergeSignal(null, signal(), used, 20, nowMs).next;
  const calls: Call[] = [];
  const records: { record: Remediation; nowMs: number }[] = [];
  let crashNext = false;
  for (const one of steps) {
    if (one.kind === 'time') nowMs += one.ms;
    if (one.kind === 'crash') crashNext = true;
    if (one.kind === 'signal') {
      current = mergeSignal(current, signal({ status: one.status }), used, 20, nowMs).next;
    }
    if (one.kind === 'look' && current !== null) {
      nowMs = Math.max(nowMs, current.lookAtMs) + one.lateMs;
      const decision = decide(current, one.look, used, nowMs);
      current = decision.next;
      if (decision.effect.type === 'restart' && current !== null) {
        const attempt = decision.effect.attempt;
        const failure = current.openedAtMs;
        const atMs = nowMs;
        let charged = true;
        // A crash after the commit and before the call, or before the answer is written: the attempt stays charged.
        if (crashNext) crashNext = false;
        else {
          const before: Remediation = current;
          nowMs += one.callMs;
          current = settleCall(before, one.outcome, null, used, nowMs);
          charged = current.attempts === before.attempts;
        }
        calls.push({ atMs, attempt, look: one.look, charged, failure });
      }
    }
    if (current !== null) records.push({ record: current, nowMs });
  }
  return { calls, records };
}

/** The latest time at which a record may be looked at next. */
function latestLookMs({ phase }: Remediation, nowMs: number): number {
  switch (phase.state) {
    case 'waiting':
      return Math.max(phase.nextAtMs, nowMs + 2 * SECOND);
    case 'held':
      return nowMs + MINUTE;
    case 'restarting':
    case 'stabilising':
      return nowMs + 15 * SECOND;
    case 'escalated':
      return Math.min(nowMs + 10 * MINUTE, Math.max(phase.nextAtMs ?? Infinity, nowMs + MINUTE));
    case 'recovered':
    case 'closed':
      return Math.max(phase.untilMs, nowMs + 15 * SECOND);
  }
}

const histories = fc.tuple(fc.array(step, { maxLength: 120 }), policies);
const runs = { numRuns: 1_500 };

describe('over random histories', () => {
  it('P1: nothing is restarted that the look does not show FAILED, nor what is paused or stopped', () => {
    fc.assert(
      fc.property(histories, ([steps, used]) => {
        for (const { look: seen } of run(steps, used).calls) {
          assert.equal(seen.connect.kind, 'status');
          if (seen.connect.kind !== 'status') return;
          const { connector, tasks } = seen.connect.status;
          assert.ok(connector.state === 'FAILED' || tasks.some((task) => task.state === 'FAILED'));
          assert.ok(connector.state !== 'PAUSED' && connector.state !== 'STOPPED');
        }
      }),
      runs,
    );
  });

  it('P2: each attempt number of a failure is charged at most once, in order', () => {
    fc.assert(
      fc.property(histories, ([steps, used]) => {
        const charged = run(steps, used).calls.filter((call) => call.charged);
        const failures = new Map<number, number>();
        for (const { failure, attempt } of charged) {
          assert.equal(attempt, (failures.get(failure) ?? 0) + 1);
          failures.set(failure, attempt);
        }
      }),
      runs,
    );
  });

  it('P3: never sooner than the list of delays allows, and never beyond the rolling budget', () => {
    fc.assert(
      fc.property(histories, ([steps, used]) => {
        const charged = run(steps, used).calls.filter((call) => call.charged);
        for (const [index, call] of charged.entries()) {
          const before = charged[index - 1];
          if (before !== undefined && before.failure === call.failure) {
            const delayMs = used.delaysMs[call.attempt - 1] ?? used.thenEveryMs;
            assert.notEqual(delayMs, null, 'no attempt beyond the list when thenEvery is off');
            // A stuck one is tried in the slow rhythm, which may be shorter than the next delay of an odd list.
            const leastMs = Math.min(delayMs ?? 0, used.thenEveryMs ?? Number.POSITIVE_INFINITY);
            assert.ok(call.atMs - before.atMs >= leastMs);
          }
          const window = charged.filter(
            ({ atMs }) => atMs <= call.atMs && atMs > call.atMs - used.budget.perMs,
          );
          assert.ok(window.length <= used.budget.restarts);
        }
      }),
      runs,
    );
  });

  it('P4: nothing is restarted while a hold is seen', () => {
    fc.assert(
      fc.property(histories, ([steps, used]) => {
        for (const { look: seen } of run(steps, used).calls) assert.deepEqual(seen.holds, []);
      }),
      runs,
    );
  });

  it('P7: every record has a next look, and none sleeps through its next attempt', () => {
    fc.assert(
      fc.property(histories, ([steps, used]) => {
        for (const { record, nowMs } of run(steps, used).records) {
          assert.ok(record.lookAtMs <= latestLookMs(record, nowMs), `${record.phase.state} sleeps too long`);
        }
      }),
      runs,
    );
  });

  it('keeps every list of a record bounded', () => {
    fc.assert(
      fc.property(histories, ([steps, used]) => {
        for (const { record: one } of run(steps, used).records) {
          assert.ok(one.history.length <= 50);
          assert.ok(one.attemptLog.length <= 20);
          assert.ok(one.alerts.length <= 20);
          assert.ok(one.chargedAtMs.length <= used.budget.restarts);
        }
      }),
      runs,
    );
  });

  it('is pure: the same question has the same answer, and nothing given is changed', () => {
    fc.assert(
      fc.property(histories, aLook, ([steps, used], seen) => {
        const before = run(steps, used).records.at(-1)?.record;
        if (before === undefined) return;
        const copy = structuredClone(before);
        assert.deepEqual(
          decide(before, seen, used, before.lookAtMs),
          decide(copy, seen, used, before.lookAtMs),
        );
        assert.deepEqual(before, copy);
      }),
      runs,
    );
  });

  it('heals: whatever happened before, a connector that runs from now on is recovered or rests', () => {
    fc.assert(
      fc.property(histories, ([steps, used]) => {
        let current: Remediation | null = run(steps, used).records.at(-1)?.record ?? null;
        for (let turns = 0; current !== null && turns < 400; turns += 1) {
          if (current.phase.state === 'recovered' || current.phase.state === 'closed') return;
          current = decide(current, looks.running, used, current.lookAtMs).next;
        }
        assert.equal(current, null);
      }),
      runs,
    );
  });
});
