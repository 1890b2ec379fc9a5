import { messageOf } from '../../src/errors.ts';
import { randomOf } from './mutate/random.ts';
import type { Input, OpenTarget, Target } from './target.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** The first iteration; default 0. */
  readonly from?: number;
  /** The most iterations. */
  readonly iterations?: number;
  /** Milliseconds after which the run stops. */
  readonly milliseconds?: number;
  /** Called before each iteration, for a watchdog. */
  readonly onIteration?: (iteration: number) => void;
}

/** An input that broke the rule. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly iteration: number;
  /** The error, with its stack. */
  readonly error: string;
  readonly input: Input;
}

export interface FuzzReport {
  readonly iterations: number;
  /** The number of iterations for each ending: `accepted`, or an error code. */
  readonly endings: ReadonlyMap<string, number>;
  /** The first finding, which ends the run; undefined where the rule held. */
  readonly finding: Finding | undefined;
}

/** Returns the input of an iteration. It depends on the seed and the iteration only. */
export function inputOf(target: Target, seeds: readonly Input[], seed: number, iteration: number): Input {
  const random = randomOf(seed, iteration);
  return target.mutate(random.pick(seeds), random.pick(seeds), random);
}

/** Returns how a target ended for an input, or its error. */
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

/** Feeds a target with mutations of its seeds until one breaks the rule, or until a limit is reached. */
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
