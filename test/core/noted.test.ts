import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../src/core/decide.ts';
import type { Look } from '../../src/core/look.ts';
import type { Cause, Phase, Remediation } from '../../src/core/model.ts';
import { HOUR, look, looks, MINUTE, policy, remediation, SECOND, status, T0 } from './given.ts';

const CAUSE: Cause = { class: 'A', message: 'a', verdict: 'unknown', rule: null };
const OTHER: Cause = { ...CAUSE, class: 'B' };
const waiting: Phase = { state: 'waiting', nextAtMs: T0 + HOUR };

/** What is in the record after one look. */
function after(seen: Look, over: Partial<Remediation> = {}, phase = waiting, nowMs = T0): Remediation {
  const { next } = decide(remediation(phase, over), seen, policy, nowMs);
  assert.ok(next);
  return next;
}

describe('what a look leaves in the record', () => {
  const everyLook: [string, Look][] = Object.entries(looks);

  for (const [name, seen] of everyLook) {
    const fails = name === 'failed';

    it(`${name}: the cause ${fails ? 'is the one of this look' : 'stays'}`, () => {
      const cause = fails ? OTHER : null;
      assert.equal(after({ ...seen, cause: OTHER }, { cause: CAUSE }).cause, cause ?? CAUSE);
      assert.equal(after({ ...seen, cause: null }, { cause: CAUSE }).cause, CAUSE);
    });

    it(`${name}: the signature ${fails ? 'is the one of this look, or none' : 'stays'}`, () => {
      const given = { signature: 'old' };
      assert.equal(after({ ...seen, signature: 'new' }, given).signature, fails ? 'new' : 'old');
      assert.equal(after({ ...seen, signature: null }, given).signature, fails ? null : 'old');
    });

    it(`${name}: the hash of the configuration is the last one that was read`, () => {
      assert.equal(after({ ...seen, configHash: 'h' }).configHash, 'h');
      assert.equal(after({ ...seen, configHash: null }, { configHash: 'h' }).configHash, 'h');
    });

    it(`${name}: a signal ${name in { missing: 0, unknown: 0, unauthorized: 0 } ? 'is not answered' : 'is answered'}`, () => {
      const blind = seen.connect.kind !== 'status';
      assert.equal(after(seen, { signalAtMs: T0 - SECOND }).signalAtMs, blind ? T0 - SECOND : null);
    });
  }

  it('a first 404 is noted with its time, which the next one keeps', () => {
    const first = after(looks.missing);
    assert.equal(first.missingSinceMs, T0);
    const second = after(looks.missing, { missingSinceMs: T0 - SECOND });
    assert.equal(second.missingSinceMs, T0 - SECOND);
  });

  it('a status ends the 404s, and what cannot be read does not', () => {
    const given = { missingSinceMs: T0 - SECOND };
    assert.equal(after(looks.failed, given).missingSinceMs, null);
    assert.equal(after(looks.unknown, given).missingSinceMs, T0 - SECOND);
    assert.equal(after(looks.unknown).missingSinceMs, null);
  });

  it('two 404s two seconds apart close it as gone', () => {
    const given = { missingSinceMs: T0 - 2 * SECOND };
    assert.deepEqual(after(looks.missing, given).phase, {
      state: 'closed',
      as: 'gone',
      untilMs: T0 + policy.budget.perMs,
      ranSince: false,
    });
    assert.equal(after(looks.missing, { missingSinceMs: T0 - 2 * SECOND + 1 }).phase.state, 'waiting');
  });
});

describe('half failed and half on its way', () => {
  const mixed = look(status('RUNNING', 'FAILED', 'UNASSIGNED'));
  const since = (over: Partial<Remediation>): [number | null, number | null] => {
    const { mixedSinceMs, mixedSeenAtMs } = after(mixed, over);
    return [mixedSinceMs, mixedSeenAtMs];
  };

  it('is noted since the first look that saw it', () => {
    assert.deepEqual(since({}), [T0, T0]);
    assert.deepEqual(since({ mixedSinceMs: T0 - MINUTE, mixedSeenAtMs: T0 - 15 * SECOND }), [
      T0 - MINUTE,
      T0,
    ]);
  });

  it('begins anew after a gap of more than a minute in which nobody looked', () => {
    assert.deepEqual(since({ mixedSinceMs: T0 - HOUR, mixedSeenAtMs: T0 - MINUTE }), [T0 - HOUR, T0]);
    assert.deepEqual(since({ mixedSinceMs: T0 - HOUR, mixedSeenAtMs: T0 - MINUTE - 1 }), [T0, T0]);
    assert.deepEqual(since({ mixedSinceMs: null, mixedSeenAtMs: T0 - SECOND }), [T0, T0]);
    assert.deepEqual(since({ mixedSinceMs: T0 - SECOND, mixedSeenAtMs: null }), [T0, T0]);
  });

  it('is over with a look that sees something else, and goes on behind one that sees nothing', () => {
    const given = { mixedSinceMs: T0 - MINUTE, mixedSeenAtMs: T0 - SECOND };
    const seen = after(looks.failed, given);
    assert.deepEqual([seen.mixedSinceMs, seen.mixedSeenAtMs], [null, null]);
    const blind = after(looks.unknown, given);
    assert.deepEqual([blind.mixedSinceMs, blind.mixedSeenAtMs], [T0 - MINUTE, T0 - SECOND]);
  });
});

describe('the first look after a call', () => {
  const restarting: Phase = {
    state: 'restarting',
    calledAtMs: T0 - 2 * SECOND,
    looks: 0,
    from: 'waiting',
    dueAtMs: T0 - MINUTE,
    previousRestartAtMs: null,
    refusals: 0,
  };
  const looksAfter = (seen: Look, before = 0): number => {
    const { phase } = after(seen, { attempts: 1 }, { ...restarting, looks: before } as Phase);
    assert.equal(phase.state, 'restarting');
    return phase.state === 'restarting' ? phase.looks : -1;
  };
  const noStatus: Look = {
    ...looks.unknown,
    connect: { kind: 'unreadable', reason: 'no_status', detail: 'none yet' },
  };

  it('is one at which the cluster answered, whatever it says of the connector', () => {
    assert.equal(looksAfter(looks.failed), 1);
    assert.equal(looksAfter(looks.unsettled), 1);
    assert.equal(looksAfter(looks.missing), 1);
    assert.equal(looksAfter(noStatus), 1);
  });

  it('is none at which the cluster did not answer', () => {
    assert.equal(looksAfter(looks.unknown), 0);
    assert.equal(looksAfter(looks.unauthorized), 0);
  });

  it('is counted on up to a thousand', () => {
    assert.equal(looksAfter(looks.failed, 7), 8);
    assert.equal(looksAfter(looks.failed, 1_000), 1_000);
  });
});
