import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { retryRoutes } from '../../src/api/retry.ts';
import { emptyPack } from '../../src/core/diagnosis.ts';
import { HOUR, MINUTE, pausedEvent, SECOND, status } from '../core/given.ts';
import { type Harness, harness, quiet } from '../remediator/harness.ts';

const failed = status('RUNNING', 'FAILED');
const running = status('RUNNING', 'RUNNING');

describe('a retry, and the loop that carries it out', () => {
  let h: Harness;
  let app: FastifyInstance;
  beforeEach(async () => {
    h = await harness({ policy: { delaysMs: [0], thenEveryMs: null } });
    app = Fastify();
    app.decorateRequest('actor', 'oncall');
    app.register(retryRoutes, {
      ledger: h.ledger,
      policyFor: () => h.policy,
      clusters: ['a'],
      pack: emptyPack,
      onOperator: () => undefined,
      onRetried: (cluster: string, connector: string) => h.remediator.wake(cluster, [connector]),
    });
    h.connect.show('orders', failed);
    await h.alert();
  });
  afterEach(async () => {
    await app.close();
    await h.close();
    assert.deepEqual(h.faults, []);
  });
  const retry = async (): Promise<number> => {
    const { statusCode } = await app.inject({ method: 'POST', url: '/api/v1/remediations/a/orders/retry' });
    await quiet();
    return statusCode;
  };
  const state = async (): Promise<string | undefined> => (await h.record())?.phase.state;

  it('restarts at once what is escalated and never tried again', async () => {
    await h.clock.advance(HOUR);
    assert.deepEqual([await state(), h.connect.calls.length], ['escalated', 1]);
    assert.equal(await retry(), 202);
    assert.deepEqual([await state(), h.connect.calls.length], ['restarting', 2]);
    assert.equal((await h.record())?.escalation, null);
    h.connect.show('orders', running);
    // Nothing would come next, so the stable time is an hour.
    await h.clock.advance(HOUR + MINUTE);
    assert.equal(await state(), 'recovered');
  });

  it('makes no second restart while one is under way, however often it is asked for (P2)', async () => {
    assert.equal(h.connect.calls.length, 1);
    for (let times = 0; times < 5; times += 1) assert.equal(await retry(), 202);
    await h.clock.advance(4 * SECOND);
    assert.equal(h.connect.calls.length, 1);
    await h.clock.advance(MINUTE);
    assert.deepEqual([await state(), (await h.record())?.attempts], ['escalated', 1]);
  });

  it('lifts no pause (P4)', async () => {
    await h.clock.advance(HOUR);
    const nowMs = h.clock.now();
    const scope = { cluster: null, connector: null };
    await h.ledger.putPause(
      { ...scope, reason: 'upgrade', untilMs: null, by: 'ann', atMs: nowMs },
      pausedEvent(nowMs),
    );
    assert.equal(await retry(), 202);
    await h.clock.advance(MINUTE);
    assert.deepEqual([await state(), (await h.record())?.reason], ['held', 'paused']);
    assert.equal(h.connect.calls.length, 1);
  });

  it('restarts nothing that runs (P1)', async () => {
    await h.clock.advance(HOUR);
    h.connect.show('orders', running);
    assert.equal(await retry(), 202);
    await h.clock.advance(HOUR);
    assert.equal(h.connect.calls.length, 1);
  });
});
