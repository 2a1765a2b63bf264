/** Remembers what was computed for a key; of more than `limit` keys the one used longest ago is forgotten. */
export class Memo<T> {
  readonly #limit: number;
  readonly #values = new Map<string, T>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The remembered value, or what `compute` gives, which is then remembered. */
  get(key: string, compute: () => T): T {
    const known = this.#values.get(key);
    // A map keeps the order of insertion: taken out and put back, a key is the youngest.
    if (known !== undefined) {
      this.#values.delete(key);
      this.#values.set(key, known);
      return known;
    }
    const value = compute();
    this.#values.set(key, value);
    if (this.#values.size > this.#limit) {
      const oldest = this.#values.keys().next();
      if (oldest.done !== true) this.#values.delete(oldest.value);
    }
    return value;
  }
}
