import type { Findings } from '../config/findings.ts';
import { join, nearest, show } from '../config/problems.ts';
import { compilePattern, PatternError, type Rule, verdictWords } from './rule.ts';

/** A file with more rules was not written by hand. */
const RULES_AT_MOST = 1_000;
/** Longest pattern and longest sentence, in characters. */
const TEXT_AT_MOST = 4_000;

const KEYS = ['id', 'class', 'message', 'connectorClass', 'verdict', 'because', 'do'] as const;
const PATTERNS = ['class', 'message', 'connectorClass'] as const;
/** Ids are values of labels, keys of files and links: they are kept plain. */
const ID = /^[a-z0-9][a-z0-9-]{0,79}$/;

/**
 * Reads a parsed diagnosis file: checks every rule and notes every problem with its path, `rules[3].class`. Returns the
 * rules that are right; they are to be used only when there are no problems. No pattern and no sentence is shown: who names
 * the wrong file must not find it in the log. `checkPattern` throws `PatternError`.
 */
export function readRules(
  value: unknown,
  findings: Findings,
  checkPattern: (pattern: string) => unknown = compilePattern,
): Rule[] {
  if (!(value instanceof Map)) {
    findings.add('', 'a mapping with the key rules', show(value).startsWith('"') ? undefined : show(value));
    return [];
  }
  for (const key of value.keys()) if (key !== 'rules') unknownKey(key, ['rules'], '', findings);
  const list: unknown = value.get('rules');
  // A file whose rules are all commented out.
  if (list === null) return [];
  if (!Array.isArray(list)) {
    findings.add('rules', 'a list of rules', list instanceof Map ? 'a mapping' : undefined);
    return [];
  }
  if (list.length > RULES_AT_MOST) {
    findings.add('rules', `a list of at most ${RULES_AT_MOST}`, `${list.length}`);
    return [];
  }
  const rules: Rule[] = [];
  const firstOf = new Map<string, number>();
  list.forEach((item: unknown, index) => {
    const rule = readRule(item, `rules[${index}]`, findings, checkPattern);
    if (rule === null) return;
    const first = firstOf.get(rule.id);
    if (first === undefined) firstOf.set(rule.id, index);
    else findings.add(`rules[${index}].id`, `an id of its own (rules[${first}] has it)`, show(rule.id));
    rules.push(rule);
  });
  return rules;
}

function readRule(
  value: unknown,
  path: string,
  findings: Findings,
  checkPattern: (pattern: string) => unknown,
): Rule | null {
  if (!(value instanceof Map)) {
    findings.add(path, `a rule: a mapping of ${KEYS.join(', ')}`);
    return null;
  }
  for (const key of value.keys()) {
    if (!KEYS.some((known) => known === key)) unknownKey(key, KEYS, path, findings);
  }
  const text = (key: (typeof KEYS)[number]): string | null => readText(value, key, path, findings);
  const id = text('id');
  if (id !== null && !ID.test(id)) {
    findings.add(`${path}.id`, 'at most 80 small letters, digits and dashes', show(id));
  }
  const because = text('because');
  const todo = text('do');
  const written = text('verdict');
  const verdict = verdictWords.find((word) => word === written);
  if (written !== null && verdict === undefined) {
    findings.add(`${path}.verdict`, `one of ${verdictWords.join(', ')}`, show(written));
  }
  const patterns: { -readonly [K in (typeof PATTERNS)[number]]?: string } = {};
  if (!PATTERNS.some((key) => value.has(key))) {
    findings.add(
      path,
      `at least one of ${PATTERNS.join(', ')}: without, the rule would hold for every failure`,
    );
  }
  for (const key of PATTERNS) {
    if (!value.has(key)) continue;
    const pattern = text(key);
    if (pattern === null) continue;
    try {
      checkPattern(pattern);
      patterns[key] = pattern;
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      findings.add(`${path}.${key}`, error.message);
    }
  }
  if (id === null || because === null || todo === null || verdict === undefined) return null;
  return { id, ...patterns, verdict, because, do: todo };
}

function readText(
  rule: ReadonlyMap<unknown, unknown>,
  key: string,
  path: string,
  findings: Findings,
): string | null {
  const value = rule.get(key);
  if (typeof value === 'string' && value.trim() !== '') {
    if (value.length <= TEXT_AT_MOST) return value;
    findings.add(`${path}.${key}`, `at most ${TEXT_AT_MOST} characters`, `${value.length}`);
    return null;
  }
  const absent = value === undefined ? 'nothing' : undefined;
  findings.add(`${path}.${key}`, 'a text', value === '' ? 'an empty one' : absent);
  return null;
}

function unknownKey(key: unknown, known: readonly string[], path: string, findings: Findings): void {
  const name = typeof key === 'string' ? key : show(key);
  const meant = nearest(name, known);
  const hint = meant === null ? `one of ${known.join(', ')}` : `did you mean ${meant}?`;
  findings.add(join(path, name), `a known key (${hint})`);
}
