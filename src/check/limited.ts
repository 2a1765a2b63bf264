import { inWords } from '../connect/detail.ts';
import { Findings, shown } from './findings.ts';

/** Each part has its own time limits; this is the one behind them, for who waits for the exit status. */
export const PART_AT_MOST_MS = 45_000;

/** What one part found, and what it learned for the parts that judge; null: too little. */
export interface Part<T> {
  readonly findings: Findings;
  readonly facts: T | null;
}

/**
 * Runs one part of `--check` for at most `atMostMs`. Never rejects: neither one that hangs nor a fault in one keeps the others
 * from being told.
 */
export async function limited<T>(
  what: string,
  atMostMs: number,
  work: (findings: Findings) => Promise<T | null>,
): Promise<Part<T>> {
  const findings = new Findings();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<Part<T>>((resolve) => {
    timer = setTimeout(() => {
      // A copy: what the part finds later is not printed any more.
      const told = new Findings();
      told.add(findings.list);
      told.failed(what, `no answer within ${atMostMs / 1_000} s`);
      resolve({ findings: told, facts: null });
    }, atMostMs);
  });
  try {
    return await Promise.race([work(findings).then((facts) => ({ findings, facts })), over]);
  } catch (error) {
    findings.failed(what, `cannot be looked at: ${shown(inWords(error))}`);
    return { findings, facts: null };
  } finally {
    clearTimeout(timer);
  }
}
