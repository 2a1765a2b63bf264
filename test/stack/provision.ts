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
 * | Redis 7 or newer: redis-server (with Sentinel), redis-cli | yes | Debian packages, unpacked into `.stack/` |
 * | libfaketime | from its package | Debian package, unpacked into `.stack/` |
 * | Chromium | yes | Debian packages, installed (root) |
 *
 * Once everything is there it takes a fraction of a second. Each part is made in a temporary folder and renamed at
 * the end, so that an interrupted run leaves nothing half-made; a lock keeps two test processes from doing the
 * same work at once.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { provisionChromium } from './chromium-parts.ts';
import { command, hasApt, installPackages, isRoot, missingLibraries, onPath, releaseName } from './debian.ts';
import {
  alone,
  FOLDER,
  hasStamp,
  type Log,
  locked,
  MissingParts,
  Problems,
  ROOT,
  replaceFolder,
  unpackOnce,
} from './parts.ts';
import { provisionFaketime, provisionRedis } from './redis-parts.ts';

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

const POM = join(import.meta.dirname, 'pom.xml');
const MIN_JAVA = 17;
/** keep_firing_for came with 2.42. */
const MIN_PROMETHEUS = [2, 42] as const;
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
  return alone(() => monitoringParts(log));
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
  const how = `put Prometheus ${MIN_PROMETHEUS.join('.')} or newer (prometheus, promtool) and Alertmanager (alertmanager, amtool) on PATH`;
  await unpackOnce('Prometheus or Alertmanager', folder, packages, how, log, async (temporary) => {
    const { prometheus, promtool, alertmanager, amtool } = unpacked;
    for (const program of [prometheus, promtool, alertmanager, amtool]) {
      const file = join(temporary, program.slice(folder.length));
      const missing = existsSync(file) ? await missingLibraries(file) : ['the program itself'];
      if (missing.length > 0) throw new Problems([`${program} lacks ${missing.join(', ')}: ${how}`]);
    }
    await unpinTemplates(join(temporary, 'usr/bin/prometheus-alertmanager'));
    if (!(await isRecent(join(temporary, 'usr/bin/prometheus')))) {
      throw new Problems([`the Prometheus of this Debian release is too old: ${how}`]);
    }
  });
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

if (import.meta.main) {
  try {
    const say = (line: string) => console.log(line);
    const redis = await provisionRedis(say);
    const faketime = await provisionFaketime(say);
    const chromium = await provisionChromium(say);
    const { server, cli } = redis;
    const parts = { ...(await provision(say)), 'redis-server': server, 'redis-cli': cli, faketime, chromium };
    for (const [part, where] of Object.entries(parts)) console.log(`${part.padEnd(15)} ${where}`);
  } catch (error) {
    console.error(error instanceof MissingParts ? error.message : error);
    process.exitCode = 1;
  }
}
