/**
 * Bounds what slow readers keep in memory: at most so many values are held at once. When there is one more, those who still
 * read the oldest are cut off. Whoever reads as fast as it was written for does not notice; whoever reads slowly on purpose
 * holds up nobody.
 */
export class Held<T extends object> {
  readonly #atMost: number;
  /** Oldest first. For each value, how to cut off those who read it. */
  readonly #readers = new Map<T, Set<() => void>>();

  constructor(atMost: number) {
    this.#atMost = atMost;
  }

  /** Somebody begins to read. Call what is returned when they end. */
  read(value: T, cut: () => void): () => void {
    const readers = this.#readers.get(value) ?? new Set();
    this.#readers.set(value, readers.add(cut));
    for (const [oldest, theirs] of this.#readers) {
      if (this.#readers.size <= this.#atMost) break;
      this.#readers.delete(oldest);
      for (const end of theirs) end();
    }
    return () => {
      readers.delete(cut);
      if (readers.size === 0 && this.#readers.get(value) === readers) this.#readers.delete(value);
    };
  }
}
