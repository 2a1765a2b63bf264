import assert from 'node:assert/strict';
import type { Config } from '../../src/config/config.ts';
import { formatProblems, type Loaded, loadConfig } from '../../src/config/load.ts';
import type { Environment } from '../../src/config/substitute.ts';

export const CWD = '/work';

/** Files by absolute path, and what else a configuration depends on. */
export interface World {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Environment;
}

function noFile(): never {
  throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
}

/** Loads YAML text as /work/connect-medic.yml, in a world of its own. */
export function load(yaml: string, { files = {}, env = {} }: World = {}): Loaded {
  const all: Record<string, string> = { '/work/connect-medic.yml': yaml, ...files };
  return loadConfig({
    env,
    cwd: CWD,
    readFile: (path) => all[path] ?? noFile(),
    fileVersion: (path) => all[path] ?? noFile(),
  });
}

/** The configuration of YAML text that has to be valid. */
export function valid(yaml: string, world?: World): Config {
  const loaded = load(yaml, world);
  assert.ok(loaded.ok, loaded.ok ? '' : formatProblems(loaded.problems));
  return loaded.config;
}

/** The problems of YAML text, each as `path: expected, got value`. */
export function problems(yaml: string, world?: World): string[] {
  const loaded = load(yaml, world);
  return loaded.ok ? [] : formatProblems(loaded.problems).split('\n  ').slice(1);
}
