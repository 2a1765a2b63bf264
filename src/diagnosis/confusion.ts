import { diagnose, type Pack } from '../core/diagnosis.ts';
import type { Cause, DiagnosisVerdict } from '../core/model.ts';
import { verdictWords } from './rule.ts';

/** A trace, and the verdict that a human gave it. */
export interface Labelled {
  readonly id: string;
  readonly family: string;
  readonly connectorClass: string | null;
  readonly trace: string;
  readonly label: DiagnosisVerdict;
  /** Why this label; empty where nobody said. */
  readonly why: string;
}

/** A labelled trace, and what the pack says of it. */
export interface Judged extends Labelled {
  readonly cause: Cause;
}

/** How many traces of each label (first index) got each verdict (second index). */
export type Confusion = Readonly<Record<DiagnosisVerdict, Readonly<Record<DiagnosisVerdict, number>>>>;

/** Reads labelled traces, one JSON object a line. Throws an `Error` that names the line. */
export function parseLabelled(text: string): Labelled[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new Error(`line ${index + 1} is no JSON`);
    }
    const fields = new Map<string, unknown>(Object.entries(typeof value === 'object' ? (value ?? {}) : {}));
    const text = (key: string): string | null => {
      const field = fields.get(key);
      return typeof field === 'string' ? field : null;
    };
    const trace = text('chain');
    const label = verdictWords.find((word) => word === fields.get('label'));
    if (trace === null || label === undefined) {
      throw new Error(
        `line ${index + 1} has no chain, or no label that is one of ${verdictWords.join(', ')}`,
      );
    }
    return {
      id: text('id') ?? `line ${index + 1}`,
      family: text('family') ?? 'none',
      connectorClass: text('connector_class'),
      trace,
      label,
      why: text('why') ?? '',
    };
  });
}

/** Diagnoses each trace as that of a connector with one failed part. */
export function judgeAll(traces: readonly Labelled[], pack: Pack): Judged[] {
  return traces.flatMap((labelled) => {
    const cause = diagnose([{ trace: labelled.trace }], labelled.connectorClass, pack);
    return cause === null ? [] : [{ ...labelled, cause }];
  });
}

/** Counts labels against verdicts. */
export function confusionOf(judged: readonly Judged[]): Confusion {
  const none = () => ({ transient: 0, permanent: 0, unknown: 0 });
  const counts = { transient: none(), permanent: none(), unknown: none() };
  for (const { label, cause } of judged) counts[label][cause.verdict] += 1;
  return counts;
}

/** Shares in the range 0 to 1; 1 and 0 where there is nothing to judge. */
export interface Score {
  /** Right verdicts of all. */
  readonly right: number;
  /** Of the transient failures, those called permanent: the costly mistake, since it waits for a human in vain. */
  readonly transientCalledPermanent: number;
}

/** The figures that the pack is judged by. */
export function scoreOf(judged: readonly Judged[]): Score {
  const { transient, permanent, unknown } = confusionOf(judged);
  const right = transient.transient + permanent.permanent + unknown.unknown;
  const transients = transient.transient + transient.permanent + transient.unknown;
  return {
    right: judged.length === 0 ? 1 : right / judged.length,
    transientCalledPermanent: transients === 0 ? 0 : transient.permanent / transients,
  };
}
