/**
 * A process that works on a ledger and says on its standard output what was acknowledged, one line each. It is started by
 * tests that kill it or take its disk away.
 *
 *   node writer.ts PATH ROUNDS
 *
 * Lines: `open`, or `refused FAILURE MESSAGE` and the end; then, for each acknowledged write, `wrote CONNECTOR VERSION
 * ATTEMPTS EVENTS` or `removed CONNECTOR VERSION EVENTS` (EVENTS: how many it has appended to the trail so far);
 * `unavailable MESSAGE` and the end when the ledger says so. With ROUNDS 0 it holds the ledger until its standard input
 * ends.
 */
import { writeSync } from 'node:fs';
import type { Claim, Ledger } from '../../src/ledger/ledger.ts';
import { LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { LedgerOpenError } from '../../src/ledger/open-error.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite.ts';
import { create, event, key, loadOne, remediation, replace, written } from './records.ts';

const cluster = 'payments';
const connectors = ['a', 'b', 'c', 'd', 'e'];
const [path = '', rounds = '0'] = process.argv.slice(2);

/** Synchronous: a line that is out survives the kill. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

let nowMs = 1_000_000;
let events = 0;

function happened(connector: string) {
  events += 1;
  return [event(connector, { atMs: nowMs, detail: 'x'.repeat(500) })];
}

async function report(ledger: Ledger, connector: string): Promise<void> {
  const stored = await loadOne(ledger, key(connector));
  if (stored) say(`wrote ${connector} ${stored.version} ${stored.remediation.attempts} ${events}`);
}

async function commit(ledger: Ledger, claim: Claim, round: number): Promise<void> {
  const { connector, attempts } = claim.remediation;
  if (round % 7 === 6) {
    if (await ledger.commit(claim, null, happened(connector))) {
      say(`removed ${connector} ${claim.version} ${events}`);
    }
    return;
  }
  const next = remediation(connector, { lookAtMs: nowMs, attempts: attempts + 1 });
  // Nobody else is here: a commit that is refused is a fault.
  const kept = written(await ledger.commit(claim, next, happened(connector), { leaseMs: 1000 }));
  say(`wrote ${connector} ${kept.version} ${attempts + 1} ${events}`);
  await ledger.release(kept);
}

async function work(ledger: Ledger): Promise<void> {
  events = (await ledger.events({ limit: 1_000_000 })).length;
  for (let round = 0; round < Number(rounds); round += 1) {
    nowMs += 10_000;
    const connector = connectors[round % connectors.length] ?? '';
    const stored = await loadOne(ledger, key(connector));
    const next = remediation(connector, { lookAtMs: nowMs, attempts: stored?.remediation.attempts ?? 0 });
    await ledger.store([
      stored ? replace(stored, next, happened(connector)) : create(next, happened(connector)),
    ]);
    await report(ledger, connector);
    const { claims } = await ledger.claim({ cluster, limit: 2, leaseMs: 1000 });
    for (const claim of claims) await commit(ledger, claim, round);
  }
}

try {
  const limits = { remediations: 100, events: 1_000_000 };
  const ledger = openSqliteLedger({ path, limits, now: () => nowMs });
  say('open');
  if (rounds === '0') {
    process.stdin.resume();
    await new Promise((resolve) => process.stdin.once('close', resolve));
  }
  await work(ledger);
  await ledger.close();
} catch (error) {
  if (error instanceof LedgerOpenError) say(`refused ${error.failure} ${error.message}`);
  else if (error instanceof LedgerUnavailable) say(`unavailable ${error.message}`);
  else throw error;
}
