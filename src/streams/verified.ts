import { Transform } from 'node:stream';
import { digestMismatch, sameDigest, sizeMismatch } from '../crypto/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf } from '../oci/digest.ts';
import { createHasher } from './hashing.ts';

/**
 * Returns a stream that passes content on and fails, in the place of ending, when size or digest are not the
 * descriptor's. It fails at the first byte too many, so that a reader never takes more than `descriptor.size` bytes.
 * The digest is known at the end only: content that was read before must not be trusted until the stream has ended.
 * @param where names the content in errors
 * @throws SIZE_MISMATCH, DIGEST_MISMATCH, as errors of the stream
 * @example
 * await pipeline(input, verified(descriptor, 'layer'), createWriteStream('layer.tar.gz'));
 */
export function verified(descriptor: Pick<Descriptor, 'digest' | 'size'>, where: string): Transform {
  const hasher = createHasher(algorithmOf(descriptor.digest));
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hasher.update(chunk);
      if (hasher.size > descriptor.size) done(sizeMismatch(descriptor.size, hasher.size, where));
      else done(null, chunk);
    },
    flush(done) {
      if (hasher.size !== descriptor.size) return done(sizeMismatch(descriptor.size, hasher.size, where));
      const found = hasher.digest();
      done(sameDigest(descriptor.digest, found) ? null : digestMismatch(descriptor.digest, found, where));
    },
  });
}
