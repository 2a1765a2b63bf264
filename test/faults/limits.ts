/** Takes room away from a process that runs: what its kernel lets it have is changed from outside. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { later } from '../replicas/given.ts';

/** Why {@link setLimit} cannot be used here; null: it can. */
export const noLimits = ['/usr/bin/prlimit', '/bin/prlimit'].some((path) => existsSync(path))
  ? null
  : 'there is no prlimit(1) here';

/** Sets a soft limit of a process; the hard one stays, so that it can be taken back without being root. */
export function setLimit(
  pid: number | undefined,
  limit: 'fsize' | 'nofile',
  value: number | 'unlimited',
): void {
  execFileSync('prlimit', ['--pid', String(pid), `--${limit}=${value}:`], { stdio: 'pipe' });
}

export function softLimit(pid: number | undefined, limit: 'fsize' | 'nofile'): number {
  const args = ['--pid', String(pid), `--${limit}`, '--output=SOFT', '--noheadings', '--raw'];
  return Number(execFileSync('prlimit', args, { encoding: 'utf8' }));
}

/** A small file system in memory, gone with the test; null where this process may not mount one. */
export function mountSmall(t: TestContext, size: string): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'connect-medic-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', directory], { stdio: 'pipe' });
  } catch {
    rmSync(directory, { recursive: true });
    return null;
  }
  later(t, async () => {
    execFileSync('umount', ['--lazy', directory], { stdio: 'pipe' });
    rmSync(directory, { recursive: true });
  });
  return directory;
}

/** Makes a mounted file system one that can only be read, or one that can be written again. Nobody may have a file open for writing. */
export function remount(directory: string, how: 'ro' | 'rw'): void {
  execFileSync('mount', ['-o', `remount,${how}`, directory], { stdio: 'pipe' });
}
