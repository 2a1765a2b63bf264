import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { holdReasons, states } from '../../src/core/model.ts';
import { defaultPolicy } from '../../src/core/policy.ts';
import {
  defaultStormPolicy,
  endProbe,
  probeOf,
  rhythmMs,
  type StormRow,
  stormOf,
} from '../../src/core/storm.ts';
import { HOUR, MINUTE, T0 } from './given.ts';

const policy = defaultPolicy;
const storm = defaultStormPolicy;
const signature = 'ConnectException-1';

const row = (connector: string, over: Partial<StormRow> = {}): StormRow => ({
  connector,
  state: 'waiting',
  hold: null,
  nextAtMs: T0,
  lastRestartAtMs: null,
  roomAtMs: null,
  escalation: null,
  probe: null,
  ...over,
});
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `c${index}`);

const anyRow = (connector: string): fc.Arbitrary<StormRow> =>
  fc.record({
    connector: fc.constant(connector),
    state: fc.constantFrom(...states),
    hold: fc.option(fc.constantFrom(...holdReasons)),
    nextAtMs: fc.option(fc.integer({ min: T0 - HOUR, max: T0 + HOUR })),
    lastRestartAtMs: fc.option(fc.integer({ min: T0 - HOUR, max: T0 })),
    roomAtMs: fc.option(fc.integer({ min: T0 - HOUR, max: T0 + HOUR })),
    escalation: fc.option(fc.constantFrom('exhausted', 'permanent', 'unstable', 'stuck')),
    probe: fc.option(
      fc.record({
        signature: fc.constantFrom(signature, 'another-1'),
        atMs: fc.integer({ min: T0 - HOUR, max: T0 }),
        ended: fc.option(fc.constantFrom('proven' as const, 'failed' as const, 'other' as const)),
        endedAtMs: fc.option(fc.integer({ min: T0 - HOUR, max: T0 })),
        failures: fc.nat({ max: 300 }),
      }),
    ),
  });

describe('an election', () => {
  it('names members only, none that may not act, and never more than the window leaves', () => {
    const rows = fc.integer({ min: 5, max: 30 }).chain((count) => fc.tuple(...names(count).map(anyRow)));
    fc.assert(
      fc.property(rows, fc.array(fc.nat({ max: 29 }), { maxLength: 10 }), (all, absent) => {
        const members = new Set(
          all.map(({ connector }) => connector).filter((_, index) => !absent.includes(index)),
        );
        const found = stormOf(signature, members, all, 'c0', { policy, storm, nowMs: T0 });
        assert.ok(found.elected.length <= Math.max(0, found.window - found.probing));
        assert.equal(new Set(found.elected).size, found.elected.length);
        assert.equal(found.mayProbe, found.elected.includes('c0'));
        if (found.nextProbeAtMs !== null) assert.deepEqual(found.elected, []);
        for (const name of found.elected) {
          const one = all.find(({ connector }) => connector === name);
          assert.ok(one && members.has(name));
          assert.ok(['waiting', 'held', 'escalated'].includes(one.state));
          assert.ok(one.roomAtMs === null || one.roomAtMs <= T0, 'its rolling budget is spent (P3)');
          assert.ok(!['paused', 'opted_out', 'silenced', 'inhibited'].includes(one.hold ?? ''), 'held (P4)');
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('is the same whatever the order of the rows: every replica comes to it', () => {
    fc.assert(
      fc.property(fc.tuple(...names(12).map(anyRow)), fc.nat({ max: 1_000 }), (rows, turn) => {
        const members = new Set(names(12));
        const given = { policy, storm, nowMs: T0 };
        const shuffled = rows
          .map((one, index) => ({ one, at: (index * 7 + turn) % 13 }))
          .sort((a, b) => a.at - b.at);
        const other = shuffled.map(({ one }) => one);
        assert.deepEqual(
          stormOf(signature, members, rows, 'c1', given),
          stormOf(signature, members, other, 'c1', given),
        );
      }),
    );
  });

  it('starves nobody: while the outage lasts every member has its turn before anyone has a second one (P7)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 25 }), (count) => {
        const members = new Set(names(count));
        const rows = new Map(names(count).map((name) => [name, row(name)]));
        const tried: string[] = [];
        let nowMs = T0;
        for (let rounds = 0; tried.length < 2 * count && rounds < 10 * count; rounds += 1) {
          const { elected, nextProbeAtMs } = stormOf(signature, members, [...rows.values()], 'c0', {
            policy,
            storm,
            nowMs,
          });
          const [name] = elected;
          if (name === undefined) {
            assert.ok(nextProbeAtMs !== null && nextProbeAtMs > nowMs && nextProbeAtMs <= nowMs + 5 * MINUTE);
            nowMs = nextProbeAtMs;
            continue;
          }
          assert.equal(elected.length, 1, 'one at a time while they fail');
          tried.push(name);
          const before = rows.get(name);
          const began = probeOf({ signature, probe: before?.probe ?? null }, nowMs);
          rows.set(
            name,
            row(name, { lastRestartAtMs: nowMs, probe: endProbe(began, 'failed', nowMs + 5_000) }),
          );
          nowMs += 5_000;
        }
        assert.equal(new Set(tried.slice(0, count)).size, count);
        assert.equal(new Set(tried.slice(count)).size, count);
      }),
    );
  });

  it('doubles with each proof and is back at one with a failure', () => {
    const proven = (index: number) =>
      row(`c${index}`, {
        state: 'stabilising',
        probe: { signature, atMs: T0, ended: 'proven', endedAtMs: T0 + index, failures: 0 },
      });
    const windowOf = (rows: StormRow[]): number =>
      stormOf(signature, new Set(names(40)), rows, 'c30', { policy, storm, nowMs: T0 + MINUTE }).window;
    assert.equal(windowOf([]), 1);
    assert.equal(windowOf([proven(1)]), 2);
    assert.equal(windowOf([proven(1), proven(2), proven(3)]), 8);
    const failed = row('c9', {
      probe: { signature, atMs: T0, ended: 'failed', endedAtMs: T0 + 2, failures: 1 },
    });
    assert.equal(windowOf([proven(1), proven(2), failed]), 1);
    assert.equal(windowOf([proven(1), proven(3), failed]), 2);
    const elsewhere = row('c9', {
      probe: { signature: 'x', atMs: T0, ended: 'failed', endedAtMs: T0 + 9, failures: 1 },
    });
    assert.equal(windowOf([proven(1), elsewhere]), 2);
  });
});

describe('the rhythm of a storm', () => {
  it('is the list of delays up to five minutes, and stretched once half of all budgets is used in a row', () => {
    const at = (failures: number, members: number): number =>
      rhythmMs(failures, members, policy, storm) / MINUTE;
    assert.deepEqual(
      [1, 2, 3, 6, 49].map((failures) => at(failures, 5)),
      [2, 5, 5, 5, 5],
    );
    // Five members: a hundred restarts a day, fifty of them in a row, then one each 28.8 minutes.
    assert.equal(at(50, 5), 28.8);
    assert.equal(at(299, 30), 5);
    assert.equal(at(300, 30), 5);
  });

  it('never lets the members together exceed their budgets in any window (P3)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 40 }), (members) => {
        const times: number[] = [0];
        for (let failures = 1; failures < 1_500; failures += 1) {
          times.push((times[failures - 1] ?? 0) + rhythmMs(failures, members, policy, storm));
        }
        const { perMs, restarts } = policy.budget;
        for (const [index, atMs] of times.entries()) {
          const inWindow = times.slice(0, index + 1).filter((other) => other > atMs - perMs).length;
          assert.ok(
            inWindow <= Math.max(members * restarts, 289),
            `${inWindow} in a window of ${members} members`,
          );
        }
      }),
      { numRuns: 10 },
    );
  });
});
