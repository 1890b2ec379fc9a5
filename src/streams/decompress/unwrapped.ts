import { PassThrough, pipeline, type Readable } from 'node:stream';
import { errnoOf, messageOf } from '../../errors.ts';
import { streamOf } from '../stream-of.ts';
import { type ByteCursor, createByteCursor } from './byte-cursor.ts';
import { compressionInvalid, compressionOf, MAGIC_BYTES } from './compression.ts';
import { decompressChunks } from './decompress.ts';

/** Of wrappings inside each other, one is taken off: gunzip-maybe's default of three is a gift to whoever makes bombs. */
const LEVELS = 1;

/**
 * An archive as it comes from a file or from stdin, gzip'd or not: the outer wrapping is taken off, by its first bytes.
 * For layers take `decompressed`, which knows members, padding and what trails.
 * @throws COMPRESSION_INVALID, FORMAT_UNSUPPORTED, and the source's errors, from the stream
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
  // Late, since it brings many packages along that most never need
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

/** zlib's errors have its codes; gunzip-maybe's own has no code. */
function isInflateError(error: unknown): boolean {
  const code = errnoOf(error);
  return code === undefined || code.startsWith('Z_');
}

async function* rest(input: ByteCursor): AsyncGenerator<Buffer, void, undefined> {
  for (let chunk = await input.take(); chunk !== undefined; chunk = await input.take()) yield chunk;
}
