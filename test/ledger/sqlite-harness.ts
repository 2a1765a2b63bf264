import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ledger, LedgerLimits } from '../../src/ledger/ledger.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite.ts';
import type { Harness } from './contract.ts';

/** Far from zero, so that nothing passes because a time was forgotten. */
export const startMs = Date.UTC(2026, 0, 15, 3, 0, 0);

/** A clock that stands still until the test moves it. */
export class ManualClock {
  nowMs = startMs;
  readonly now = (): number => this.nowMs;
  readonly advance = (ms: number): void => {
    this.nowMs += ms;
  };
}

/** A directory of its own, removed at the end. */
export async function inDirectory<T>(work: (directory: string) => Promise<T> | T): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'connect-medic-ledger-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function memoryHarness({ limits }: { readonly limits: LedgerLimits }): Harness {
  return harness(':memory:', limits, () => {});
}

export function fileHarness({ limits }: { readonly limits: LedgerLimits }): Harness {
  const directory = mkdtempSync(join(tmpdir(), 'connect-medic-ledger-'));
  return harness(join(directory, 'ledger.db'), limits, () => rmSync(directory, { recursive: true }));
}

function harness(path: string, limits: LedgerLimits, cleanUp: () => void): Harness {
  const clock = new ManualClock();
  const open = (): Ledger => openSqliteLedger({ path, limits, now: clock.now });
  let ledger: Ledger;
  try {
    ledger = open();
  } catch (error) {
    cleanUp();
    throw error;
  }
  return {
    ledger,
    advance: clock.advance,
    reopen: async () => {
      await ledger.close();
      ledger = open();
      return ledger;
    },
    close: async () => {
      await ledger.close();
      cleanUp();
    },
  };
}
