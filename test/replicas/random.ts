/** Random numbers that can be drawn again: the same seed, the same numbers. */
export interface Random {
  readonly seed: number;
  /** 0 ≤ n < 1. */
  readonly next: () => number;
  /** A whole number, 0 ≤ n < below. */
  readonly below: (below: number) => number;
}

/** The seed of REPLICAS_SEED, or else a new one. */
export function random(): Random {
  const given = Number(process.env['REPLICAS_SEED']);
  const seed = given > 0 ? given >>> 0 : Math.floor(Math.random() * 0x1_0000_0000);
  let state = seed;
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  return { seed, next, below: (below) => Math.floor(next() * below) };
}
