import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endProbe } from '../../src/core/storm.ts';
import type { Claim } from '../../src/ledger/ledger.ts';
import type { WithLedger } from './contract.ts';
import { create, nowOf, remediation, restarting, written } from './records.ts';

const MINUTE = 60_000;
const cluster = 'payments';
const underWay = { signature: 's-1', atMs: 5, ended: null, endedAtMs: null, failures: 0 };

export function stormContract(withLedger: WithLedger): void {
  describe('storms', () => {
    it(
      'are shown the records of one cluster, with their probes and charged restarts',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        const probe = { signature: 's-1', atMs: 5, ended: 'failed', endedAtMs: 9, failures: 2 } as const;
        const hold = { reason: 'canary', detail: 'd', sinceMs: 1, untilMs: null } as const;
        await ledger.store([
          create(
            remediation('a', {
              lookAtMs,
              phase: { state: 'held', nextAtMs: 7, hold, refusals: 0, retryAtMs: 0 },
              chargedAtMs: [5, 6],
              lastRestartAtMs: 6,
              probe,
            }),
          ),
          create(remediation('b', { lookAtMs, phase: restarting(0, lookAtMs) })),
          create(remediation('c', { lookAtMs, cluster: 'search' })),
        ]);
        const { rows } = await ledger.storms(cluster);
        assert.deepEqual(
          [...rows].sort((one, other) => (one.connector < other.connector ? -1 : 1)),
          [
            {
              connector: 'a',
              state: 'held',
              hold: 'canary',
              escalation: null,
              nextAtMs: 7,
              lastRestartAtMs: 6,
              chargedAtMs: [5, 6],
              probe,
            },
            {
              connector: 'b',
              state: 'restarting',
              hold: null,
              escalation: null,
              nextAtMs: null,
              lastRestartAtMs: null,
              chargedAtMs: [],
              probe: null,
            },
          ],
        );
      }),
    );

    it(
      'refuse a restart that was decided before another one was (P2), and no other commit',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        await ledger.store(['a', 'b', 'c'].map((name) => create(remediation(name, { lookAtMs }))));
        const { claims } = await ledger.claim({ cluster, limit: 3, leaseMs: MINUTE });
        const [a, b, c] = claims;
        assert.ok(a && b && c);
        const { revision } = await ledger.storms(cluster);
        const keep = { leaseMs: MINUTE, stormsRevision: revision };
        // No restart: it changes nothing for storms.
        written(await ledger.commit(c, { ...c.remediation, attempts: 1 }, []));
        written(await ledger.commit(a, { ...a.remediation, attempts: 1 }, [], keep));
        assert.equal(await ledger.commit(b, { ...b.remediation, attempts: 1 }, [], keep), null);
        assert.deepEqual(await ledger.refresh(b), b, 'neither the record nor its lease');
        const now = (await ledger.storms(cluster)).revision;
        assert.notEqual(now, revision);
        written(
          await ledger.commit(b, { ...b.remediation, attempts: 1 }, [], { ...keep, stormsRevision: now }),
        );
      }),
    );

    it(
      'refuse a restart that was decided before a probe failed, and no end of another kind',
      withLedger(async (ledger) => {
        const lookAtMs = await nowOf(ledger);
        await ledger.store(
          ['a', 'b', 'c'].map((name) => create(remediation(name, { lookAtMs, probe: underWay }))),
        );
        const { claims } = await ledger.claim({ cluster, limit: 3, leaseMs: MINUTE });
        const [a, b, c] = claims;
        assert.ok(a && b && c);
        const { revision } = await ledger.storms(cluster);
        const keep = { leaseMs: MINUTE, stormsRevision: revision };
        const ended = ({ remediation: one }: Claim, how: 'proven' | 'failed') => ({
          ...one,
          probe: endProbe(one.probe, how, lookAtMs),
        });
        written(await ledger.commit(a, ended(a, 'proven'), []));
        assert.equal((await ledger.storms(cluster)).revision, revision);
        written(await ledger.commit(b, ended(b, 'failed'), []));
        assert.equal(await ledger.commit(c, { ...c.remediation, attempts: 1 }, [], keep), null);
        const now = (await ledger.storms(cluster)).revision;
        assert.notEqual(now, revision);
        written(
          await ledger.commit(c, { ...c.remediation, attempts: 1 }, [], { ...keep, stormsRevision: now }),
        );
      }),
    );
  });

  describe('the key of hashes', () => {
    it(
      'is one for all, and random',
      withLedger(async (ledger) => {
        const key = await ledger.hashKey();
        assert.match(key, /^[\w-]{43}$/);
        assert.equal(await ledger.hashKey(), key);
      }),
    );
  });
}
