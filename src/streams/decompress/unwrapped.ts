import { PassThrough, pipeline, type Readable } from 'node:stream';
import { errnoOf, messageOf } from '../../errors.ts';
import { streamOf } from '../stream-of.ts';
import { type ByteCursor, createByteCursor } from './byte-cursor.ts';
import { compressionInvalid, compressionOf, MAGIC_BYTES } from './compression.ts';
import { decompressChunks } from './decompress.ts';

/** Only one wrapping is removed: with three, the default of gunzip-maybe, a bomb grows much larger. */
const LEVELS = 1;

/**
 * Removes the compression around an archive from a file or stdin, gzip or zstd, if it has one; the first bytes tell.
 * `decompressed` is for layers: it knows members, padding and trailing bytes.
 * @throws COMPRESSION_INVALID, FORMAT_UNSUPPORTED, and the errors of the source, from the stream
 */
export function unwrapped(source: Readable, where: string): Readable {
  return streamOf(source, unwrapChunks(source, where));
}

async function* unwrapChunks(source: Readable, where: string): AsyncGenerator<Buffer, void, undefined> {
  const input = createByteCursor(source);
  if (compressionOf(await input.peek(MAGIC_BYTES)) !== 'gzip') {
    yield* decompressChunks(rest(input), { where });
    return;
  }
  // Loaded late, because it loads many packages that are seldom needed
  const { default: gunzip } = await import('gunzip-maybe');
  let failure: unknown;
  const output = new PassThrough();
  pipeline(rest(input), gunzip(LEVELS), output, (error) => {
    failure = error;
  });
  try {
    for await (const chunk of output) yield chunk;
  } catch (error) {
    const cause = failure ?? error;
    if (source.errored !== null) throw source.errored;
    if (!isInflateError(cause)) throw cause;
    throw compressionInvalid('gzip', where, messageOf(cause), { cause });
  }
}

/** Errors of zlib have its codes; the error of gunzip-maybe has no code. */
function isInflateError(error: unknown): boolean {
  const code = errnoOf(error);
  return code === undefined || code.startsWith('Z_');
}

async function* rest(input: ByteCursor): AsyncGenerator<Buffer, void, undefined> {
  for (let chunk = await input.take(); chunk !== undefined; chunk = await input.take()) yield chunk;
}
