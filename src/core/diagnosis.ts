import type { Cause, DiagnosisVerdict } from './model.ts';
import { maskThrown, signatureOf } from './signature.ts';
import { innermost, readTrace, type Thrown } from './trace.ts';

export { mask, maskCredentials } from './mask.ts';
export { signatureOf, simpleClassName } from './signature.ts';

/** What a rule of the pack says of the traces that it matches. */
export interface Advice {
  /** The rule. */
  readonly id: string;
  readonly verdict: DiagnosisVerdict;
  /** Why, in one sentence. */
  readonly because: string;
  /** What a human should do. */
  readonly do: string;
}

/** The ordered rules, ready for use. Compiled outside the core (see src/diagnosis/), since it needs a regular expression engine. */
export interface Pack {
  /** The first rule that holds for a trace, null where none does. `chain` is from the outermost exception to the innermost. */
  readonly judge: (chain: readonly Thrown[], connectorClass: string | null) => Advice | null;
  /** The rule of an id, for showing `because` and `do`; null where the pack has none (any more). */
  readonly advice: (id: string) => Advice | null;
}

/** No rules: every cause is `unknown`. */
export const emptyPack: Pack = { judge: () => null, advice: () => null };

/** A failed part of a connector, as far as a diagnosis needs it. */
export interface FailedPart {
  readonly trace: string | null;
}

/** A diagnosis: what is kept of the cause, and what groups it with others (see signature.ts). */
export interface Diagnosis {
  readonly cause: Cause;
  /** null where the trace is missing or empty: such a failure is never grouped. */
  readonly signature: string | null;
}

/**
 * The root cause of a trace: class and masked message of the innermost exception. Any text is taken: what is no Java trace
 * gives the class `unknown` and its text.
 */
export function rootCause(trace: string | null): Pick<Cause, 'class' | 'message'> {
  return shown(innermost(readTrace(trace)));
}

/**
 * The diagnosis of a failure with one or more failed parts (the connector instance first, then its tasks); null without any.
 *
 * A restart is for all of them together, so it is hopeless only if it is hopeless for each: the verdict is `transient` if
 * any part's is, else `unknown` if any part's is (a part without a trace is), else `permanent`. The cause and the signature
 * are those of the first part with this verdict, a part with a trace before one without: what is shown is what decided.
 */
export function examine(
  parts: readonly FailedPart[],
  connectorClass: string | null,
  pack: Pack,
): Diagnosis | null {
  let best: Diagnosis | null = null;
  const seen = new Set<string | null>();
  for (const { trace } of parts) {
    // Tasks of one connector mostly fail alike.
    if (seen.has(trace)) continue;
    seen.add(trace);
    const diagnosis = examineTrace(trace, connectorClass, pack);
    if (best === null || rank(diagnosis) < rank(best)) best = diagnosis;
  }
  return best;
}

/** The cause alone; see `examine`. */
export function diagnose(
  parts: readonly FailedPart[],
  connectorClass: string | null = null,
  pack: Pack = emptyPack,
): Cause | null {
  return examine(parts, connectorClass, pack)?.cause ?? null;
}

function examineTrace(trace: string | null, connectorClass: string | null, pack: Pack): Diagnosis {
  const chain = readTrace(trace);
  const root = innermost(chain);
  const advice = chain.length === 0 ? null : pack.judge(chain, connectorClass);
  return {
    cause: { ...shown(root), verdict: advice?.verdict ?? 'unknown', rule: advice?.id ?? null },
    signature: chain.length === 0 ? null : signatureOf(root, connectorClass),
  };
}

function shown(root: Thrown): Pick<Cause, 'class' | 'message'> {
  return { class: root.class, message: maskThrown(root).text };
}

/** The smaller, the more it decides. */
function rank({ cause, signature }: Diagnosis): number {
  const verdict = { transient: 0, unknown: 2, permanent: 4 }[cause.verdict];
  return signature === null ? verdict + 1 : verdict;
}
