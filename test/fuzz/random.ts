/** A source of choices that gives the same ones for the same seed. */
export interface Random {
  /** 0 … `limit` - 1; 0 where the limit is none. */
  below(limit: number): number;
  /** True once in `of` times. */
  once(of: number): boolean;
  /** One of these, of which there must be some. */
  pick<T>(from: readonly T[]): T;
}

/** mulberry32: 32 bits of state, good enough to choose what to break. */
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
      // One that is undefined may be picked too
      for (const picked of from.slice(below(from.length))) return picked;
      throw new RangeError('nothing to pick from');
    },
  };
}

/** The choices of one iteration: its own, so that it can be replayed without those before it. */
export function randomOf(seed: number, iteration: number): Random {
  return createRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(iteration + 1, 0x85ebca6b));
}
