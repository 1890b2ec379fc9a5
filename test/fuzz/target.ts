import type { Random } from './mutate/random.ts';

/** The input of a target: one file, or the layers of an image. */
export type Input = readonly Buffer[];

/** A part of tsimg that takes bytes from outside, and the rule that must hold for all bytes. */
export interface Target {
  /** The name for `--target`. */
  readonly name: string;
  /** The rule, as a sentence. */
  readonly rule: string;
  /** Programs without which it cannot run. */
  readonly tools?: readonly string[];
  /** Whether it runs where only a file system in memory can be written, which needs root. */
  readonly sandboxed?: boolean;
  /** Inputs that are valid, or nearly, to be mutated. */
  seeds(): readonly Input[];
  /** Makes a new input of a seed and another one. */
  mutate(seed: Input, other: Input, random: Random): Input;
  /** Prepares the target, once for many inputs. */
  open(): Promise<OpenTarget> | OpenTarget;
}

export interface OpenTarget {
  /**
   * Feeds the target with one input. Returns how that ended (`accepted`, or an error code), which is counted. Throws an
   * error where the rule is broken.
   */
  run(input: Input, random: Random): Promise<string> | string;
  close?(): Promise<void> | void;
}

/** Makes a target whose input is one file. */
export function bytesTarget(
  target: Omit<Target, 'seeds' | 'mutate' | 'open'> & {
    readonly seeds: () => readonly Buffer[];
    readonly mutate: (seed: Buffer, other: Buffer, random: Random) => Buffer;
    readonly run: (input: Buffer, random: Random) => Promise<string> | string;
  },
): Target {
  const { seeds, mutate, run, ...rest } = target;
  return {
    ...rest,
    seeds: () => seeds().map((seed) => [seed]),
    mutate: ([seed = EMPTY], [other = EMPTY], random) => [mutate(seed, other, random)],
    open: () => ({ run: ([input = EMPTY], random) => run(input, random) }),
  };
}

const EMPTY = Buffer.alloc(0);
