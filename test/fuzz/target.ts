import type { Random } from './random.ts';

/** What a target is fed: one file, or the layers of an image. */
export type Input = readonly Buffer[];

/** Something that takes bytes from outside, and what must hold whatever they are. */
export interface Target {
  /** As `--target` names it. */
  readonly name: string;
  /** What must hold, as a sentence. */
  readonly rule: string;
  /** Programs without which it cannot run. */
  readonly tools?: readonly string[];
  /** Whether it is let loose where nothing but a memory file system can be written: needs root. */
  readonly sandboxed?: boolean;
  /** Valid inputs, or nearly: the material. */
  seeds(): readonly Input[];
  /** A new input of a seed and another one. */
  mutate(seed: Input, other: Input, random: Random): Input;
  /** Makes it ready; once for many inputs. */
  open(): Promise<OpenTarget> | OpenTarget;
}

export interface OpenTarget {
  /**
   * Feeds it one input. Answers how that ended (`accepted`, an error code), which is counted, and throws whatever breaks
   * the rule.
   */
  run(input: Input, random: Random): Promise<string> | string;
  close?(): Promise<void> | void;
}

/** A target of one file: what mutates and runs bytes, for a list of one. */
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
