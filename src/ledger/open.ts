import type { Ledger } from './ledger.ts';
import { openSqliteLedger, type SqliteLedgerOptions } from './sqlite.ts';

/** Which ledger, as the configuration's `ledger.url` names it. */
export type LedgerConfig =
  /** A file on a local disk: durable, one process. */
  | { readonly kind: 'sqlite'; readonly path: string }
  /** Gone with the process: for trying out and for tests. */
  | { readonly kind: 'memory' }
  /** Any number of processes. */
  | {
      readonly kind: 'redis';
      /** The whole URL, with its password. */
      readonly url: { reveal(): string };
      readonly keyPrefix: string;
      readonly replicas: number;
    };

export interface LedgerDependencies extends SqliteLedgerOptions {
  /** Something about the ledger's server that an operator should change, said once. Must not throw. */
  readonly onWarning?: (text: string) => void;
}

/**
 * Opens the ledger that the configuration names. Rejects with `LedgerOpenError`. A Redis that cannot be reached is no
 * such error: the ledger is opened, and rejects what it is asked until it can.
 */
export async function openLedger(config: LedgerConfig, dependencies: LedgerDependencies): Promise<Ledger> {
  const { limits, onDamage, onWarning } = dependencies;
  switch (config.kind) {
    case 'sqlite':
      return openSqliteLedger({ ...dependencies, path: config.path });
    case 'memory':
      return openSqliteLedger({ ...dependencies, path: ':memory:' });
    case 'redis': {
      // Some ten megabytes that nobody else needs.
      const { openRedisLedger } = await import('./redis.ts');
      return openRedisLedger({
        // Not `now`: the clock is Redis's, the same for all who share it.
        url: config.url.reveal(),
        keyPrefix: config.keyPrefix,
        replicas: config.replicas,
        limits,
        ...(onDamage === undefined ? {} : { onDamage }),
        ...(onWarning === undefined ? {} : { onWarning }),
      });
    }
    default:
      return config satisfies never;
  }
}
