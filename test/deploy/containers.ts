/** Builds the Dockerfile and runs containers of it, without a Docker engine: with buildah and podman, through a script beside the project. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isRoot } from '../stack/debian.ts';
import { ROOT } from '../stack/parts.ts';

const run = promisify(execFile);
/** Builds the Dockerfile of its working directory; prints the variables that podman needs. */
const SCRIPT = process.env['CONNECT_MEDIC_BUILD_IMAGE'] ?? join(ROOT, '../shared/container/build-image');
const BUILD_TIMEOUT_MS = 10 * 60_000;
const RUN_TIMEOUT_MS = 60_000;

export interface Finished {
  readonly status: number;
  readonly output: string;
}

/** Why no image can be built here, or false. */
export const cannotBuild: string | false = !existsSync(SCRIPT)
  ? 'no script that builds images: CONNECT_MEDIC_BUILD_IMAGE names one'
  : !isRoot() && 'images are built as root';

export class Image {
  readonly tag: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #containers = new Set<string>();

  private constructor(tag: string, env: NodeJS.ProcessEnv) {
    this.tag = tag;
    this.#env = env;
  }

  /** The first time some two minutes (packages, a base image), then seconds. Throws with the build's last words. */
  static async build(tag: string): Promise<Image> {
    const { stdout } = await run(SCRIPT, [tag], {
      cwd: ROOT,
      timeout: BUILD_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    }).catch((error: { stderr?: string }) => {
      throw new Error(`the image cannot be built: ${String(error.stderr ?? error).slice(-2_000)}`);
    });
    const variables = [...stdout.matchAll(/(CONTAINERS_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]);
    return new Image(`localhost/${tag}`, { ...process.env, ...Object.fromEntries(variables) });
  }

  /** What podman says, whatever its exit status is. */
  async podman(...args: string[]): Promise<Finished> {
    try {
      const options = { env: this.#env, timeout: RUN_TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 };
      const { stdout } = await run('podman', args, options);
      return { status: 0, output: stdout };
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
      if (typeof code !== 'number') throw error;
      return { status: code, output: `${stdout}${stderr}` };
    }
  }

  /** Starts a container in the background; its id. Throws where it cannot be started. */
  async start(options: readonly string[]): Promise<string> {
    const { status, output } = await this.podman('run', '-d', '--pull=never', ...options, this.tag);
    if (status !== 0) throw new Error(output);
    const id = output.trim();
    this.#containers.add(id);
    return id;
  }

  /** Runs a container to its end. */
  async once(options: readonly string[], args: readonly string[] = []): Promise<Finished> {
    return this.podman('run', '--rm', '--pull=never', ...options, this.tag, ...args);
  }

  /** Removes the containers that {@link start} made, and their volumes. */
  async close(): Promise<void> {
    for (const id of this.#containers) await this.podman('rm', '-f', '-v', '-t', '0', id);
  }
}
