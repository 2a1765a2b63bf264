import { resolve } from 'node:path';
import { checkConfig } from './checks.ts';
import { compileConfig, warningsOf } from './compile.ts';
import type { Config } from './config.ts';
import { reasonOf } from './credentials.ts';
import { Findings } from './findings.ts';
import type { Problem } from './problems.ts';
import { readConfig } from './read.ts';
import { type FileAccess, realFiles } from './secret.ts';
import type { Environment } from './substitute.ts';
import { parseYaml } from './yaml.ts';

export { formatProblems, type Problem } from './problems.ts';

/** Where a configuration is looked for. */
export interface LoadOptions {
  /** `--config FILE`. */
  readonly file?: string;
  readonly env: Environment;
  /** Reads a file as text and throws what `node:fs` throws; default: the file system. */
  readonly readFile?: (path: string) => string;
  /** Changes when a file does; default: from its modification time. */
  readonly fileVersion?: (path: string) => string;
  /** What relative paths begin at; default: the working directory. */
  readonly cwd?: string;
}

/** A configuration ready for use, or everything that is wrong with it. `source` names where it came from. */
export type Loaded =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly source: string;
      readonly warnings: readonly string[];
    }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      readonly source: string;
      /** `diagnosisFile` where that key is right, so that its problems can be told as well. */
      readonly diagnosisFile: string | null;
    };

/** Taken when no file is named, if there is one. */
const DEFAULT_FILE = './connect-medic.yml';

/**
 * Loads the configuration: the file given, else the one that CONNECT_MEDIC_CONFIG names, else ./connect-medic.yml if there
 * is one, else the defaults. Never throws for what an operator can get wrong: all problems are returned at once.
 */
export function loadConfig(options: LoadOptions): Loaded {
  const { env, cwd = process.cwd() } = options;
  const files: FileAccess = {
    read: options.readFile ?? realFiles.read,
    version: options.fileVersion ?? realFiles.version,
  };
  const named = options.file ?? (env['CONNECT_MEDIC_CONFIG'] || undefined);
  const source = named ?? DEFAULT_FILE;
  let text: string;
  try {
    text = files.read(resolve(cwd, source));
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (named === undefined && absent) return finish(new Map(), 'defaults', env, cwd, files);
    return failed(source, [{ path: '', expected: `a file that can be read (${reasonOf(error)})` }]);
  }
  const yaml = parseYaml(text);
  if (!yaml.ok) return failed(source, yaml.problems);
  const value = yaml.value ?? new Map();
  if (!(value instanceof Map)) {
    const got = Array.isArray(value) ? 'a list' : 'a single value';
    return failed(source, [{ path: '', expected: 'a mapping of keys', value: got }]);
  }
  return finish(value, source, env, cwd, files);
}

function finish(value: unknown, source: string, env: Environment, cwd: string, files: FileAccess): Loaded {
  const findings = new Findings();
  const raw = readConfig(value, env, findings);
  const secrets = checkConfig(raw, { files, cwd, findings });
  const problems = findings.problems();
  if (problems.length > 0) {
    const { diagnosisFile: own } = raw;
    const readable = own !== undefined && !findings.isBad('diagnosisFile');
    return failed(source, problems, readable ? resolve(cwd, own) : null);
  }
  return { ok: true, config: compileConfig(raw, secrets, cwd), source, warnings: warningsOf(raw) };
}

function failed(source: string, problems: readonly Problem[], diagnosisFile: string | null = null): Loaded {
  return { ok: false, problems, source, diagnosisFile };
}
