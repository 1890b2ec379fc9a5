/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of several values, by a number from 0 to 1. */
export function pick<T>(values: readonly [T, ...T[]], random: number): T {
  return values[Math.floor(random * values.length)] ?? values[0];
}
