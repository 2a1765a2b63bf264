import { type Problem, show } from './problems.ts';

/** Shorter ones are found inside innocent words. */
const SECRET_LENGTH_AT_LEAST = 4;
/** So much of a long secret is enough to know it by. */
const SECRET_HEAD = 16;

/** All problems of one configuration, which of its keys cannot be trusted, and the secrets that must not be shown. */
export class Findings {
  readonly #problems: Problem[] = [];
  readonly #bad = new Set<string>();
  readonly #secrets: string[] = [];

  /** Notes a problem of a key by itself; checks that involve the key are then left out. */
  add(path: string, expected: string, shown?: string): void {
    this.#bad.add(path);
    this.#problems.push({ path, expected, ...(shown === undefined ? {} : { value: shown }) });
  }

  /** Notes a contradiction, unless a key that is involved has a problem of its own: that one comes first. */
  contradiction(path: string, involved: readonly string[], expected: string, value?: unknown): void {
    if ([path, ...involved].some((one) => this.isBad(one))) return;
    this.#problems.push({ path, expected, ...(value === undefined ? {} : { value: show(value) }) });
  }

  /** Whether a key is there: with a value, or with a problem in its place. */
  isGiven(value: unknown, path: string): boolean {
    return value !== undefined || this.#bad.has(path);
  }

  /** Whether the key, or what it is in, has a problem. */
  isBad(path: string): boolean {
    if (this.#bad.has(path)) return true;
    for (const bad of this.#bad) {
      if (path.startsWith(bad) && /^[.[]/.test(path.slice(bad.length))) return true;
    }
    return false;
  }

  /** From now on no problem shows this text. */
  keepSecret(value: string): void {
    if (value.length >= SECRET_LENGTH_AT_LEAST) this.#secrets.push(value.slice(0, SECRET_HEAD));
  }

  /** The problems found; a value in which one of the secrets appears is left out. */
  problems(): Problem[] {
    // As printed: a secret with quotes in it is escaped there.
    const heads = this.#secrets.map((head) => JSON.stringify(head).slice(1, -1));
    return this.#problems.map((problem) => {
      const { path, expected, value } = problem;
      return value !== undefined && heads.some((head) => value.includes(head)) ? { path, expected } : problem;
    });
  }
}
