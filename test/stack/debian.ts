/** Programs from Debian packages: unpacked into a folder, or installed. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const COMMAND_TIMEOUT_MS = 10 * 60_000;

/** The first of `names` that is an executable on PATH, as a full path. */
export function onPath(...names: string[]): string | undefined {
  for (const name of names) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      if (folder !== '' && existsSync(join(folder, name))) return join(folder, name);
    }
  }
  return undefined;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Whether packages can be fetched at all; false on anything but Debian and its derivatives. */
export function hasApt(): boolean {
  return onPath('apt-get') !== undefined && onPath('dpkg') !== undefined;
}

/**
 * Fetches packages and unpacks them into `folder` without installing them: no daemon is started, no user made,
 * and no root is needed. Their dependencies are not fetched: libraries that a program needs beyond those of every
 * machine have to be among the packages, which is checked.
 * Throws with the failed command's message.
 */
export async function unpackPackages(packages: readonly string[], folder: string): Promise<void> {
  const downloads = join(folder, 'downloads');
  await mkdir(downloads, { recursive: true });
  // apt gives downloads to its own user, which must be able to write here; else it prints a warning.
  await chmod(downloads, 0o777);
  if (isRoot() && !(await hasPackageLists(packages))) await command('apt-get', ['update', '-q']);
  await command('apt-get', ['download', '-q', ...packages], downloads);
  for (const file of await readdir(downloads)) {
    if (file.endsWith('.deb')) await command('dpkg', ['-x', join(downloads, file), folder]);
  }
}

/** Names of shared libraries that `program` needs and that are neither on this machine nor in `libraryFolder`. */
export async function missingLibraries(program: string, libraryFolder?: string): Promise<string[]> {
  try {
    const env = libraryFolder === undefined ? process.env : withLibraries(libraryFolder);
    const { stdout } = await run('ldd', [program], { env });
    return [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1] ?? '');
  } catch {
    return []; // Statically linked, or no ldd: the program's own start will tell.
  }
}

/** This process's environment, with a folder of unpacked shared libraries put first. */
export function withLibraries(folder: string): NodeJS.ProcessEnv {
  const before = process.env['LD_LIBRARY_PATH'];
  return { ...process.env, LD_LIBRARY_PATH: before ? `${folder}${delimiter}${before}` : folder };
}

/** The folder of a package's shared libraries under `root`: `usr/lib/x86_64-linux-gnu` or its like. */
export async function libraryFolder(root: string): Promise<string | undefined> {
  const lib = join(root, 'usr/lib');
  const names = await readdir(lib).catch(() => []);
  const triplet = names.find((name) => /-linux-gnu/.test(name));
  return triplet === undefined ? undefined : join(lib, triplet);
}

/** Installs packages system-wide, without recommendations. Needs root. Throws with apt's message. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  if (!(await hasPackageLists(packages))) await command('apt-get', ['update', '-q']);
  const args = ['install', '-q', '-y', '--no-install-recommends', ...packages];
  try {
    await command('apt-get', args);
  } catch {
    // Lists that are older than the archive name files that are gone.
    await command('apt-get', ['update', '-q']);
    await command('apt-get', args);
  }
}

/** Runs a program to its end; throws an error that carries its last output. */
export async function command(
  file: string,
  args: readonly string[],
  cwd?: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  try {
    const env = { ...environment, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
    const options = { cwd, env, timeout: COMMAND_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 };
    const { stdout, stderr } = await run(file, args, options);
    return stdout + stderr;
  } catch (error) {
    const output =
      error !== null && typeof error === 'object' && 'stderr' in error && 'stdout' in error
        ? `${error.stdout}${error.stderr}`.trim().split('\n').slice(-8).join('\n')
        : String(error);
    throw new Error(`${file} ${args.slice(0, 3).join(' ')} …: ${output || String(error)}`);
  }
}

/** Version of Debian's release, for messages: "Debian GNU/Linux 12 (bookworm)". */
export async function releaseName(): Promise<string> {
  try {
    const text = await readFile('/etc/os-release', 'utf8');
    return /^PRETTY_NAME="?([^"\n]+)/m.exec(text)?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}

async function hasPackageLists(packages: readonly string[]): Promise<boolean> {
  const { stdout } = await run('apt-cache', ['policy', ...packages]).catch(() => ({ stdout: '' }));
  const candidates = [...stdout.matchAll(/^\s*Candidate: (\S+)/gm)].map((match) => match[1]);
  return candidates.length >= packages.length && candidates.every((version) => version !== '(none)');
}
