import { fileURLToPath } from 'node:url';
import { reasonOf } from '../config/credentials.ts';
import { Findings } from '../config/findings.ts';
import type { Problem } from '../config/problems.ts';
import { realFiles } from '../config/secret.ts';
import { parseYaml } from '../config/yaml.ts';
import type { Pack } from '../core/diagnosis.ts';
import { compilePack } from './pack.ts';
import { readRules } from './read.ts';
import type { Rule } from './rule.ts';

/** The pack that comes with connect-medic. */
export const SHIPPED_FILE = fileURLToPath(new URL('../../rules/diagnosis.yml', import.meta.url));

/** The rules of a file, or everything that is wrong with it. */
export type RulesLoaded =
  | { readonly ok: true; readonly rules: readonly Rule[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly source: string };

/** A pack ready for use, or everything that is wrong with the first file that has problems. */
export type PackLoaded =
  | {
      readonly ok: true;
      readonly pack: Pack;
      /** In the order in which they are tested. */
      readonly rules: readonly Rule[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly source: string };

/**
 * Loads the user's own rules (`diagnosisFile` of the configuration; null: none) and, after them, the shipped ones. An own rule
 * with the id of a shipped one replaces it. Never throws for what an operator can get wrong: print the problems with
 * `formatProblems(problems, source)`. `readFile` throws what `node:fs` throws; default: the file system, at most 1 MiB.
 */
export function loadPack(ownFile: string | null, readFile = realFiles.read): PackLoaded {
  const own: RulesLoaded = ownFile === null ? { ok: true, rules: [] } : loadRules(ownFile, readFile);
  if (!own.ok) return own;
  // Its patterns are checked by our tests: to compile them all at each start is a second's work and its garbage.
  const shipped = loadRules(SHIPPED_FILE, readFile, () => undefined);
  if (!shipped.ok) return shipped;
  const ownIds = new Set(own.rules.map(({ id }) => id));
  const rules = [...own.rules, ...shipped.rules.filter(({ id }) => !ownIds.has(id))];
  return { ok: true, pack: compilePack(rules), rules };
}

/** Reads and checks one diagnosis file. */
export function loadRules(
  file: string,
  readFile = realFiles.read,
  checkPattern?: (pattern: string) => unknown,
): RulesLoaded {
  const failed = (problems: readonly Problem[]): RulesLoaded => ({ ok: false, problems, source: file });
  let text: string;
  try {
    text = readFile(file);
  } catch (error) {
    return failed([{ path: '', expected: `a file that can be read (${reasonOf(error)})` }]);
  }
  const yaml = parseYaml(text);
  if (!yaml.ok) return failed(yaml.problems);
  const findings = new Findings();
  const rules = readRules(yaml.value, findings, checkPattern);
  const problems = findings.problems();
  return problems.length > 0 ? failed(problems) : { ok: true, rules };
}
