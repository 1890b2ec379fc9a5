import type { Readable } from 'node:stream';
import { TsimgError } from '../errors.ts';
import { counted } from './counted.ts';
import { tooManyBytes } from './limited.ts';

/** Limits of the expansion of compressed content. */
export interface ExpansionLimits {
  /** The most bytes after decompression; no limit when absent. */
  readonly maxSize?: number | undefined;
  /** The most bytes after decompression for each byte before, beyond the first GiB. */
  readonly maxRatio?: number | undefined;
}

/**
 * At 200:1 more than 99% of the content repeats. Images have 2:1 to 10:1, logs 30:1, gzip of zeros 1030:1. The first
 * GiB is free, because it does no harm, and a small image may have one large empty file.
 */
const DEFAULT_MAX_RATIO = 200;
const FREE_BYTES = 1024 ** 3;

/** Counts the bytes before and after decompression, together for all budgets that share their spending. */
export interface ByteBudget {
  /** Adds bytes before decompression. */
  taken(bytes: number): void;
  /** Adds bytes after decompression. `where` names the content. @throws LIMIT_EXCEEDED */
  given(bytes: number, where: string): void;
}

/** Makes the memory in which budgets count; threads may share it. */
export function newSpending(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
}

/** Makes a budget. @param spending of `newSpending`; budgets that share it count together */
export function createByteBudget(limits: ExpansionLimits = {}, spending = newSpending()): ByteBudget {
  const { maxSize = Number.POSITIVE_INFINITY, maxRatio = DEFAULT_MAX_RATIO } = limits;
  const spent = new BigInt64Array(spending);
  const add = (index: number, bytes: number) => Number(Atomics.add(spent, index, BigInt(bytes))) + bytes;
  return {
    taken: (bytes) => void add(0, bytes),
    given(bytes, where) {
      const after = add(1, bytes);
      const before = Number(Atomics.load(spent, 0));
      if (after > maxSize) throw tooManyBytes({ bytes: maxSize, option: '--max-size' }, where);
      if (after <= FREE_BYTES || after <= before * maxRatio) return;
      throw new TsimgError('LIMIT_EXCEEDED', 'content expands too much', {
        where,
        why: `${before} bytes became more than ${after}`,
        hint: `raise the limit of ${maxRatio} with --max-ratio if you trust where it comes from`,
        facts: { maximum: maxRatio, option: '--max-ratio', before, after },
      });
    },
  };
}

/** Passes decompressed content on as long as the budget allows it. @throws LIMIT_EXCEEDED as error of the stream */
export function withinBudget(content: Readable, budget: ByteBudget, where: string): Readable {
  return counted(content, (bytes) => budget.given(bytes, where));
}
