import { Transform } from 'node:stream';
import { digestMismatch, sameDigest, sizeMismatch } from '../crypto/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf } from '../oci/digest.ts';
import { createHasher } from './hashing.ts';

/**
 * Passes content on and fails instead of ending unless it has the size and the digest of its descriptor. Fails at the
 * first byte too many, so that a reader never takes more than `descriptor.size` bytes; at the end it is the digest that
 * speaks: until then what was passed on is a promise, not a fact.
 * `where` names the content in errors. @throws SIZE_MISMATCH, DIGEST_MISMATCH as errors of the stream
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
