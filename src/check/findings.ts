import { oneLine } from '../connect/detail.ts';
import { maskCredentials } from '../core/diagnosis.ts';

/** One line of `--check`. */
export type Finding =
  /** What was tried, and what was found. `failed`: it cannot be used, or keeps remediation from working for certain. */
  | { readonly kind: 'ok' | 'failed'; readonly what: string; readonly found: string }
  /** Worth knowing, or not certain. */
  | { readonly kind: 'note'; readonly text: string };

/** What one part of `--check` found, in the order in which it is printed. */
export class Findings {
  #list: Finding[] = [];

  get list(): readonly Finding[] {
    return this.#list;
  }

  ok(what: string, found: string): void {
    this.#list.push({ kind: 'ok', what, found });
  }

  failed(what: string, found: string): void {
    this.#list.push({ kind: 'failed', what, found });
  }

  note(text: string): void {
    this.#list.push({ kind: 'note', text });
  }

  /** Appends what another part found. */
  add(others: readonly Finding[]): void {
    this.#list.push(...others);
  }
}

/** A finding as it is printed. */
export function lineOf(finding: Finding): string {
  if (finding.kind === 'note') return `note    ${finding.text}`;
  return `${finding.kind === 'ok' ? 'ok    ' : 'FAILED'}  ${finding.what}: ${finding.found}`;
}

/** What others wrote (labels, names, messages), fit to be printed: one short line without credentials. */
export function shown(text: string): string {
  return maskCredentials(oneLine(text));
}

/** `1 alert`, `2 alerts`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** Names in a sentence; of many only the first few. */
export function names(list: Iterable<string>, atMost = 8): string {
  const all = [...list];
  const first = all.slice(0, atMost).map(shown).join(', ');
  return all.length > atMost ? `${first} and ${all.length - atMost} more` : first;
}
