import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { check, notYet } from './check/check.ts';
import type { PrometheusOptions } from './check/prometheus.ts';
import { checkString } from './config/kinds.ts';
import { formatProblems, loadConfig } from './config/load.ts';
import { loadPack } from './diagnosis/load.ts';
import { LedgerOpenError } from './ledger/open-error.ts';
import { createLogger, describeError } from './log.ts';
import { buildService } from './service.ts';

const USAGE = `Usage: node src/main.ts [--config FILE] [--check [--prometheus URL]]

  --config FILE   the configuration; else CONNECT_MEDIC_CONFIG, else ./connect-medic.yml if there is one, else defaults
  --check         validate the configuration, try every URL in it, look at the alerts that fire, and print what was
                  found and what would keep remediation from working; exit 0 or 1
  --prometheus URL
                  with --check: look also at the rules and metrics of this Prometheus
  --prometheus-bearer-file FILE
                  with --prometheus: a file with the token to show there
  --help          this text
`;

/** The process: arguments, configuration, service, signals. Resolves with the exit status. */
export async function runCli(): Promise<number> {
  const args = readArguments();
  if (args === null) return 2;
  if (args.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const loaded = loadConfig({
    ...(args.config === undefined ? {} : { file: args.config }),
    env: process.env,
  });
  const rules = loadPack(loaded.ok ? loaded.config.diagnosisFile : loaded.diagnosisFile);
  // Both files at once: who mends one should not learn of the other at the next start.
  for (const one of [loaded, rules]) {
    if (!one.ok) process.stderr.write(`${formatProblems(one.problems, one.source)}\n`);
  }
  if (!loaded.ok || !rules.ok) return 1;
  const { config, source, warnings } = loaded;
  if (args.check === true) {
    const print = (line: string): unknown => process.stdout.write(`${line}\n`);
    return check(config, source, warnings, print, { prometheus: args.prometheus });
  }

  const version = readVersion();
  const log = createLogger(config.log.level);
  for (const warning of warnings) log.warn({ warning }, 'configuration');
  for (const text of notYet(config)) log.warn(text);

  // Before anything takes time: process 1 of a container ignores a signal that it does not ask for. Repeats change nothing: the
  // shutdown is bounded, and cut short it would leave restarts unwritten.
  const ended = new Promise<NodeJS.Signals>((resolve) => {
    process.on('SIGTERM', resolve);
    process.on('SIGINT', resolve);
  });
  /** Why the start failed, said also where the log says nothing. */
  const tellFatal = (fields: object, text: string, plain: string): void => {
    log.fatal(fields, text);
    if (!log.isLevelEnabled('fatal')) process.stderr.write(`${plain}\n`);
  };
  let service: Awaited<ReturnType<typeof buildService>>;
  try {
    service = await buildService(config, rules.pack, log, version);
  } catch (error) {
    if (!(error instanceof LedgerOpenError)) throw error;
    tellFatal({}, error.message, error.message);
    return 1;
  }

  try {
    const address = await service.start();
    const clusters = config.clusters.map(({ name }) => name);
    log.info(
      { address, host: config.server.host, version, configuration: source, clusters },
      'connect-medic is ready',
    );
  } catch (error) {
    const reason = describeError(error);
    const text = `cannot listen on ${config.server.host}:${config.server.port}`;
    tellFatal({ error: reason }, text, `${text}: ${reason}`);
    await service.stop();
    return 1;
  }
  const signal = await ended;
  log.info({ signal }, 'ending: no new work, what is in flight is finished');
  await service.stop();
  log.info('ended');
  return 0;
}

interface Arguments {
  readonly config?: string;
  readonly check?: boolean;
  readonly help?: boolean;
  /** Only with `check`. */
  readonly prometheus: PrometheusOptions | null;
}

function readArguments(): Arguments | null {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string' },
        check: { type: 'boolean' },
        prometheus: { type: 'string' },
        'prometheus-bearer-file': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const { prometheus: url, 'prometheus-bearer-file': bearerFile, ...others } = values;
    return { ...others, prometheus: prometheusOf(url, bearerFile, others.check === true) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return null;
  }
}

/** Throws what is to be said of arguments that do not go together. The URL is not repeated: there may be a password in it. */
function prometheusOf(
  url: string | undefined,
  bearerFile: string | undefined,
  checking: boolean,
): PrometheusOptions | null {
  if (url === undefined) {
    if (bearerFile !== undefined) throw new Error('--prometheus-bearer-file goes with --prometheus');
    return null;
  }
  if (!checking) throw new Error('--prometheus goes with --check: the service itself asks no Prometheus');
  const expected = checkString({ type: 'string', kind: 'url', description: '', maxLength: 0 }, url);
  if (expected !== null) {
    const how = expected.replace('give them under auth', 'a token goes into --prometheus-bearer-file');
    throw new Error(`--prometheus: expected ${how}`);
  }
  return { url: url.replace(/\/+$/, ''), bearerFile: bearerFile ?? null };
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
