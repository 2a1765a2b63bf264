/** Randomness that a seed repeats: the lab prints the same table for the same seed, on every machine. */

/** Numbers from 0 (included) to 1 (excluded). */
export type Random = () => number;

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, enough for drawing a scenario, and short. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/**
 * A draw that belongs to names rather than to an order: the n-th restart of a connector in an incident meets the same fate,
 * whichever policy makes it and whatever else was drawn before.
 */
export function drawOf(...names: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const name of names) {
    for (let shift = 0; shift < 32; shift += 8) {
      hash = Math.imul(hash ^ ((name >>> shift) & 0xff), 0x01000193);
    }
  }
  return seeded(hash)();
}

/** Uniform from `least` to `most`. */
export function between(draw: number, least: number, most: number): number {
  return least + draw * (most - least);
}

/** Uniform in the logarithm: as many outages of one to two hours as of two to four. */
export function logBetween(draw: number, least: number, most: number): number {
  return least * (most / least) ** draw;
}

/** How many events of a mean rate fall into a span (Poisson, by Knuth's product of draws). */
export function poisson(random: Random, mean: number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

/** `count` different members of a list, in random order. */
export function pick<T>(random: Random, list: readonly T[], count: number): T[] {
  const pool = [...list];
  const taken: T[] = [];
  while (taken.length < count && pool.length > 0) {
    taken.push(...pool.splice(Math.floor(random() * pool.length), 1));
  }
  return taken;
}
