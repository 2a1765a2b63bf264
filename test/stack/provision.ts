/**
 * Brings what the real stack runs on into the project's own folder `.stack/`, and says where it is.
 *
 *   node test/stack/provision.ts
 *
 * | part | taken from PATH | else |
 * |---|---|---|
 * | Java runtime, 17 or newer; Maven | `java`, `mvn` | Debian packages, installed (root) |
 * | Kafka, Kafka Connect, JMX exporter | never: versions matter | Maven Central, see pom.xml |
 * | Prometheus 2.42 or newer, promtool, Alertmanager, amtool | yes | Debian packages, unpacked into `.stack/` |
 *
 * Once everything is there it takes a fraction of a second. Each part is made in a temporary folder and renamed at
 * the end, so that an interrupted run leaves nothing half-made; a lock keeps two test processes from doing the
 * same work at once.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  command,
  hasApt,
  installPackages,
  isRoot,
  missingLibraries,
  onPath,
  releaseName,
  unpackPackages,
} from './debian.ts';

export interface KafkaParts {
  /** The `java` program. */
  java: string;
  /** Folder with all jars but the agent, for `-cp libsDir/*`. */
  libsDir: string;
  /** The JMX exporter, for `-javaagent:`. */
  agentJar: string;
}

export interface MonitoringParts {
  prometheus: string;
  promtool: string;
  alertmanager: string;
  amtool: string;
  /** Working directory in which Alertmanager finds its templates. */
  alertmanagerCwd: string;
}

export type Log = (line: string) => void;

/** Something is missing that cannot be fetched here; the message names every part and how to get it. */
export class MissingParts extends Error {
  override name = 'MissingParts';

  constructor(problems: readonly string[], system: string) {
    const list = problems.map((problem) => `  - ${problem}`).join('\n');
    super(`the real stack cannot be set up on this machine (${system}):\n${list}`);
  }
}

export const ROOT = resolve(import.meta.dirname, '../..');
const FOLDER = join(ROOT, '.stack');
const POM = join(import.meta.dirname, 'pom.xml');
const MIN_JAVA = 17;
/** keep_firing_for came with 2.42. */
const MIN_PROMETHEUS = [2, 42] as const;
const LOCK_WAIT_MS = 15 * 60_000;

/** Everything that {@link startStack} needs. Throws {@link MissingParts}. */
export async function provision(log: Log = () => {}): Promise<KafkaParts & MonitoringParts> {
  const problems: string[] = [];
  const collect = (error: unknown): undefined => {
    if (!(error instanceof Problems)) throw error;
    problems.push(...error.list);
  };
  const [kafka, monitoring] = await locked(async () => [
    await kafkaParts(log).catch(collect),
    await monitoringParts(log).catch(collect),
  ]);
  if (kafka === undefined || monitoring === undefined) throw new MissingParts(problems, await releaseName());
  return { ...kafka, ...monitoring };
}

/** Prometheus and Alertmanager with their tools, without Kafka: for the tests of rules/. Throws {@link MissingParts}. */
export async function provisionMonitoring(log: Log = () => {}): Promise<MonitoringParts> {
  try {
    return await locked(() => monitoringParts(log));
  } catch (error) {
    if (error instanceof Problems) throw new MissingParts(error.list, await releaseName());
    throw error;
  }
}

class Problems extends Error {
  readonly list: readonly string[];

  constructor(list: readonly string[]) {
    super(list.join('; '));
    this.list = list;
  }
}

async function kafkaParts(log: Log): Promise<KafkaParts> {
  const pom = await readFile(POM, 'utf8');
  const libs = join(FOLDER, 'kafka');
  const parts = { libsDir: join(libs, 'libs'), agentJar: join(libs, 'jmx-exporter.jar') };
  const key = createHash('sha256').update(pom).digest('hex');
  const complete = await hasStamp(libs, key);
  let java = await findJava();
  const needed: string[] = [];
  if (java === undefined) needed.push('default-jre-headless');
  if (!complete && onPath('mvn') === undefined) needed.push('maven');
  if (needed.length > 0) {
    const how = `install ${needed.join(' and ')} (a Java runtime ${MIN_JAVA} or newer; Maven is needed once)`;
    if (!hasApt()) throw new Problems([`Java or Maven: ${how}`]);
    if (!isRoot()) throw new Problems([`Java or Maven: as root, apt-get install ${needed.join(' ')}`]);
    log(`installing ${needed.join(', ')}`);
    await installPackages(needed).catch((error: Error) => {
      throw new Problems([`Java or Maven: ${how}. ${error.message}`]);
    });
    java = await findJava();
  }
  if (java === undefined) throw new Problems([`Java: no runtime ${MIN_JAVA} or newer on PATH`]);
  if (complete) return { java, ...parts };

  log('fetching Kafka, Kafka Connect and the JMX exporter from Maven Central');
  await replaceFolder(libs, key, async (temporary) => {
    const target = join(temporary, 'libs');
    await command('mvn', [
      '-B',
      '-ntp',
      '-Dstyle.color=never',
      '-q',
      '-f',
      POM,
      'dependency:copy-dependencies',
      `-DoutputDirectory=${target}`,
      '-DincludeScope=runtime',
    ]).catch((error: Error) => {
      throw new Problems([`Kafka's jars: Maven could not resolve ${POM}. ${error.message}`]);
    });
    // Not on the class path: its bundled classes would shadow others.
    const version = /<jmx\.agent\.version>([^<]+)</.exec(pom)?.[1] ?? '';
    await rename(
      join(target, `jmx_prometheus_javaagent-${version}.jar`),
      join(temporary, 'jmx-exporter.jar'),
    );
  });
  return { java, ...parts };
}

async function monitoringParts(log: Log): Promise<MonitoringParts> {
  const installed = {
    prometheus: onPath('prometheus'),
    promtool: onPath('promtool'),
    alertmanager: onPath('alertmanager', 'prometheus-alertmanager'),
    amtool: onPath('amtool'),
  };
  const { prometheus, promtool, alertmanager, amtool } = installed;
  const hasPrometheus = promtool !== undefined && (await isRecent(prometheus));
  const hasAlertmanager = alertmanager !== undefined && amtool !== undefined;
  if (prometheus !== undefined && hasPrometheus && hasAlertmanager) {
    return { prometheus, promtool, alertmanager, amtool, alertmanagerCwd: ROOT };
  }
  // One folder for both: a program on PATH is still preferred, part by part.
  const packages = ['prometheus', 'prometheus-alertmanager'];
  const folder = join(FOLDER, 'debian');
  const bin = join(folder, 'usr/bin');
  const unpacked: MonitoringParts = {
    prometheus: join(bin, 'prometheus'),
    promtool: join(bin, 'promtool'),
    alertmanager: join(bin, 'prometheus-alertmanager'),
    amtool: join(bin, 'amtool'),
    alertmanagerCwd: folder,
  };
  const key = `${packages.join(' ')} on ${await releaseName()}`;
  if (!(await hasStamp(folder, key))) {
    const how = `put Prometheus ${MIN_PROMETHEUS.join('.')} or newer (prometheus, promtool) and Alertmanager (alertmanager, amtool) on PATH`;
    if (!hasApt()) throw new Problems([`Prometheus or Alertmanager: ${how}`]);
    log(`fetching the Debian packages ${packages.join(', ')}`);
    await replaceFolder(folder, key, async (temporary) => {
      await unpackPackages(packages, temporary).catch((error: Error) => {
        throw new Problems([`Prometheus or Alertmanager: ${how}. ${error.message}`]);
      });
      await rm(join(temporary, 'downloads'), { recursive: true });
      for (const program of [
        unpacked.prometheus,
        unpacked.promtool,
        unpacked.alertmanager,
        unpacked.amtool,
      ]) {
        const file = join(temporary, program.slice(folder.length));
        const missing = existsSync(file) ? await missingLibraries(file) : ['the program itself'];
        if (missing.length > 0) throw new Problems([`${program} lacks ${missing.join(', ')}: ${how}`]);
      }
      await unpinTemplates(join(temporary, 'usr/bin/prometheus-alertmanager'));
      if (!(await isRecent(join(temporary, 'usr/bin/prometheus')))) {
        throw new Problems([`the Prometheus of this Debian release is too old: ${how}`]);
      }
    });
  }
  return {
    prometheus: hasPrometheus && prometheus !== undefined ? prometheus : unpacked.prometheus,
    promtool: hasPrometheus ? promtool : unpacked.promtool,
    alertmanager: hasAlertmanager ? alertmanager : unpacked.alertmanager,
    amtool: hasAlertmanager ? amtool : unpacked.amtool,
    alertmanagerCwd: hasAlertmanager ? ROOT : unpacked.alertmanagerCwd,
  };
}

/**
 * Debian's Alertmanager reads its templates from a fixed absolute path, where they are only once the package is
 * installed. The path is made relative, in the same number of bytes; the program then wants its working directory
 * to be the one that the package was unpacked to.
 */
async function unpinTemplates(program: string): Promise<void> {
  const absolute = '/usr/share/prometheus/alertmanager';
  const relative = 'usr//share/prometheus/alertmanager';
  const bytes = await readFile(program);
  for (let at = bytes.indexOf(absolute); at >= 0; at = bytes.indexOf(absolute, at)) {
    bytes.write(relative, at, 'latin1');
  }
  await writeFile(program, bytes);
}

async function findJava(): Promise<string | undefined> {
  const home = process.env['JAVA_HOME'];
  const candidates = [home === undefined ? undefined : join(home, 'bin/java'), onPath('java')];
  for (const java of candidates) {
    if (java === undefined || !existsSync(java)) continue;
    const output = await command(java, ['-version']).catch(() => '');
    if (Number(/version "(\d+)/.exec(output)?.[1]) >= MIN_JAVA) return java;
  }
  return undefined;
}

async function isRecent(prometheus: string | undefined): Promise<boolean> {
  if (prometheus === undefined) return false;
  const output = await command(prometheus, ['--version']).catch(() => '');
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(output) ?? [];
  const newer = Number(major) - MIN_PROMETHEUS[0];
  return newer > 0 || (newer === 0 && Number(minor) >= MIN_PROMETHEUS[1]);
}

function stampOf(folder: string): string {
  return join(folder, '.complete');
}

async function hasStamp(folder: string, key: string): Promise<boolean> {
  return (await readFile(stampOf(folder), 'utf8').catch(() => '')) === key;
}

/** Fills a new folder and puts it in the place of `folder` only once it is whole. */
async function replaceFolder(
  folder: string,
  key: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${folder}.new`; // The lock is held: what is there was left by an interrupted run.
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    await fill(temporary);
    await writeFile(stampOf(temporary), key);
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Runs `work` while no other process provisions. A lock whose holder is gone is taken over. */
async function locked<T>(work: () => Promise<T>): Promise<T> {
  const lock = join(FOLDER, 'lock');
  await mkdir(dirname(lock), { recursive: true });
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      const handle = await open(lock, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      if (await isAbandoned(lock)) await rm(lock, { force: true });
      else if (Date.now() > deadline) throw new Error(`another process holds ${lock} for too long`);
      else await sleep(100);
    }
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function isAbandoned(lock: string): Promise<boolean> {
  const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
  // Empty: made this instant, its holder has not written yet; or the holder died in that instant, which the
  // deadline ends.
  if (!Number.isInteger(holder) || holder <= 0) return false;
  try {
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

if (import.meta.main) {
  try {
    const parts = await provision((line) => console.log(line));
    for (const [part, where] of Object.entries(parts)) console.log(`${part.padEnd(12)} ${where}`);
  } catch (error) {
    console.error(error instanceof MissingParts ? error.message : error);
    process.exitCode = 1;
  }
}
