import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { MINUTE, remediation, SECOND, signal, status, T0 } from '../core/given.ts';
import { type Harness, harness, replacing } from './harness.ts';

const failed = status('RUNNING', 'FAILED');

// What a lane does where others work on the same ledger, or where its own work fails.
describe('a lane among others', () => {
  let h: Harness | undefined;
  afterEach(async () => {
    await h?.close();
    h = undefined;
  });

  it('does not take a later restart for the reaction to a webhook whose work another process did', async () => {
    h = await harness();
    // Woken, and nothing was left to claim.
    h.remediator.wake('a', ['orders']);
    await h.clock.advance(10 * MINUTE);
    h.connect.show('orders', failed);
    const next = remediation(
      { state: 'waiting', nextAtMs: T0 },
      { cluster: 'a', connector: 'orders', lookAtMs: T0 },
    );
    const key = { cluster: 'a', connector: 'orders' };
    await h.ledger.store([{ key, expectedVersion: null, next, events: [] }]);
    await h.clock.advance(2 * SECOND);
    assert.equal(h.connect.calls.length, 1);
    assert.equal(await reactions(h), 0);
    // And the stale entry does not hide the next webhook.
    h.remediator.wake('a', ['returns']);
    await h.clock.advance(10 * MINUTE);
    h.connect.show('returns', failed);
    await h.alert({ connector: 'returns' });
    assert.equal(h.connect.calls.filter(({ connector }) => connector === 'returns').length, 1);
    assert.equal(await reactions(h), 1);
  });

  it('leaves a record whose work fails for no known reason to its lease, and then tries again', async () => {
    let faulty = true;
    let tries = 0;
    h = await harness({
      ledger: (real) =>
        replacing(real, {
          commit: async (claim, next, events, keep) => {
            tries += 1;
            if (faulty) throw new TypeError('a fault');
            return real.commit(claim, next, events, keep);
          },
        }),
    });
    h.connect.show('orders', failed);
    await h.alert();
    // The lease: 30 s, and three times the time that a request may take.
    await h.clock.advance(59 * SECOND);
    assert.equal(tries, 1);
    assert.equal(h.faults.length, 1);
    faulty = false;
    await h.clock.advance(3 * SECOND);
    assert.equal(h.connect.calls.length, 1);
  });

  it('asks the ledger as often for a webhook of 970 alerts as for one of one', async () => {
    const calls: string[] = [];
    h = await harness({
      start: false,
      ledger: (real) =>
        new Proxy(real, {
          get: (target, name) => {
            const own: unknown = target[name as keyof typeof target];
            if (typeof own !== 'function') return own;
            return (...args: unknown[]) => {
              calls.push(String(name));
              return Reflect.apply(own, target, args);
            };
          },
        }),
    });
    for (const count of [1, 970]) {
      calls.length = 0;
      const signals = Array.from({ length: count }, (_, index) =>
        signal({ connector: `of-${count}-${index}`, fingerprint: `${count}-${index}` }),
      );
      const outcomes = await h.intake.takeSignals(signals);
      assert.equal(outcomes.length, count);
      assert.ok(outcomes.every((outcome) => outcome === 'opened'));
      assert.deepEqual(calls, ['load', 'store']);
    }
  });
});

/** How many reactions were measured. */
async function reactions(h: Harness): Promise<number> {
  const text = await h.metrics.registry.metrics();
  const found = /^connect_medic_webhook_to_restart_seconds_count (\d+)$/m.exec(text);
  assert.ok(found);
  return Number(found[1]);
}
