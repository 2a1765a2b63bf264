import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import { LedgerUnavailable } from '../ledger/ledger.ts';
import { openLedger } from '../ledger/open.ts';
import { LedgerOpenError } from '../ledger/open-error.ts';
import type { Findings } from './findings.ts';

/** Tries the ledger: whether it can be opened and written. */
export async function checkLedger(config: Config, findings: Findings): Promise<null> {
  const what = `ledger ${config.ledger.kind === 'sqlite' ? config.ledger.path : config.ledger.kind}`;
  if (config.ledger.kind === 'sqlite' && !existsSync(config.ledger.path)) {
    // Looking must not leave a file behind.
    try {
      accessSync(dirname(config.ledger.path), constants.W_OK);
      findings.ok(what, 'is not there yet, and can be created');
    } catch (error) {
      findings.failed(what, `cannot be created: ${error instanceof Error ? error.message : String(error)}`);
    }
    return null;
  }
  try {
    const ledger = await openLedger(config.ledger, {
      limits: config.limits,
      now: Date.now,
      onWarning: (text) => findings.note(text),
    });
    try {
      // Reading alone would find nothing wrong with a replica, or with a Redis that is out of memory.
      await ledger.ping();
      const open = (await ledger.overview()).length;
      findings.ok(what, `can be written, ${open} remediations in it`);
    } finally {
      await ledger.close();
    }
  } catch (error) {
    if (error instanceof LedgerUnavailable) findings.failed(what, error.message);
    else if (!(error instanceof LedgerOpenError)) throw error;
    else if (error.failure === 'in_use') findings.ok(what, 'in use: a service is running on it');
    else findings.failed(what, error.message);
  }
  return null;
}
