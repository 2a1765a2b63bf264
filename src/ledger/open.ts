import type { Ledger } from './ledger.ts';
import { LedgerOpenError } from './open-error.ts';
import { openSqliteLedger, type SqliteLedgerOptions } from './sqlite.ts';

/** Which ledger, as the configuration's `ledger.url` names it. */
export type LedgerConfig =
  /** A file on a local disk: durable, one process. */
  | { readonly kind: 'sqlite'; readonly path: string }
  /** Gone with the process: for trying out and for tests. */
  | { readonly kind: 'memory' }
  | { readonly kind: 'redis' };

/** Opens the ledger that the configuration names. Rejects with `LedgerOpenError`. */
export async function openLedger(config: LedgerConfig, dependencies: SqliteLedgerOptions): Promise<Ledger> {
  switch (config.kind) {
    case 'sqlite':
      return openSqliteLedger({ ...dependencies, path: config.path });
    case 'memory':
      return openSqliteLedger({ ...dependencies, path: ':memory:' });
    case 'redis':
      throw new LedgerOpenError(
        'unsupported',
        'a Redis ledger is not available in this version of connect-medic: use sqlite: or memory:',
      );
    default:
      return config satisfies never;
  }
}
