import { BLOCK_BYTES, isZero, paddingOf } from '../block.ts';
import type { TarHeader } from '../header.ts';
import { type BodyWriter, writeBody } from './body.ts';
import { createEntryDecoder, type Need } from './entry-decoder.ts';
import { DEFAULT_TAR_LIMITS, type TarLimits } from './limits.ts';
import { type Place, tarInvalid } from './place.ts';
import type { SparseMap } from './sparse.ts';

/** The place of the content of an entry in the archive. */
export interface TarBody {
  /** Bytes of the archive before the content (behind a sparse map). */
  readonly offset: number;
  /** Bytes of content in the archive: of a sparse file fewer than `header.size`. */
  readonly storedBytes: number;
  /** Undefined for a file that is not sparse. */
  readonly sparse: SparseMap | undefined;
}

/** Callbacks of a reader, in the order of the archive, during `write`. An error of the handler ends the reading. */
export interface TarHandler {
  entry(header: TarHeader, body: TarBody): void;
  /**
   * Gets bytes of the current file and their offset in the resulting file: ascending, without holes of sparse files.
   * The chunk is a view of the bytes that were written to the reader: copy it to keep it.
   */
  data(chunk: Buffer, position: number): void;
  /** The current entry is complete. Called once for every entry. */
  end(): void;
}

/** How an archive is read. */
export interface TarReaderOptions {
  /** The archive or layer, for errors. */
  readonly where?: string | undefined;
  readonly limits?: Partial<TarLimits> | undefined;
}

/** A reader into which chunks of an archive are written, of any lengths. */
export interface TarReader {
  /**
   * @throws TAR_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED, or the error of the handler; each later call throws the
   *   same
   */
  write(chunk: Buffer): void;
  /** To be called at the end of the archive. @throws TAR_INVALID when that is inside of an entry */
  end(): void;
  /**
   * Skips the rest of the current body and its padding: ends the entry, and returns how many bytes of the archive must
   * not be written. Infinity behind the end of the archive.
   */
  skipBody(): number;
}

type Phase = 'block' | 'collect' | 'body' | 'skip' | 'drain';

/**
 * Parses untrusted tar archives by push: v7, ustar, GNU, star and PAX, sparse files and extended attributes. Two zero
 * blocks end the archive; bytes behind them are taken and not read. An archive without them is complete at the end of
 * an entry (as for Go). Global PAX headers are checked and have no effect, as in Go, so that a layer means the same as
 * to docker, containerd and podman.
 */
export function createTarReader(handler: TarHandler, options: TarReaderOptions = {}): TarReader {
  const place: Place = { where: options.where, offset: 0 };
  const decoder = createEntryDecoder({ ...DEFAULT_TAR_LIMITS, ...options.limits }, place);
  let failure: { readonly error: unknown } | undefined;
  let phase: Phase = 'block';
  /** Bytes of the archive before the current chunk. */
  let base = 0;
  /** The part of a block or an extension that earlier chunks had. */
  const cutBlock = Buffer.alloc(BLOCK_BYTES);
  let pieces = cutBlock;
  let piecesBytes = 0;
  /** Bytes that the phase still takes. */
  let remaining = BLOCK_BYTES;
  /** Padding behind the body or extension. */
  let padding = 0;
  /** Whether the archive may end while bytes are skipped: padding at its very end is often missing. */
  let skipsPadding = false;
  let body: BodyWriter | undefined;
  const tell = (chunk: Buffer, position: number): void => handler.data(chunk, position);

  function enter(next: Phase, bytes: number): void {
    phase = next;
    remaining = bytes;
  }

  /** Goes on with the next need of the decoder. @param at the position in the archive */
  function follow(need: Need, at: number): void {
    switch (need.kind) {
      case 'block':
        enter('block', BLOCK_BYTES);
        break;
      case 'end':
        enter('drain', 0);
        break;
      case 'collect':
        if (need.bytes === 0) {
          follow(decoder.collected(cutBlock.subarray(0, 0)), at);
          break;
        }
        padding = paddingOf(need.bytes);
        enter('collect', need.bytes);
        break;
      case 'skip':
        skipsPadding = false;
        enterSkip(need.bytes + paddingOf(need.bytes));
        break;
      case 'entry':
        beginEntry(need, at);
        break;
    }
  }

  function enterSkip(bytes: number): void {
    if (bytes === 0) enter('block', BLOCK_BYTES);
    else enter('skip', bytes);
  }

  function beginEntry({ header, storedBytes, hasContent, sparse }: Need & { kind: 'entry' }, at: number): void {
    handler.entry(header, { offset: at, storedBytes: hasContent ? storedBytes : 0, sparse });
    padding = paddingOf(storedBytes);
    if (hasContent && storedBytes > 0) {
      body = writeBody(sparse, tell);
      enter('body', storedBytes);
      return;
    }
    handler.end();
    skipsPadding = false;
    enterSkip(storedBytes + padding);
  }

  function endBody(): void {
    body = undefined;
    handler.end();
    skipPadding();
  }

  function skipPadding(): void {
    skipsPadding = true;
    enterSkip(padding);
  }

  /** Returns bytes in one piece from `at`, or undefined while some are missing. */
  function inOnePiece(chunk: Buffer, at: number, take: number): Buffer | undefined {
    if (piecesBytes === 0 && take === remaining) return chunk.subarray(at, at + take);
    if (piecesBytes === 0) pieces = Buffer.allocUnsafe(remaining);
    piecesBytes += chunk.copy(pieces, piecesBytes, at, at + take);
    remaining -= take;
    if (remaining > 0) return undefined;
    piecesBytes = 0;
    return pieces;
  }

  function consume(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const take = Math.min(remaining, chunk.length - at);
      const start = at;
      at += take;
      switch (phase) {
        case 'block': {
          if (piecesBytes === 0 && take === BLOCK_BYTES) {
            place.offset = base + start;
            follow(decoder.block(chunk, start), base + at);
            break;
          }
          piecesBytes += chunk.copy(cutBlock, piecesBytes, start, at);
          remaining -= take;
          if (remaining > 0) break;
          piecesBytes = 0;
          place.offset = base + at - BLOCK_BYTES;
          follow(decoder.block(cutBlock, 0), base + at);
          break;
        }
        case 'collect': {
          const content = inOnePiece(chunk, start, take);
          if (content === undefined) break;
          follow(decoder.collected(content), base + at);
          skipPadding();
          break;
        }
        case 'body':
          body?.write(chunk, start, at);
          remaining -= take;
          if (remaining === 0) endBody();
          break;
        case 'skip':
          remaining -= take;
          if (remaining === 0) enter('block', BLOCK_BYTES);
          break;
        case 'drain':
          at = chunk.length;
          break;
      }
    }
    base += chunk.length;
  }

  /** Runs a step and keeps its error, because a reader must not go on in the middle of an entry. */
  function guarded(step: () => void): void {
    if (failure !== undefined) throw failure.error;
    try {
      step();
    } catch (error) {
      failure = { error };
      throw error;
    }
  }

  return {
    write: (chunk) => guarded(() => consume(chunk)),
    end: () =>
      guarded(() => {
        const inside =
          (phase === 'block' && !isZero(cutBlock, 0, piecesBytes)) ||
          phase === 'collect' ||
          phase === 'body' ||
          (phase === 'skip' && !skipsPadding);
        if (inside || !decoder.mayEnd()) {
          place.offset = base;
          throw tarInvalid(place, 'it ends in the middle of an entry');
        }
      }),
    skipBody() {
      if (phase === 'drain') return Number.POSITIVE_INFINITY;
      let bytes = 0;
      guarded(() => {
        if (phase === 'body') {
          bytes += remaining;
          endBody();
        }
        if (phase === 'skip') {
          bytes += remaining;
          enter('block', BLOCK_BYTES);
        }
        base += bytes;
      });
      return bytes;
    },
  };
}
