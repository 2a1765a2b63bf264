/** What a lane's turn costs when nothing is due: one claim, once a second at most. */
import { type LedgerConfig, openLedger } from '../../src/ledger/open.ts';

const TIMES = 200;

/** Milliseconds of each of many claims on a ledger whose service has ended. */
export async function turnMs(config: LedgerConfig): Promise<number[]> {
  const ledger = await openLedger(config, {
    limits: { remediations: 20_000, events: 100_000 },
    now: Date.now,
    onDamage: () => {},
    onWarning: () => {},
  });
  const tookMs: number[] = [];
  try {
    for (let time = 0; time < TIMES; time += 1) {
      const beganMs = performance.now();
      await ledger.claim({ cluster: 'default', limit: 64, leaseMs: 1_000 });
      tookMs.push(performance.now() - beganMs);
    }
  } finally {
    await ledger.close();
  }
  return tookMs;
}
