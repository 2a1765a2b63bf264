import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NO_ALERTMANAGERS } from '../../src/core/suppression.ts';
import { MINUTE, pausedEvent, status } from '../core/given.ts';
import { harness, quiet } from './harness.ts';

const failed = status('RUNNING', 'FAILED', 'FAILED');
const running = status('RUNNING', 'RUNNING', 'RUNNING');
const everything = { cluster: null, connector: null };

type Step =
  | { type: 'fail' | 'run' | 'alert' | 'resolve' | 'resume' | 'optOut' | 'optIn' }
  | { type: 'pause'; forMs: number | null }
  | { type: 'alertmanager'; says: 'nothing' | 'all' | 'task 0' | 'unknown' }
  | { type: 'pass'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Step>(
      { type: 'fail' },
      { type: 'fail' },
      { type: 'run' },
      { type: 'alert' },
      { type: 'alert' },
      { type: 'resolve' },
      { type: 'resume' },
      { type: 'optOut' },
      { type: 'optIn' },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('pause' as const),
      forMs: fc.option(fc.integer({ min: 1, max: 3 * MINUTE })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('alertmanager' as const),
      says: fc.constantFrom('nothing', 'all', 'task 0', 'unknown'),
    }),
  },
);

describe('no history of failures, silences, pauses and opt-outs', () => {
  it('leads to a restart inside a hold (P4), and each hold ends in a look (P7)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const h = await harness({
          policy: {
            delaysMs: [0, 20_000, 40_000],
            thenEveryMs: MINUTE,
            budget: { restarts: 1_000, perMs: 60 * MINUTE },
          },
        });
        let pausedUntilMs: number | null = null;
        let says: 'nothing' | 'all' | 'task 0' | 'unknown' = 'nothing';
        let optedOut = false;
        h.connect.answer = (call) => {
          assert.ok(pausedUntilMs === null || h.clock.now() >= pausedUntilMs, 'paused');
          assert.ok(!optedOut, 'opted out');
          assert.notEqual(says, 'all');
          assert.notEqual(says, 'unknown');
          if (says === 'task 0') {
            assert.deepEqual(call.plan, { kind: 'parts', connector: false, tasks: [1] });
          }
          return { outcome: 'accepted', detail: '' };
        };
        const told = () => pausedEvent(h.clock.now(), { reason: 'operator' });
        const resume = async (): Promise<void> => {
          pausedUntilMs = null;
          await h.ledger.removePause(everything, told());
          await h.remediator.resumed(everything);
        };
        const listen = (word: typeof says): void => {
          says = word;
          const base = { alertname: 'A', connect_cluster: 'a', connector: 'orders' };
          const one = (labels: Record<string, string>) => ({
            fingerprint: 's',
            labels,
            silencedBy: ['s'],
            inhibitedBy: [],
            unreadable: false,
          });
          const suppressed =
            word === 'all' ? [one(base)] : word === 'task 0' ? [one({ ...base, task: '0' })] : [];
          h.world.suppression = {
            alertmanagers: [{ name: 'am', silences: [], suppressed }],
            unknown: word === 'unknown' ? 'am: down' : null,
          };
        };
        const opt = (out: boolean): void => {
          optedOut = out;
          h.connect.configured = {
            outcome: 'ok',
            value: { optedOut: out, connectorClass: null, configHash: null },
          };
        };
        try {
          for (const one of steps) {
            switch (one.type) {
              case 'fail':
                h.connect.show('orders', failed);
                break;
              case 'run':
                h.connect.show('orders', running);
                break;
              case 'alert':
                await h.alert();
                break;
              case 'resolve':
                await h.alert({ status: 'resolved' });
                break;
              case 'pause': {
                const nowMs = h.clock.now();
                const untilMs = one.forMs === null ? null : nowMs + one.forMs;
                await h.ledger.putPause(
                  { ...everything, reason: 'r', untilMs, by: 'ann', atMs: nowMs },
                  told(),
                );
                pausedUntilMs = untilMs ?? Number.POSITIVE_INFINITY;
                break;
              }
              case 'resume':
                await resume();
                break;
              case 'optOut':
              case 'optIn':
                opt(one.type === 'optOut');
                break;
              case 'alertmanager':
                listen(one.says);
                break;
              case 'pass':
                await h.clock.advance(one.ms);
                break;
              default:
                one satisfies never;
            }
            await quiet();
            const record = await h.record();
            if (record !== null && record.phase.state === 'held') {
              assert.ok(record.lookAtMs <= h.clock.now() + MINUTE, 'a hold without a look');
            }
          }
          // Whatever it was, once nothing speaks against it what is failed and signalled is restarted.
          await resume();
          opt(false);
          listen('nothing');
          h.world.suppression = NO_ALERTMANAGERS;
          h.connect.show('orders', failed);
          await h.alert();
          const before = h.connect.calls.length;
          await h.clock.advance(2 * MINUTE);
          assert.ok(
            h.connect.calls.length > before,
            `no restart in two minutes: ${JSON.stringify(await h.record())}`,
          );
          assert.deepEqual(h.faults, []);
        } finally {
          await h.close();
        }
      }),
      { numRuns: 200 },
    );
  });
});
