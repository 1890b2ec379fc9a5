/** A source of choices, which are the same for the same seed. */
export interface Random {
  /** Returns 0 … `limit` - 1, or 0 for the limit 0. */
  below(limit: number): number;
  /** Returns true once in `of` times. */
  once(of: number): boolean;
  /** Returns one of these values, of which there must be one at least. */
  pick<T>(from: readonly T[]): T;
}

/** mulberry32: a generator with 32 bits of state, which is enough here. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function below(limit: number): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return limit < 1 ? 0 : ((mixed ^ (mixed >>> 14)) >>> 0) % Math.floor(limit);
  }
  return {
    below,
    once: (of) => below(of) === 0,
    pick(from) {
      // The chosen value may be undefined.
      for (const picked of from.slice(below(from.length))) return picked;
      throw new RangeError('nothing to pick from');
    },
  };
}

/** Returns the choices of one iteration, so that it can be replayed without the iterations before. */
export function randomOf(seed: number, iteration: number): Random {
  return createRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(iteration + 1, 0x85ebca6b));
}
