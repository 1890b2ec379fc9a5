import { Transform } from 'node:stream';
import { TsimgError } from '../errors.ts';

/** A limit of bytes, and its name. */
export interface ByteLimit {
  readonly bytes: number;
  /** The option that raises the limit: the hint names it. */
  readonly option?: string | undefined;
}

/** Returns the error for content of more bytes than a limit allows. */
export function tooManyBytes(limit: ByteLimit, where: string): TsimgError {
  const { bytes, option } = limit;
  return new TsimgError('LIMIT_EXCEEDED', 'too much content', {
    where,
    why: `more than ${bytes} bytes`,
    hint: option === undefined ? undefined : `raise the limit with ${option} if you trust where it comes from`,
    facts: { maximum: bytes, option: option ?? null },
  });
}

/** Passes on at most `limit.bytes` bytes, and fails at the next one. @throws LIMIT_EXCEEDED as error of the stream */
export function limited(limit: ByteLimit, where: string): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > limit.bytes) done(tooManyBytes(limit, where));
      else done(null, chunk);
    },
  });
}
