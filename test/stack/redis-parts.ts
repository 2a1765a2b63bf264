/** Redis, and the library that shifts a process's clock; see provision.ts. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { command, libraryFolder, missingLibraries, onPath, withLibraries } from './debian.ts';
import { alone, FOLDER, type Log, Problems, unpackOnce } from './parts.ts';

/** With 7.0 came `cluster-port`, which the tests set. */
const MIN_REDIS = 7;

export interface RedisParts {
  /** redis-server; with `--sentinel` it is a Sentinel. */
  server: string;
  cli: string;
  /** What both are to be started with: libraries of the unpacked packages. */
  env: NodeJS.ProcessEnv;
}

/** Redis, for the tests of the Redis ledger. No daemon is started. Throws {@link MissingParts}. */
export async function provisionRedis(log: Log = () => {}): Promise<RedisParts> {
  return alone(() => redisParts(log));
}

/** The library that shifts one process's clock (`LD_PRELOAD`), as a full path. Throws {@link MissingParts}. */
export async function provisionFaketime(log: Log = () => {}): Promise<string> {
  return alone(() => faketimeLibrary(log));
}

async function redisParts(log: Log): Promise<RedisParts> {
  const server = onPath('redis-server');
  const cli = onPath('redis-cli');
  if (server !== undefined && cli !== undefined && (await isRecentRedis(server, process.env))) {
    return { server, cli, env: process.env };
  }
  const how = `put Redis ${MIN_REDIS} or newer (redis-server, redis-cli) on PATH`;
  const folder = join(FOLDER, 'redis');
  // The libraries that a machine without Redis may well lack are fetched along.
  const packages = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'];
  await unpackOnce('Redis', folder, packages, how, log, async (temporary) => {
    const programs = ['redis-server', 'redis-cli'].map((name) => join(temporary, 'usr/bin', name));
    const libraries = await libraryFolder(temporary);
    for (const program of programs) {
      const missing = existsSync(program)
        ? await missingLibraries(program, libraries)
        : ['the program itself'];
      if (missing.length > 0) throw new Problems([`${program} lacks ${missing.join(', ')}: ${how}`]);
    }
    const env = libraries === undefined ? process.env : withLibraries(libraries);
    if (!(await isRecentRedis(programs[0], env))) {
      throw new Problems([`the Redis of this Debian release is too old: ${how}`]);
    }
  });
  const bin = join(folder, 'usr/bin');
  const libraries = await libraryFolder(folder);
  const env = libraries === undefined ? process.env : withLibraries(libraries);
  return { server: join(bin, 'redis-server'), cli: join(bin, 'redis-cli'), env };
}

/** For programs with threads; the plain one would not lock. */
const FAKETIME = 'faketime/libfaketimeMT.so.1';

async function faketimeLibrary(log: Log): Promise<string> {
  const installed = await libraryFolder('/');
  if (installed !== undefined && existsSync(join(installed, FAKETIME))) return join(installed, FAKETIME);
  const how = 'install libfaketime';
  const folder = join(FOLDER, 'faketime');
  await unpackOnce('libfaketime', folder, ['libfaketime'], how, log, async (temporary) => {
    const libraries = await libraryFolder(temporary);
    if (libraries === undefined || !existsSync(join(libraries, FAKETIME))) {
      throw new Problems([`libfaketime: its package holds no ${FAKETIME}: ${how}`]);
    }
  });
  return join((await libraryFolder(folder)) ?? folder, FAKETIME);
}

async function isRecentRedis(server: string | undefined, env: NodeJS.ProcessEnv): Promise<boolean> {
  if (server === undefined) return false;
  const output = await command(server, ['--version'], undefined, env).catch(() => '');
  return Number(/v=(\d+)/.exec(output)?.[1]) >= MIN_REDIS;
}
