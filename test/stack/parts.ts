/**
 * What every part of the real stack needs to be provisioned: one folder, a lock, and folders that are whole or not there.
 */
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasApt, releaseName, unpackPackages } from './debian.ts';

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
export const FOLDER = join(ROOT, '.stack');
const LOCK_WAIT_MS = 15 * 60_000;

/** Runs `work` under the lock; its {@link Problems} become {@link MissingParts}. */
export async function alone<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await locked(work);
  } catch (error) {
    if (error instanceof Problems) throw new MissingParts(error.list, await releaseName());
    throw error;
  }
}

/** Parts that cannot be had here, each in one line. */
export class Problems extends Error {
  readonly list: readonly string[];

  constructor(list: readonly string[]) {
    super(list.join('; '));
    this.list = list;
  }
}

/** Unpacks Debian packages into `folder`, once. `check` throws {@link Problems} for what cannot be used. */
export async function unpackOnce(
  part: string,
  folder: string,
  packages: readonly string[],
  how: string,
  log: Log,
  check: (temporary: string) => Promise<void>,
): Promise<void> {
  const key = `${packages.join(' ')} on ${await releaseName()}`;
  if (await hasStamp(folder, key)) return;
  if (!hasApt()) throw new Problems([`${part}: ${how}`]);
  log(`fetching the Debian packages ${packages.join(', ')}`);
  await replaceFolder(folder, key, async (temporary) => {
    await unpackPackages(packages, temporary).catch((error: Error) => {
      throw new Problems([`${part}: ${how}. ${error.message}`]);
    });
    await rm(join(temporary, 'downloads'), { recursive: true });
    await check(temporary);
  });
}

function stampOf(folder: string): string {
  return join(folder, '.complete');
}

export async function hasStamp(folder: string, key: string): Promise<boolean> {
  return (await readFile(stampOf(folder), 'utf8').catch(() => '')) === key;
}

/** Fills a new folder and puts it in the place of `folder` only once it is whole. */
export async function replaceFolder(
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
export async function locked<T>(work: () => Promise<T>): Promise<T> {
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
