import type { TarLimits } from './limits.ts';
import { parseNumeric } from './numeric.ts';
import { type PaxRecords, parsePaxNumber } from './pax.ts';
import { type Place, tarInvalid, tarLimit } from './place.ts';

/**
 * The places of the stored bytes of a sparse file. The rest of the file is holes. GNU tar manual, "Storing Sparse
 * Files".
 */
export interface SparseMap {
  /** Offset and length in the resulting file, alternating: ascending, not overlapping, none empty. Bytes. */
  readonly segments: readonly number[];
  /** Bytes of the resulting file. */
  readonly realSize: number;
}

/** Collects segments and checks each as it comes, so that memory stays bounded. */
export interface SparseCollector {
  add(offset: number, length: number): void;
  /** @throws TAR_INVALID when the segments are not the stored bytes, or go beyond the file */
  finish(realSize: number, storedBytes: number): SparseMap;
}

/** @throws TAR_INVALID, LIMIT_EXCEEDED from its functions */
export function collectSparse(limits: TarLimits, place: Place): SparseCollector {
  const segments: number[] = [];
  let end = 0;
  let stored = 0;
  let count = 0;
  return {
    add(offset, length) {
      if (++count > limits.sparseSegments) {
        throw tarLimit(place, 'sparseSegments', limits.sparseSegments, 'too many segments of a sparse file');
      }
      if (offset < end || length < 0 || !Number.isSafeInteger(offset + length)) {
        throw tarInvalid(place, 'the segments of a sparse file overlap or are out of range');
      }
      end = offset + length;
      stored += length;
      if (length > 0) segments.push(offset, length);
    },
    finish(realSize, storedBytes) {
      if (end > realSize) throw tarInvalid(place, 'a sparse file has segments beyond its end');
      if (stored !== storedBytes) throw tarInvalid(place, 'the segments of a sparse file are not what is stored of it');
      return { segments, realSize };
    },
  };
}

/** Old GNU: four segments in the header and 21 in each extension block; 12 bytes each for offset and length. */
const OLD_GNU_HEADER = { segments: 386, count: 4, isExtended: 482, realSize: 483 } as const;
const OLD_GNU_BLOCK = { segments: 0, count: 21, isExtended: 504 } as const;

/** Reads the real size in an old GNU sparse header (typeflag `S`). @throws TAR_INVALID */
export function oldGnuRealSize(block: Buffer, start: number, place: Place): number {
  const size = parseNumeric(block, start + OLD_GNU_HEADER.realSize, 12, 'the real size', place);
  if (size < 0) throw tarInvalid(place, 'the real size is negative');
  return size;
}

/** A block with segments, which starts somewhere in its buffer. */
interface OldGnuBlock {
  readonly block: Buffer;
  readonly start: number;
  readonly form: 'header' | 'extension';
}

/**
 * Adds the segments of a header or an extension block; returns whether an extension block follows. @throws TAR_INVALID
 */
export function addOldGnuSegments(into: SparseCollector, { block, start, form }: OldGnuBlock, place: Place): boolean {
  const { segments, count, isExtended } = form === 'header' ? OLD_GNU_HEADER : OLD_GNU_BLOCK;
  for (let index = 0; index < count; index++) {
    const at = start + segments + 24 * index;
    if (block[at] === 0 || block[at + 12] === 0) break;
    into.add(
      parseNumeric(block, at, 12, 'a sparse offset', place),
      parseNumeric(block, at + 12, 12, 'a sparse length', place),
    );
  }
  return block[start + isExtended] !== 0;
}

/** The sparse map in PAX records: none, a whole map (0.0, 0.1), or a map before the content (1.0). */
export type PaxSparse =
  | {
      readonly version: '0';
      readonly name: string | undefined;
      readonly realSize: number;
      readonly numbers: readonly number[];
    }
  | { readonly version: '1'; readonly name: string | undefined; readonly realSize: number };

const KEYS = 'GNU.sparse.';

/**
 * Reads the sparse map in PAX records. @throws TAR_INVALID for an invalid or missing map, and for a version that GNU
 * tar never wrote
 */
export function paxSparseOf(records: PaxRecords, limits: TarLimits, place: Place): PaxSparse | undefined {
  const { values, sparsePairs } = records;
  const get = (key: string): string | undefined => values.get(`${KEYS}${key}`) || undefined;
  const major = get('major');
  const map = get('map');
  const name = get('name');
  if (major === undefined && map === undefined && sparsePairs.length === 0 && get('numblocks') === undefined) {
    // GNU tar and Python rename the entry where it has only a name, and Go does not
    for (const [key, value] of values) {
      if (key.startsWith(KEYS) && value !== '') throw tarInvalid(place, `${key} stands without a sparse map`);
    }
    return undefined;
  }
  const sizeText = get(major === '1' ? 'realsize' : 'size') ?? get('realsize') ?? get('size');
  if (sizeText === undefined) throw tarInvalid(place, 'a sparse file has no real size');
  const realSize = parsePaxNumber(sizeText, 'GNU.sparse.size', place);
  if (major === '1' && (get('minor') ?? '0') === '0') return { version: '1', name, realSize };
  if (major !== undefined && major !== '0') throw tarInvalid(place, 'a sparse file has a map of unknown version');
  const count = parsePaxNumber(get('numblocks') ?? '', 'GNU.sparse.numblocks', place);
  if (count > limits.sparseSegments) {
    throw tarLimit(place, 'sparseSegments', limits.sparseSegments, 'too many segments of a sparse file');
  }
  const texts = map === undefined ? sparsePairs : map.split(',', 2 * count + 1);
  if (texts.length !== 2 * count) throw tarInvalid(place, 'a sparse map is not as long as it says');
  return { version: '0', name, realSize, numbers: texts.map((text) => parsePaxNumber(text, 'GNU.sparse.map', place)) };
}
