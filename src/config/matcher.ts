import { RE2JS } from 're2js';

/** As in Prometheus and Alertmanager: equal, not equal, matches the regular expression, does not. */
export type MatcherOp = '=' | '!=' | '=~' | '!~';

/** One label matcher: `name op value`. Made by `parseMatcher` or `createMatcher`, which compile the expression once. */
export interface Matcher {
  readonly name: string;
  readonly op: MatcherOp;
  readonly value: string;
  /** Whether a label's value fits; a missing label is the empty string. */
  readonly test: (value: string) => boolean;
}

/** A text that is no matcher; the message says why and does not repeat the text. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError';
}

// Alertmanager's classic parser (pkg/labels/parse.go). `=~` before `=`, or the `~` would be part of the value.
// White space is Go's: no wider than in Alertmanager.
const SYNTAX =
  /^[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*(.*?)[\t\n\f\r ]*$/s;

/**
 * Reads `connector=~"legacy-.*"` as Alertmanager's classic parser does: white space around the parts is optional, the
 * value may stand without quotes, `\n`, `\"` and `\\` are escapes and any other backslash is itself (so that `\d` works).
 * Throws `MatcherError`.
 */
export function parseMatcher(text: string): Matcher {
  const parts = SYNTAX.exec(text);
  if (parts === null) throw new MatcherError('a label name, one of = != =~ !~ and a value');
  const [, name = '', op = '=', raw = ''] = parts;
  return createMatcher(name, op as MatcherOp, unquote(raw));
}

/**
 * A matcher from its parts, as Alertmanager's API gives them. Regular expressions are RE2, linear in time, and anchored at
 * both ends. Throws `MatcherError`.
 */
export function createMatcher(name: string, op: MatcherOp, value: string): Matcher {
  if (op === '=') return { name, op, value, test: (given) => given === value };
  if (op === '!=') return { name, op, value, test: (given) => given !== value };
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(`^(?:${value})$`);
  } catch (error) {
    // Only the kind of mistake: the rest of re2js's message quotes the expression.
    const why = error instanceof Error ? /regexp: ([^:`]+)/.exec(error.message)?.[1] : undefined;
    throw new MatcherError(`a regular expression in RE2's syntax${why === undefined ? '' : ` (${why})`}`);
  }
  const wanted = op === '=~';
  return { name, op, value, test: (given) => compiled.matcher(given).find() === wanted };
}

/** Whether labels fit a matcher. A missing label is the empty string, so `team!="a"` fits labels without `team`. */
export function matches(matcher: Matcher, labels: Readonly<Record<string, string>>): boolean {
  // Not `labels[name] ?? ''`: a label called `constructor` would be found on every object.
  return matcher.test(Object.hasOwn(labels, matcher.name) ? (labels[matcher.name] ?? '') : '');
}

/** Whether labels fit every matcher; no matcher at all fits everything. */
export function matchesAll(matchers: readonly Matcher[], labels: Readonly<Record<string, string>>): boolean {
  return matchers.every((matcher) => matches(matcher, labels));
}

/** Writes a matcher as `parseMatcher` reads it back. */
export function formatMatcher({ name, op, value }: Pick<Matcher, 'name' | 'op' | 'value'>): string {
  const quoted = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `${name}${op}"${quoted}"`;
}

function unquote(raw: string): string {
  const quoted = raw.startsWith('"');
  const text = quoted ? raw.slice(1) : raw;
  let value = '';
  let closed = !quoted;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    const last = index === text.length - 1;
    if (char === '\\' && !last) {
      index += 1;
      const escaped = text.charAt(index);
      if (escaped === 'n') value += '\n';
      else if (escaped === '"' || escaped === '\\') value += escaped;
      // A spurious escape: Alertmanager keeps both characters.
      else value += `\\${escaped}`;
    } else if (char === '"') {
      if (!quoted || !last) throw new MatcherError('a value whose double quotes inside are escaped as \\"');
      closed = true;
    } else value += char;
  }
  if (!closed) throw new MatcherError('a value with a closing double quote');
  return value;
}
