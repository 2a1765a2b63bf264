import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HoldReason, holdReasons, type State, states } from '../../src/core/model.ts';
import { defaultPolicy, type Policy } from '../../src/core/policy.ts';
import {
  defaultStormPolicy,
  endProbe,
  failsProbe,
  notElectable,
  type Probe,
  probeOf,
  relapsed,
  type Storm,
  type StormRow,
  stormOf,
} from '../../src/core/storm.ts';
import { HOUR, MINUTE, remediation, SECOND, T0 } from './given.ts';

const SIGNATURE = 'ConnectException-1';
const OTHER = 'TimeoutException-2';
/** One millisecond. */
const TICK = 1;
const MEMBERS = Array.from({ length: 40 }, (_, index) => `c${String(index).padStart(2, '0')}`);

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

const underWay = (ago: number, over: Partial<Probe> = {}): Probe => ({
  signature: SIGNATURE,
  atMs: T0 - ago,
  ended: null,
  endedAtMs: null,
  failures: 0,
  ...over,
});
/** It began a minute before it ended, and ended so long ago. */
const ended = (how: Probe['ended'], ago: number, over: Partial<Probe> = {}): Probe =>
  underWay(ago + MINUTE, {
    ended: how,
    endedAtMs: T0 - ago,
    failures: how === 'failed' ? 1 : 0,
    ...over,
  });
const proven = (ago: number, over: Partial<Probe> = {}): Probe => ended('proven', ago, over);
const failed = (ago: number, failures = 1): Probe => ended('failed', ago, { failures });

/** A storm of all members, at T0. */
function stormFrom(rows: readonly StormRow[], policy: Policy = defaultPolicy, self = 'c00'): Storm {
  const given = { policy, storm: defaultStormPolicy, nowMs: T0 };
  return stormOf(SIGNATURE, new Set(MEMBERS), rows, self, given);
}

/** The storm after these probes, each of another connector, which runs and is no member any more. */
function after(probes: readonly Probe[], policy: Policy = defaultPolicy): Storm {
  const rows = probes.map((probe, index) => row(`p${index}`, { state: 'stabilising', probe }));
  return stormFrom(rows, policy);
}

/** How long after T0 the next probe may be made; null: now. */
function nextIn({ nextProbeAtMs }: Storm): number | null {
  return nextProbeAtMs === null ? null : nextProbeAtMs - T0;
}

/** Proofs that leave so many places. */
function room(places: 1 | 2 | 4 | 8 | 16): StormRow[] {
  const probe = proven(MINUTE);
  return Array.from({ length: Math.log2(places) }, (_, index) =>
    row(`p${index}`, { state: 'stabilising', probe }),
  );
}

describe('the window of a storm', () => {
  const cases: readonly (readonly [string, readonly Probe[], number])[] = [
    ['is one at first', [], 1],
    ['is doubled by a proof', [proven(MINUTE)], 2],
    ['is doubled by each proof', [proven(MINUTE), proven(2 * MINUTE), proven(3 * MINUTE)], 8],
    ['is not doubled by a probe under way', [underWay(MINUTE)], 1],
    ['is not doubled by one that says nothing', [ended('other', MINUTE)], 1],
    ['is not doubled by the proof of another failure', [proven(MINUTE, { signature: OTHER })], 1],
    ['is one again with a failure', [proven(3 * MINUTE), proven(2 * MINUTE), failed(MINUTE)], 1],
    ['is one after a failure and a proof at one time', [proven(MINUTE), failed(MINUTE)], 1],
    ['grows again after a failure', [proven(3 * MINUTE), failed(2 * MINUTE), proven(MINUTE)], 2],
    ['stays as it is when one says nothing', [proven(2 * MINUTE), ended('other', MINUTE)], 2],
    ['counts a proof for fourteen minutes', [proven(14 * MINUTE - TICK)], 2],
    ['counts no proof that is older', [proven(14 * MINUTE)], 1],
    ['counts the young proofs beside an old one', [proven(HOUR), proven(MINUTE)], 2],
  ];
  for (const [behaviour, probes, window] of cases) {
    it(behaviour, () => assert.equal(after(probes).window, window));
  }
});

describe('a probe', () => {
  const isProbing = (state: State, probe: Probe): number =>
    stormFrom([row('p0', { state, probe }), row('c01')]).probing;

  it('is under way while it is restarted or becoming stable, and in no other state', () => {
    const found = states.filter((state) => isProbing(state, underWay(MINUTE)) === 1);
    assert.deepEqual(found, ['restarting', 'stabilising']);
  });

  it('is not under way once it has ended, or for another failure', () => {
    const another = underWay(MINUTE, { signature: OTHER });
    for (const probe of [proven(MINUTE), failed(MINUTE), ended('other', MINUTE), another]) {
      assert.equal(isProbing('restarting', probe), 0);
      assert.equal(isProbing('stabilising', probe), 0);
    }
  });

  it('does not keep the others for ever: it counts for stuckAfter and twice the proof', () => {
    const atMost = defaultPolicy.stuckAfterMs + 2 * defaultStormPolicy.proofMs;
    assert.equal(atMost, 9 * MINUTE);
    for (const [ago, probing] of [
      [0, 1],
      [6 * MINUTE, 1],
      [atMost - TICK, 1],
      [atMost, 0],
      [atMost + TICK, 0],
    ] as const) {
      const rows = [row('p0', { state: 'restarting', probe: underWay(ago) }), row('c01')];
      const found = stormFrom(rows);
      assert.equal(found.probing, probing, `${ago / SECOND}s`);
      assert.deepEqual(found.elected, probing === 1 ? [] : ['c01']);
    }
  });

  it('takes a place of the window', () => {
    const busy = (count: number): StormRow[] =>
      Array.from({ length: count }, (_, index) =>
        row(`u${index}`, { state: 'stabilising', probe: underWay(MINUTE) }),
      );
    const idle = ['c01', 'c02', 'c03', 'c04', 'c05'].map((name) => row(name));
    for (const [count, elected] of [
      [0, ['c01', 'c02', 'c03', 'c04']],
      [1, ['c01', 'c02', 'c03']],
      [3, ['c01']],
      [4, []],
      [6, []],
    ] as const) {
      const found = stormFrom([...room(4), ...busy(count), ...idle]);
      assert.deepEqual([found.window, found.probing, found.elected], [4, count, elected]);
    }
  });
});

describe('the next probe of a storm', () => {
  const cases: readonly (readonly [string, readonly Probe[], number | null])[] = [
    ['comes at once when nothing was tried', [], null],
    ['comes two minutes after the first failure', [failed(0)], 2 * MINUTE],
    ['counts from the failure, not from now', [failed(30 * SECOND)], 90 * SECOND],
    ['is not before the two minutes are over', [failed(2 * MINUTE - TICK)], TICK],
    ['comes when they are over', [failed(2 * MINUTE)], null],
    ['comes after five minutes at most', [failed(0, 2)], 5 * MINUTE],
    ['counts the failures of all members', [failed(3 * MINUTE), failed(MINUTE)], 4 * MINUTE],
    ['comes at once after a proof', [failed(MINUTE), proven(30 * SECOND)], null],
    ['waits for a failure after a proof', [proven(MINUTE), failed(30 * SECOND)], 90 * SECOND],
    ['counts no failure before a proof', [failed(MINUTE, 6), proven(MINUTE / 2), failed(0)], 2 * MINUTE],
    ['comes at once after a failure and a proof at one time', [failed(MINUTE), proven(MINUTE)], null],
    ['waits for no failure of another kind', [{ ...failed(0), signature: OTHER }], null],
    ['does not wait for a probe under way', [underWay(MINUTE)], null],
  ];
  for (const [behaviour, probes, expected] of cases) {
    it(behaviour, () => {
      const found = after(probes);
      assert.equal(nextIn(found), expected);
      const rested = probes.map((probe, index) => row(`p${index}`, { state: 'closed', probe }));
      assert.deepEqual(stormFrom([...rested, row('c01')]).elected, expected === null ? ['c01'] : []);
    });
  }

  it('comes at once after a proof, even if the list of delays begins with one', () => {
    const slow: Policy = { ...defaultPolicy, delaysMs: [4 * MINUTE, 4 * MINUTE] };
    assert.equal(nextIn(after([failed(MINUTE), proven(30 * SECOND)], slow)), null);
    assert.equal(nextIn(after([failed(MINUTE)], slow)), 3 * MINUTE);
  });

  it('comes after the last delay of a short list, when that is over', () => {
    const short: Policy = { ...defaultPolicy, delaysMs: [0, MINUTE] };
    assert.equal(nextIn(after([failed(0, 7)], short)), MINUTE);
  });
});

describe('who may be the next probe', () => {
  const may = (over: Partial<StormRow>): boolean => stormFrom([row('c00', over)]).mayProbe;
  const PAST = T0 - MINUTE;
  const FUTURE = T0 + MINUTE;
  const LATER = T0 + TICK;

  it('depends on the state: only who has failed and rests', () => {
    const found = states.filter((state) => may({ state, nextAtMs: PAST }));
    assert.deepEqual(found, ['waiting', 'held', 'escalated']);
  });

  it('is nobody whom another hold keeps', () => {
    // Waiting for a turn, for a place, or for the breaker: an election may end that.
    const free: readonly HoldReason[] = ['canary', 'concurrency', 'breaker'];
    for (const state of ['waiting', 'held', 'escalated'] as const) {
      const found = holdReasons.filter((hold) => may({ state, hold, nextAtMs: PAST }));
      assert.deepEqual(found, free, state);
    }
    assert.deepEqual(new Set(holdReasons).difference(notElectable), new Set(free));
  });

  it('is nobody whose rolling budget is spent', () => {
    for (const state of ['waiting', 'held', 'escalated'] as const) {
      for (const [roomAtMs, expected] of [
        [null, true],
        [PAST, true],
        [T0, true],
        [LATER, false],
        [FUTURE, false],
      ] as const) {
        assert.equal(may({ state, roomAtMs, nextAtMs: PAST }), expected, `${state} ${roomAtMs}`);
      }
    }
  });

  const short = failed(MINUTE * 10);
  const long = { ...short, atMs: T0 - HOUR };
  const elsewhere = { ...short, signature: OTHER };
  const cells: readonly (readonly [string, Partial<StormRow>, boolean])[] = [
    ['one that waits, when its delay is over', { nextAtMs: T0 }, true],
    ['not one that waits for its first restart', { nextAtMs: LATER }, false],
    ['one that waits for nothing', { nextAtMs: null }, true],
    ['one that waits after a failed probe', { nextAtMs: FUTURE, probe: short }, true],
    ['not one whose probe had run for long before it failed', { nextAtMs: FUTURE, probe: long }, false],
    ['one whose probe had run for long, when its delay is over', { nextAtMs: T0, probe: long }, true],
    ['not one that waits after a probe for another failure', { nextAtMs: FUTURE, probe: elsewhere }, false],
    ['one that is held, whatever comes next', { state: 'held', nextAtMs: FUTURE }, true],
    ['one that is held and has no next attempt', { state: 'held', nextAtMs: null }, true],
  ];
  for (const [behaviour, over, expected] of cells) {
    it(`is ${behaviour}`, () => assert.equal(may(over), expected));
  }

  it('is one with a reason of its own for a human only in its own slow rhythm', () => {
    for (const escalation of ['permanent', 'unstable', 'stuck', 'exhausted']) {
      const at = (nextAtMs: number | null): boolean => may({ state: 'escalated', escalation, nextAtMs });
      // What the list alone has exhausted is probed with the others.
      const alone = escalation === 'exhausted';
      assert.deepEqual([PAST, T0, LATER, FUTURE].map(at), [true, true, alone, alone], escalation);
      assert.equal(at(null), false, 'nothing comes after the list');
    }
  });

  it('is no stranger, and nobody who is not written down', () => {
    assert.deepEqual(stormFrom([row('stranger'), row('c05')]).elected, ['c05']);
    assert.deepEqual(stormFrom([row('c05')], defaultPolicy, 'c06').mayProbe, false);
    assert.deepEqual(stormFrom([]).elected, []);
  });
});

describe('the order of an election', () => {
  const AT = T0 - HOUR;
  const tried = (name: string, lastRestartAtMs: number | null, probe: Probe | null = null): StormRow =>
    row(name, { lastRestartAtMs, probe });
  const each = (names: readonly string[], atMs: number | null) => names.map((name) => tried(name, atMs));
  const away = ended('other', MINUTE);
  const old = underWay(2 * HOUR, { ended: 'other', endedAtMs: AT });
  const orders: readonly (readonly [string, readonly StormRow[], string])[] = [
    ['the oldest', [tried('c01', AT + 2), tried('c02', AT), tried('c03', AT + 1)], 'c02 c03 c01'],
    ['one never restarted', [tried('c01', AT), tried('c02', null)], 'c02 c01'],
    ['one never restarted, before any time', [tried('c01', 0), tried('c02', null)], 'c02 c01'],
    ['the first by name at one time', each(['c03', 'c01', 'c02'], AT), 'c01 c02 c03'],
    ['the first by name of the untried', each(['c02', 'c03', 'c01'], null), 'c01 c02 c03'],
    // A call that Connect turned away is no restart, and its turn is over all the same.
    ['one not probed just now', [tried('c01', AT, away), tried('c02', AT + 3)], 'c02 c01'],
    ['one never probed', [tried('c01', null, away), tried('c02', AT)], 'c02 c01'],
    ['one restarted earlier', [tried('c01', AT + 9, old), tried('c02', AT + 3)], 'c02 c01'],
  ];
  for (const [behaviour, rows, expected] of orders) {
    for (const places of [1, 2, 4, 8, 16] as const) {
      it(`begins with ${behaviour} (places: ${places})`, () => {
        for (const given of [rows, rows.toReversed()]) {
          const { elected } = stormFrom([...given, ...room(places)]);
          assert.deepEqual(elected, expected.split(' ').slice(0, places));
        }
      });
    }
  }

  it('is the same for few places and many', () => {
    // Three at each time, mixed: of those at one time the name decides.
    const rows = MEMBERS.map((name, index) => tried(name, AT + ((index * 11) % 14)));
    const order = [...rows]
      .map(({ connector, lastRestartAtMs }) => `${String(lastRestartAtMs).padStart(16, '0')} ${connector}`)
      .sort()
      .map((key) => key.slice(17));
    for (const places of [1, 2, 4, 8, 16] as const) {
      for (const given of [rows, rows.toReversed()]) {
        const found = stormFrom([...given, ...room(places)]);
        assert.deepEqual(found.elected, order.slice(0, places), `places: ${places}`);
      }
    }
  });
});

describe('what becomes of a probe', () => {
  it('begins with the failures of its record in a row, for this signature alone', () => {
    const began = (failures: number) => underWay(0, { failures });
    assert.deepEqual(probeOf({ signature: SIGNATURE, probe: null }, T0), began(0));
    assert.deepEqual(probeOf({ signature: SIGNATURE, probe: failed(MINUTE, 3) }, T0), began(3));
    const elsewhere = { ...failed(MINUTE, 3), signature: OTHER };
    assert.deepEqual(probeOf({ signature: SIGNATURE, probe: elsewhere }, T0), began(0));
    assert.equal(probeOf({ signature: null, probe: failed(MINUTE) }, T0), null);
    assert.equal(probeOf({ signature: null, probe: null }, T0), null);
  });

  it('ends once, but for one that proved itself and fails after all', () => {
    const began = underWay(MINUTE, { failures: 2 });
    const endedNow = { ...began, endedAtMs: T0 };
    assert.deepEqual(endProbe(began, 'failed', T0), { ...endedNow, ended: 'failed', failures: 3 });
    assert.deepEqual(endProbe(began, 'proven', T0), { ...endedNow, ended: 'proven', failures: 0 });
    assert.deepEqual(endProbe(began, 'other', T0), { ...endedNow, ended: 'other', failures: 2 });
    for (const how of ['proven', 'failed', 'other'] as const) {
      assert.equal(endProbe(null, how, T0), null);
      for (const before of [proven(MINUTE), failed(MINUTE), ended('other', MINUTE)]) {
        const fails = before.ended === 'proven' && how === 'failed';
        const expected = fails ? { ...before, ended: how, endedAtMs: T0, failures: 1 } : before;
        assert.deepEqual(endProbe(before, how, T0), expected, `${before.ended}, then ${how}`);
      }
    }
  });

  it('has relapsed when it failed after the time of a proof', () => {
    const { proofMs } = defaultStormPolicy;
    const ran = (how: Probe['ended'], forMs: number): boolean =>
      relapsed({ ...underWay(forMs), ended: how, endedAtMs: T0 }, proofMs);
    assert.deepEqual(
      [0, proofMs - TICK, proofMs, HOUR].map((forMs) => ran('failed', forMs)),
      [false, false, true, true],
    );
    for (const how of ['proven', 'other'] as const) assert.equal(ran(how, HOUR), false);
    assert.equal(relapsed(underWay(HOUR), proofMs), false);
  });

  it('fails with the step that ends it so, and with no other', () => {
    const probes = [null, underWay(MINUTE), proven(MINUTE), ended('other', MINUTE), failed(MINUTE)];
    const name = (probe: Probe | null): string => (probe === null ? 'none' : (probe.ended ?? 'under way'));
    const step = (probe: Probe | null) => remediation({ state: 'waiting', nextAtMs: T0 }, { probe });
    const steps = probes.flatMap((before) => probes.map((next) => ({ before, next })));
    const failing = steps.filter(({ before, next }) => failsProbe(step(before), step(next)));
    assert.deepEqual(
      failing.map(({ before, next }) => `${name(before)}, then ${name(next)}`),
      ['under way, then failed', 'proven, then failed', 'other, then failed'],
    );
  });
});
