import { BLOCK_BYTES, isZero } from '../block.ts';
import type { TarHeader } from '../header.ts';
import type { TarLimits } from './limits.ts';
import { parsePax } from './pax.ts';
import { type Place, tarInvalid, tarLimit } from './place.ts';
import { decodeRawHeader, type RawHeader } from './raw-header.ts';
import { type Extensions, type ResolvedEntry, resolveEntry } from './resolve-entry.ts';
import { addOldGnuSegments, collectSparse, oldGnuRealSize, type SparseMap } from './sparse.ts';
import { readSparseLines } from './sparse-lines.ts';

/** The next need of the decoder. */
export type Need =
  /** The next 512 bytes. */
  | { readonly kind: 'block' }
  /** So many bytes in one piece, then their padding. */
  | { readonly kind: 'collect'; readonly bytes: number }
  /** So many bytes and their padding, to be skipped. */
  | { readonly kind: 'skip'; readonly bytes: number }
  /** An entry, whose content follows: `storedBytes` and their padding. */
  | {
      readonly kind: 'entry';
      readonly header: TarHeader;
      readonly storedBytes: number;
      readonly hasContent: boolean;
      readonly sparse: SparseMap | undefined;
    }
  /** Nothing: the archive is at its end. */
  | { readonly kind: 'end' };

/** Turns headers, their extensions and sparse maps into entries. It does not deal with chunks. */
export interface EntryDecoder {
  block(bytes: Buffer, start: number): Need;
  collected(content: Buffer): Need;
  /** Whether the archive may end here: not between an extension and its entry, nor inside a sparse map. */
  mayEnd(): boolean;
}

const BLOCK: Need = { kind: 'block' };
const END: Need = { kind: 'end' };
const NO_EXTENSIONS: Extensions = {};
/** PAX (`X`: as Solaris spelt it), global PAX, GNU long name and long link. */
const EXTENSION_TYPES = new Set(['x', 'X', 'g', 'L', 'K']);

/**
 * Makes a decoder. @param place its `offset` is where the current block begins; the reader sets it
 * @throws TAR_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED from its functions
 */
export function createEntryDecoder(limits: TarLimits, place: Place): EntryDecoder {
  let entries = 0;
  let sawZeroBlock = false;
  let extensionType: string | undefined;
  let extensions = NO_EXTENSIONS;
  /** The position of the first header of the entry, or of its first extension. */
  let entryOffset = 0;
  /** Takes the blocks of a sparse map while one is being read. */
  let mapBlock: ((bytes: Buffer, start: number) => Need) | undefined;

  function headerBlock(bytes: Buffer, start: number): Need {
    if (bytes[start] === 0 && isZero(bytes, start, start + BLOCK_BYTES)) {
      if (extensions !== NO_EXTENSIONS) throw tarInvalid(place, 'an extended header has no entry');
      if (sawZeroBlock) return END;
      sawZeroBlock = true;
      return BLOCK;
    }
    // GNU tar stops here and Go refuses it: some readers would see the rest, and others would not
    if (sawZeroBlock) throw tarInvalid(place, 'a single block of zeros is followed by more');
    if (extensions === NO_EXTENSIONS) entryOffset = place.offset;
    const raw = decodeRawHeader(bytes, start, place);
    if (EXTENSION_TYPES.has(raw.typeflag)) return extensionHeader(raw);
    return entryHeader(raw, bytes, start);
  }

  function extensionHeader(raw: RawHeader): Need {
    if (raw.size > limits.extendedHeaderBytes) {
      throw tarLimit(place, 'extendedHeaderBytes', limits.extendedHeaderBytes, 'too large an extended header');
    }
    if (raw.typeflag === 'g' && extensions !== NO_EXTENSIONS) {
      throw tarInvalid(place, 'a global header stands between an extended header and its entry');
    }
    extensionType = raw.typeflag;
    // The size of this header is its own: a PAX size before it belongs to the file (CVE-2026-53655)
    return { kind: 'collect', bytes: raw.size };
  }

  function entryHeader(raw: RawHeader, bytes: Buffer, start: number): Need {
    const pending = extensions;
    extensions = NO_EXTENSIONS;
    // The label of a volume, GNU tar -V
    if (raw.typeflag === 'V') return { kind: 'skip', bytes: raw.size };
    if (++entries > limits.entries) throw tarLimit(place, 'entries', limits.entries, 'too many entries');
    const resolved = resolveEntry(raw, pending, { offset: entryOffset, limits, place });
    const { header, storedBytes, hasContent, sparse } = resolved;
    if (raw.typeflag === 'S') return oldGnuMap(resolved, bytes, start);
    if (sparse === undefined) return { kind: 'entry', header, storedBytes, hasContent, sparse };
    if (sparse.version === '1') return linesMap(header, storedBytes, sparse.realSize);
    const collector = collectSparse(limits, place);
    for (let index = 0; index < sparse.numbers.length; index += 2) {
      collector.add(sparse.numbers[index] ?? 0, sparse.numbers[index + 1] ?? 0);
    }
    return sparseEntry(header, storedBytes, collector.finish(sparse.realSize, storedBytes));
  }

  function oldGnuMap({ header, storedBytes }: ResolvedEntry, bytes: Buffer, start: number): Need {
    const realSize = oldGnuRealSize(bytes, start, place);
    const collector = collectSparse(limits, place);
    const take = (block: Buffer, at: number, form: 'header' | 'extension'): Need => {
      if (addOldGnuSegments(collector, { block, start: at, form }, place)) return BLOCK;
      mapBlock = undefined;
      return sparseEntry(header, storedBytes, collector.finish(realSize, storedBytes));
    };
    mapBlock = (block, at) => take(block, at, 'extension');
    return take(bytes, start, 'header');
  }

  function linesMap(header: TarHeader, storedBytes: number, realSize: number): Need {
    const collector = collectSparse(limits, place);
    const lines = readSparseLines(collector, limits, place);
    let left = storedBytes;
    mapBlock = (block, at) => {
      left -= BLOCK_BYTES;
      if (left < 0) throw tarInvalid(place, 'a sparse map is longer than its file');
      if (!lines.block(block, at)) return BLOCK;
      mapBlock = undefined;
      return sparseEntry(header, left, collector.finish(realSize, left));
    };
    return BLOCK;
  }

  return {
    block: (bytes, start) => (mapBlock ?? headerBlock)(bytes, start),
    collected(content) {
      if (extensionType === 'L') extensions = { ...extensions, longName: untilNul(content) };
      else if (extensionType === 'K') extensions = { ...extensions, longLink: untilNul(content) };
      else {
        const pax = parsePax(content, place);
        // A second one replaces the first, as in Go and GNU tar
        if (extensionType !== 'g') extensions = { ...extensions, pax };
      }
      return BLOCK;
    },
    mayEnd: () => extensions === NO_EXTENSIONS && mapBlock === undefined,
  };
}

function sparseEntry(header: TarHeader, storedBytes: number, sparse: SparseMap): Need {
  return { kind: 'entry', header: { ...header, size: sparse.realSize }, storedBytes, hasContent: true, sparse };
}

function untilNul(content: Buffer): string {
  const end = content.indexOf(0);
  return content.toString('latin1', 0, end === -1 ? content.length : end);
}
