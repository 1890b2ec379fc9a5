import { inflateRawSync } from 'node:zlib';
import { openIsalInflater } from '../../sys/library/isal.ts';
import { giveChunks } from '../chunk-memory.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { crc32 } from './crc32.ts';
import { type DecodeOptions, decodeByHost, takeOutputs } from './decode-by-host.ts';
import { checkGzipTrailer, skipGzipHeader } from './gzip-member.ts';
import { type Inflation, inflateByZlib } from './inflate-by-zlib.ts';

/** A member is small when it has no more compressed bytes than this. */
const SMALL_BYTES = 64 * 1024;
/** The most bytes of a small member that is inflated in one call; a larger one is streamed. */
const SMALL_OUTPUT_BYTES = 1024 * 1024;

/** As in `DecompressOptions`. */
export interface GunzipOptions {
  readonly where: string;
  readonly onTrailing: (bytes: number) => void;
  readonly reuse: boolean;
  readonly hasFreeCore: () => boolean;
}

/**
 * Yields the content of all members of a gzip file, each checked against its checksum and length. Zeros between and
 * behind members are skipped. Other bytes behind the last member are counted for `onTrailing` and ignored: gzip(1)
 * ignores them with a warning, while the gunzip of Node fails at them, and stops silently at zeros. The framing is read
 * here; the ISA-L of the host inflates where there is one, otherwise zlib of Node.
 * @throws COMPRESSION_INVALID
 */
export async function* gunzipMembers(
  input: ByteCursor,
  options: GunzipOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const { where, onTrailing } = options;
  const isal = openIsalInflater();
  const outputs = isal !== undefined && options.reuse ? takeOutputs() : undefined;
  const host: DecodeOptions = { format: 'gzip', where, hasFreeCore: options.hasFreeCore, outputs };
  try {
    let smallMembers = false;
    do {
      await skipGzipHeader(input, where);
      let crc = 0;
      let size = 0;
      const inOneGo = smallMembers ? await inflateSmall(input) : undefined;
      if (inOneGo !== undefined) {
        crc = crc32(inOneGo);
        size = inOneGo.length;
        if (size > 0) yield inOneGo;
      } else {
        const inflation: Inflation = { compressedBytes: 0, size: 0, crc: 0 };
        if (isal === undefined) yield* inflateByZlib(input, where, inflation);
        else {
          yield* decodeByHost(isal, input, inflation, host);
          inflation.crc = isal.crc;
        }
        ({ crc, size } = inflation);
        smallMembers = inflation.compressedBytes <= SMALL_BYTES;
      }
      await checkGzipTrailer(input, { crc, size }, where);
    } while (await atNextMember(input, onTrailing));
  } finally {
    giveChunks(outputs ?? []);
  }
}

async function atNextMember(input: ByteCursor, onTrailing: (bytes: number) => void): Promise<boolean> {
  for (;;) {
    const bytes = await input.peek(2);
    if (bytes.length === 0) return false;
    let zeros = 0;
    while (bytes[zeros] === 0) zeros++;
    if (zeros > 0) {
      input.consume(zeros);
      continue;
    }
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return true;
    let trailing = 0;
    for (let chunk = await input.take(); chunk !== undefined; chunk = await input.take()) trailing += chunk.length;
    onTrailing(trailing);
    return false;
  }
}

/**
 * Inflates a small member that is completely in memory; undefined for other members, and then nothing is taken. A
 * stream for each member costs nine times as much, and eStargz has a member for every file.
 */
async function inflateSmall(input: ByteCursor): Promise<Buffer | undefined> {
  const bytes = (await input.peek(1)).subarray(0, 2 * SMALL_BYTES);
  try {
    const result: unknown = inflateRawSync(bytes, { info: true, maxOutputLength: SMALL_OUTPUT_BYTES });
    if (typeof result !== 'object' || result === null || !('buffer' in result) || !('engine' in result)) return;
    const { buffer, engine } = result;
    if (!Buffer.isBuffer(buffer) || typeof engine !== 'object' || engine === null || !('bytesWritten' in engine))
      return;
    input.consume(Number(engine.bytesWritten));
    return buffer;
  } catch {
    // It is cut by the end of the chunk, large or damaged: the stream finds out which.
    return undefined;
  }
}
