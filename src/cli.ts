import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { check, notYet } from './check.ts';
import { formatProblems, loadConfig } from './config/load.ts';
import { loadPack } from './diagnosis/load.ts';
import { LedgerOpenError } from './ledger/open-error.ts';
import { createLogger, describeError } from './log.ts';
import { buildService } from './service.ts';

const USAGE = `Usage: node src/main.ts [--config FILE] [--check]

  --config FILE   the configuration; else CONNECT_MEDIC_CONFIG, else ./connect-medic.yml if there is one, else defaults
  --check         validate the configuration, try every URL in it, print what was found; exit 0 or 1
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
  if (!loaded.ok) {
    process.stderr.write(`${formatProblems(loaded.problems, loaded.source)}\n`);
    return 1;
  }
  const { config, source, warnings } = loaded;
  const rules = loadPack(config.diagnosisFile);
  if (!rules.ok) {
    process.stderr.write(`${formatProblems(rules.problems, rules.source)}\n`);
    return 1;
  }
  if (args.check === true)
    return check(config, source, warnings, (line) => process.stdout.write(`${line}\n`));

  const version = readVersion();
  const log = createLogger(config.log.level);
  for (const warning of warnings) log.warn({ warning }, 'configuration');
  for (const text of notYet(config)) log.warn(text);

  // Before anything takes time: process 1 of a container ignores a signal that it does not ask for.
  const ended = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  let service: Awaited<ReturnType<typeof buildService>>;
  try {
    service = await buildService(config, rules.pack, log, version);
  } catch (error) {
    if (!(error instanceof LedgerOpenError)) throw error;
    log.fatal(error.message);
    return 1;
  }

  try {
    const address = await service.start();
    const clusters = config.clusters.map(({ name }) => name);
    log.info({ address, version, configuration: source, clusters }, 'connect-medic is ready');
  } catch (error) {
    log.fatal(
      { error: describeError(error) },
      `cannot listen on ${config.server.host}:${config.server.port}`,
    );
    await service.stop();
    return 1;
  }
  const signal = await ended;
  log.info({ signal }, 'ending: no new work, what is in flight is finished');
  await service.stop();
  log.info('ended');
  return 0;
}

function readArguments(): { config?: string; check?: boolean; help?: boolean } | null {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string' },
        check: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return null;
  }
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
