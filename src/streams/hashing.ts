import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { type Digest, parseDigest } from '../oci/digest.ts';

/** Counts and digests bytes as they pass. */
export interface Hasher {
  update(chunk: Uint8Array): void;
  /** Bytes so far. */
  readonly size: number;
  /** Of all bytes; ends the hasher, later calls answer the same. */
  digest(): Digest;
}

/** `algorithm` is `sha256` or `sha512`. */
export function createHasher(algorithm = 'sha256'): Hasher {
  const hash = createHash(algorithm);
  let size = 0;
  let digest: Digest | undefined;
  return {
    update(chunk) {
      size += chunk.length;
      hash.update(chunk);
    },
    get size() {
      return size;
    },
    digest() {
      digest ??= parseDigest(`${algorithm}:${hash.digest('hex')}`);
      return digest;
    },
  };
}

/** A stream that passes bytes on unchanged, and knows what has passed. */
export interface HashingStream {
  readonly stream: Transform;
  /** Bytes so far. */
  size(): number;
  /** Of all that passed; to be asked when the stream has ended. */
  digest(): Digest;
}

/** Passes bytes on; their size and digest are known when it has ended. Verifies nothing. */
export function hashing(algorithm = 'sha256'): HashingStream {
  const hasher = createHasher(algorithm);
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hasher.update(chunk);
      done(null, chunk);
    },
  });
  return { stream, size: () => hasher.size, digest: () => hasher.digest() };
}
