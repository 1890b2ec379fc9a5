import { BLOCK_BYTES } from '../block.ts';
import type { TarLimits } from './limits.ts';
import { type Place, tarInvalid, tarLimit } from './place.ts';
import type { SparseCollector } from './sparse.ts';

const NEWLINE = 0x0a;
const ZERO = 0x30;

/** The map of GNU's sparse version 1.0: decimal lines at the head of the content, filled up to a whole block. */
export interface SparseLines {
  /** Takes one block; returns whether the map is complete. @throws TAR_INVALID, LIMIT_EXCEEDED */
  block(bytes: Buffer, start: number): boolean;
}

export function readSparseLines(into: SparseCollector, limits: TarLimits, place: Place): SparseLines {
  /** Numbers that are missing; undefined before the first line, which gives the number of pairs. */
  let missing: number | undefined;
  let value = 0;
  let digits = 0;
  let offset: number | undefined;

  function line(): void {
    if (missing === undefined) {
      if (value > limits.sparseSegments) {
        throw tarLimit(place, 'sparseSegments', limits.sparseSegments, 'too many segments of a sparse file');
      }
      missing = 2 * value;
    } else {
      missing--;
      if (offset === undefined) offset = value;
      else {
        into.add(offset, value);
        offset = undefined;
      }
    }
    value = 0;
    digits = 0;
  }

  return {
    block(bytes, start) {
      for (let index = start; index < start + BLOCK_BYTES; index++) {
        const byte = bytes[index] ?? 0;
        if (byte === NEWLINE && digits > 0) {
          line();
          if (missing === 0) return true;
          continue;
        }
        const digit = byte - ZERO;
        value = value * 10 + digit;
        if (digit < 0 || digit > 9 || ++digits > 16 || !Number.isSafeInteger(value)) {
          throw tarInvalid(place, 'a sparse map has a line that is no number');
        }
      }
      return false;
    },
  };
}
