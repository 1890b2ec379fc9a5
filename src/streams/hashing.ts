import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { type Digest, parseDigest } from '../oci/digest.ts';

/** Counts and digests bytes as they pass. */
export interface Hasher {
  update(chunk: Uint8Array): void;
  /** Bytes so far. */
  readonly size: number;
  /** The digest of all bytes. It ends the hasher; later calls return the same. */
  digest(): Digest;
}

/** Makes a hasher. @param algorithm `sha256` or `sha512` */
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

/** A stream that passes bytes on unchanged, and counts and digests them. */
export interface HashingStream {
  readonly stream: Transform;
  /** Bytes so far. */
  size(): number;
  /** The digest of all bytes; to be called when the stream has ended. */
  digest(): Digest;
}

/** Makes a stream that passes bytes on. Their size and digest are known at its end; nothing is verified. */
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
