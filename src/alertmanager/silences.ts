import { createMatcher, MatcherError } from '../config/matcher.ts';
import { oneLine } from '../connect/detail.ts';
import { maskCredentials } from '../core/diagnosis.ts';
import type { Fit, SilenceSeen } from '../core/suppression.ts';
import type { ListedMatcher, ListedSilence } from './client.ts';

const COMMENT_AT_MOST = 120;
const NAME_AT_MOST = 60;
/** Expressions, and answers of each, that are remembered; at this number all are forgotten. */
const EXPRESSIONS_AT_MOST = 10_000;
const ANSWERS_AT_MOST = 100;

/** Whether a text fits a regular expression as Alertmanager reads it; `unknown` for one that cannot be compiled here. */
export type ExpressionTest = (expression: string, text: string) => Fit;

/**
 * Remembers compiled expressions and their answers: to compile one takes half a millisecond, and the same silences are read
 * every few seconds and matched with the same few labels.
 */
export function rememberingTest(): ExpressionTest {
  const expressions = new Map<
    string,
    { readonly test: ((text: string) => boolean) | null; answers: Map<string, Fit> }
  >();
  return (expression, text) => {
    let known = expressions.get(expression);
    if (known === undefined) {
      if (expressions.size >= EXPRESSIONS_AT_MOST) expressions.clear();
      known = { test: compile(expression), answers: new Map() };
      expressions.set(expression, known);
    }
    if (known.test === null) return 'unknown';
    let answer = known.answers.get(text);
    if (answer === undefined) {
      if (known.answers.size >= ANSWERS_AT_MOST) known.answers.clear();
      answer = known.test(text) ? 'yes' : 'no';
      known.answers.set(text, answer);
    }
    return answer;
  };
}

/**
 * The silences that are active, or may be, ready to be matched by Alertmanager's semantics (`pkg/labels`, `silence`): all
 * matchers have to fit, regular expressions are RE2 and anchored, a missing label is the empty string.
 *
 * What cannot be evaluated (a matcher that cannot be read, an expression that RE2 refuses, a state that nobody knows) makes the
 * silence `unknown`, except where a matcher that can be evaluated says no: then it does not match, whatever the others say.
 */
export function activeSilences(
  listed: readonly ListedSilence[],
  fitsExpression: ExpressionTest = rememberingTest(),
): readonly SilenceSeen[] {
  return listed
    .filter(({ state }) => state === 'active' || state === null)
    .map((silence) => ({
      id: silence.id === '' ? '(without an id)' : oneLine(silence.id, NAME_AT_MOST),
      author: shown(silence.createdBy, NAME_AT_MOST),
      comment: shown(silence.comment, COMMENT_AT_MOST),
      endsAtMs: silence.endsAtMs,
      fit: fitOf(silence, fitsExpression),
      ...namesOf(silence),
    }));
}

/** Nothing where one of them cannot be read: it may be about any label. */
function namesOf({ matchers }: ListedSilence): Pick<SilenceSeen, 'names'> {
  const known = matchers?.filter((matcher) => matcher !== null) ?? [];
  if (matchers === null || known.length < matchers.length) return {};
  return { names: new Set(known.map(({ name }) => name)) };
}

function fitOf({ state, matchers }: ListedSilence, fitsExpression: ExpressionTest): SilenceSeen['fit'] {
  if (matchers === null) return () => 'unknown';
  // Plain ones first: most silences are told from others by them, and cost nothing then.
  const known = matchers
    .filter((matcher) => matcher !== null)
    .sort((a, b) => Number(a.isRegex) - Number(b.isRegex));
  const most: Fit = state === 'active' && known.length === matchers.length ? 'yes' : 'unknown';
  return (labels) => {
    let fit = most;
    for (const matcher of known) {
      const one = fitOfMatcher(matcher, labels, fitsExpression);
      if (one === 'no') return 'no';
      if (one === 'unknown') fit = 'unknown';
    }
    return fit;
  };
}

function fitOfMatcher(
  { name, value, isRegex, isEqual }: ListedMatcher,
  labels: Readonly<Record<string, string>>,
  fitsExpression: ExpressionTest,
): Fit {
  // Not `labels[name] ?? ''`: a label called `constructor` would be found on every object.
  const text = Object.hasOwn(labels, name) ? (labels[name] ?? '') : '';
  const fit = isRegex ? fitsExpression(value, text) : text === value ? 'yes' : 'no';
  if (isEqual || fit === 'unknown') return fit;
  return fit === 'yes' ? 'no' : 'yes';
}

/** null: it cannot be compiled. */
function compile(expression: string): ((text: string) => boolean) | null {
  try {
    return createMatcher('', '=~', expression).test;
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    return null;
  }
}

function shown(text: string, atMost: number): string {
  // Masked before it is cut: half a credential is not recognised as one.
  return oneLine(maskCredentials(text.slice(0, 4_096)), atMost);
}
