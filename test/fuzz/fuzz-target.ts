import { messageOf } from '../../src/errors.ts';
import { randomOf } from './random.ts';
import type { Input, OpenTarget, Target } from './target.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** The first iteration; default 0. */
  readonly from?: number;
  /** How many, at most. */
  readonly iterations?: number;
  /** Stops after so many milliseconds. */
  readonly milliseconds?: number;
  /** Told before each iteration: a watchdog's. */
  readonly onIteration?: (iteration: number) => void;
}

/** An input that broke the rule. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly iteration: number;
  /** What was thrown, with its stack. */
  readonly error: string;
  readonly input: Input;
}

export interface FuzzReport {
  readonly iterations: number;
  /** How often it ended how: `accepted`, an error code. */
  readonly endings: ReadonlyMap<string, number>;
  /** Undefined where the rule held. The first one ends the run. */
  readonly finding: Finding | undefined;
}

/** The input of an iteration; the same for the same seed, whatever came before. */
export function inputOf(target: Target, seeds: readonly Input[], seed: number, iteration: number): Input {
  const random = randomOf(seed, iteration);
  return target.mutate(random.pick(seeds), random.pick(seeds), random);
}

/** What a target throws for an input, or how it ended. */
export async function tryInput(
  open: OpenTarget,
  input: Input,
  seed: number,
  iteration: number,
): Promise<{ readonly ending: string } | { readonly error: string }> {
  try {
    return { ending: await open.run(input, randomOf(~seed, iteration)) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : messageOf(error) };
  }
}

/** Feeds a target mutations of its seeds until one breaks its rule, or it was enough. */
export async function fuzzTarget(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  const { seed, from = 0, iterations = Number.POSITIVE_INFINITY, milliseconds, onIteration } = options;
  const until = milliseconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + milliseconds;
  const seeds = target.seeds();
  const endings = new Map<string, number>();
  const open = await target.open();
  let done = 0;
  try {
    for (; done < iterations && performance.now() < until; done++) {
      const iteration = from + done;
      onIteration?.(iteration);
      const input = inputOf(target, seeds, seed, iteration);
      const result = await tryInput(open, input, seed, iteration);
      if ('error' in result) {
        const finding = { target: target.name, seed, iteration, error: result.error, input };
        return { iterations: done + 1, endings, finding };
      }
      endings.set(result.ending, (endings.get(result.ending) ?? 0) + 1);
    }
  } finally {
    await open.close?.();
  }
  return { iterations: done, endings, finding: undefined };
}
