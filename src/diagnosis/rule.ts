import { RE2JS } from 're2js';
import type { DiagnosisVerdict } from '../core/model.ts';

/** A rule as a diagnosis file writes it; see rules/diagnosis.yml for the format. */
export interface Rule {
  readonly id: string;
  /** RE2, anchored at both ends: any class that the chain names. */
  readonly class?: string;
  /** RE2, unanchored: any message of the chain, each on one line. */
  readonly message?: string;
  /** RE2, anchored at both ends. A connector whose class is not known fits no such rule. */
  readonly connectorClass?: string;
  readonly verdict: DiagnosisVerdict;
  /** Why, in one sentence. */
  readonly because: string;
  /** What a human should do. */
  readonly do: string;
}

export const verdictWords = ['transient', 'permanent', 'unknown'] as const;

/** A regular expression that does not compile; the message says why and does not repeat it. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** Compiles a pattern for `testExact` (anchored) or `test`. Throws `PatternError`. */
export function compilePattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    // Only the kind of mistake: the rest of re2js's message quotes the expression.
    const why = error instanceof Error ? /regexp: ([^:`]+)/.exec(error.message)?.[1]?.trim() : undefined;
    throw new PatternError(`a regular expression in RE2's syntax${why === undefined ? '' : ` (${why})`}`);
  }
}
