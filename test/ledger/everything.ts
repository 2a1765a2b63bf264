import assert from 'node:assert/strict';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { create, event, key, nowOf, remediation } from './records.ts';
import { claimOne, recovered } from './redis-harness.ts';

const cluster = 'payments';

/** Each operation of a ledger once. `damage` makes the body of the connector `zulu` unreadable. */
export async function everything(ledger: Ledger, damage?: () => Promise<unknown>): Promise<void> {
  await recovered(ledger);
  const lookAtMs = await nowOf(ledger);
  const names = ['orders', 'returns', 'zulu'];
  const creates = names.map((name) => create(remediation(name, { lookAtMs }), [event(name, { atMs: 1 })]));
  assert.deepEqual(await ledger.store(creates), ['stored', 'stored', 'stored']);
  await damage?.();
  const claim = await claimOne(ledger, 60_000);
  const kept = await ledger.commit(claim, claim.remediation, [event('orders', { atMs: 2 })], {
    leaseMs: 60_000,
    unverifiedAtMost: 1,
  });
  assert.ok(kept !== null && kept !== 'full');
  const again = await ledger.refresh(kept);
  assert.ok(again);
  await ledger.release(again);
  await ledger.wake(names.map((name) => key(name)));
  const other = await claimOne(ledger, 60_000);
  assert.ok(await ledger.commit(other, null, []));
  const left = damage === undefined ? 2 : 1;
  assert.equal((await ledger.list()).length, left);
  assert.equal((await ledger.overview()).length, left, 'the damaged one is set aside');
  assert.equal((await ledger.events()).length, 4);
  await ledger.addHints([{ cluster, labels: {}, fingerprint: 'f', atMs: 1 }]);
  const [hint] = await ledger.hints(cluster);
  assert.ok(hint);
  await ledger.dropHint(hint.id);
  assert.deepEqual(await ledger.hints(cluster), []);
  const everywhere = { cluster: null, connector: null };
  const pause = { ...everywhere, reason: 'r', untilMs: null, by: 'ann', atMs: 1 };
  assert.equal(await ledger.putPause(pause, event('', { atMs: 3 })), 'stored');
  assert.deepEqual((await ledger.pauses()).pauses, [pause]);
  assert.equal(await ledger.removePause(everywhere, event('', { atMs: 4 })), true);
  await ledger.hashKey();
  assert.equal((await ledger.storms(cluster)).rows.length, left);
  await ledger.ping();
}
