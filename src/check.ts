import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from './config/config.ts';
import { maskCredentials } from './core/diagnosis.ts';
import { LedgerUnavailable } from './ledger/ledger.ts';
import { openLedger } from './ledger/open.ts';
import { LedgerOpenError } from './ledger/open-error.ts';
import { alertmanagerClient, connectClient } from './service.ts';

/**
 * `--check`: tries everything that the configuration names and prints one line for each. Returns the exit status: 0 when
 * all of it can be used.
 */
export async function check(
  config: Config,
  source: string,
  warnings: readonly string[],
  print: (line: string) => void,
): Promise<0 | 1> {
  let failed = 0;
  const report = (ok: boolean, what: string, found: string): void => {
    if (!ok) failed += 1;
    print(`${ok ? 'ok    ' : 'FAILED'}  ${what}: ${found}`);
  };
  report(true, 'configuration', `${source} is valid`);
  for (const warning of [...warnings, ...notYet(config)]) print(`note    ${warning}`);
  const note = (text: string): void => print(`note    ${text}`);
  await limited('ledger', report, (told) => checkLedger(config, told, note));
  for (const cluster of config.clusters) {
    await limited(`cluster ${cluster.name}`, report, (told) => checkCluster(cluster, told));
  }
  for (const alertmanager of config.alertmanagers) {
    await limited(`alertmanager ${alertmanager.url}`, report, (told) =>
      checkAlertmanager(alertmanager, told),
    );
  }
  print(failed === 0 ? 'everything can be used' : `${failed} of the above cannot be used`);
  return failed === 0 ? 0 : 1;
}

/** What the configuration asks for and this version does not do: said at the start, not found out at night. */
export function notYet(config: Config): string[] {
  const later: string[] = [];
  if (config.alertmanagers.length === 0) {
    later.push('no alertmanagers are configured: webhooks only, and silences are not checked');
  }
  if (config.policy.dryRun) later.push('policy.dryRun is true: no restart call is made');
  else if (config.overrides.some(({ policy }) => policy.dryRun)) {
    later.push('dryRun is true in an override: no restart call is made where it matches');
  }
  return later;
}

/** Each part has its own time limits; this is the one behind them, for who waits for the exit status. */
const PART_AT_MOST_MS = 45_000;

async function limited(what: string, report: Report, work: (told: Report) => Promise<void>): Promise<void> {
  let over = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    over = true;
    report(false, what, `no answer within ${PART_AT_MOST_MS / 1_000} s`);
    resolve();
  }, PART_AT_MOST_MS);
  const told: Report = (...found) => {
    if (!over) report(...found);
  };
  await Promise.race([work(told), promise]);
  clearTimeout(timer);
}

type Report = (ok: boolean, what: string, found: string) => void;

async function checkLedger(config: Config, report: Report, note: (text: string) => void): Promise<void> {
  const what = `ledger ${config.ledger.kind === 'sqlite' ? config.ledger.path : config.ledger.kind}`;
  if (config.ledger.kind === 'sqlite' && !existsSync(config.ledger.path)) {
    // Looking must not leave a file behind.
    try {
      accessSync(dirname(config.ledger.path), constants.W_OK);
      report(true, what, 'is not there yet, and can be created');
    } catch (error) {
      report(false, what, `cannot be created: ${error instanceof Error ? error.message : String(error)}`);
    }
    return;
  }
  try {
    const ledger = await openLedger(config.ledger, {
      limits: config.limits,
      now: Date.now,
      onWarning: note,
    });
    try {
      // Reading alone would find nothing wrong with a replica, or with a Redis that is out of memory.
      await ledger.ping();
      const open = (await ledger.overview()).length;
      report(true, what, `can be written, ${open} remediations in it`);
    } finally {
      await ledger.close();
    }
  } catch (error) {
    if (error instanceof LedgerUnavailable) return report(false, what, error.message);
    if (!(error instanceof LedgerOpenError)) throw error;
    const running = error.failure === 'in_use';
    report(running, what, running ? 'in use: a service is running on it' : error.message);
  }
}

/** Each URL by itself: one worker that answers would hide another one that does not. */
async function checkCluster(cluster: Config['clusters'][number], report: Report): Promise<void> {
  for (const url of cluster.urls) {
    const what = `cluster ${cluster.name} ${url}`;
    const client = connectClient({ ...cluster, urls: [url] }, null);
    const info = await client.info();
    if (info.outcome !== 'ok') report(false, what, `${info.outcome}: ${maskCredentials(info.detail)}`);
    else {
      const statuses = await client.statuses();
      if (statuses.outcome !== 'ok')
        report(false, what, `${statuses.outcome}: ${maskCredentials(statuses.detail)}`);
      else {
        const parts = [...statuses.value.values()].flatMap((one) =>
          one ? [one.connector, ...one.tasks] : [],
        );
        const failedParts = parts.filter(({ state }) => state === 'FAILED').length;
        const found = `Kafka Connect ${info.value.version}, ${statuses.value.size} connectors, ${failedParts} failed parts`;
        report(true, what, found);
      }
    }
    await client.close();
  }
}

/** Silences are read as well: what `status` shows everybody may be closed to us there. */
async function checkAlertmanager(
  alertmanager: Config['alertmanagers'][number],
  report: Report,
): Promise<void> {
  const what = `alertmanager ${alertmanager.url}`;
  const client = alertmanagerClient(alertmanager, null);
  const [status, silences] = await Promise.all([client.status(), client.silences()]);
  await client.close();
  if (status.outcome !== 'ok') return report(false, what, `${status.outcome}: ${status.detail}`);
  if (silences.outcome !== 'ok')
    return report(false, what, `silences ${silences.outcome}: ${silences.detail}`);
  const active = silences.value.filter(({ state }) => state === 'active').length;
  report(true, what, `Alertmanager ${status.value.version}, ${active} active silences`);
}
