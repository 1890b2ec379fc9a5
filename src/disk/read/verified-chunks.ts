import { digestMismatch, sameDigest, sizeMismatch } from '../../crypto/digest.ts';
import { algorithmOf, type Digest } from '../../oci/digest.ts';
import { createHasher } from '../../streams/hashing.ts';

/** The size and digest that the stored bytes of a layer must have. */
export interface Promised {
  readonly size: number;
  readonly digest: Digest;
  /** Names them in errors: where they come from, and their digest. */
  readonly blob: string;
}

export interface VerifiedChunks extends AsyncIterable<Uint8Array> {
  /**
   * To be called after the reading: a wrong digest is found last, and a decompressor may not have waited for it.
   * @throws the error that the chunks failed with, or an Error where they were not read to their end
   */
  confirm(): void;
}

/**
 * Passes chunks on, and fails instead of ending when they are not the promised ones, as `verified` does for streams.
 * Fails at the first byte too many.
 * @throws SIZE_MISMATCH, DIGEST_MISMATCH
 */
export function verifiedChunks(chunks: AsyncIterable<Uint8Array>, { size, digest, blob }: Promised): VerifiedChunks {
  let result: 'unknown' | 'right' | { readonly error: unknown } = 'unknown';
  async function* verify(): AsyncGenerator<Uint8Array, void, undefined> {
    const hasher = createHasher(algorithmOf(digest));
    try {
      for await (const chunk of chunks) {
        hasher.update(chunk);
        if (hasher.size > size) throw sizeMismatch(size, hasher.size, blob);
        yield chunk;
      }
      if (hasher.size !== size) throw sizeMismatch(size, hasher.size, blob);
      const found = hasher.digest();
      if (!sameDigest(digest, found)) throw digestMismatch(digest, found, blob);
      result = 'right';
    } catch (error) {
      result = { error };
      throw error;
    }
  }
  return {
    [Symbol.asyncIterator]: verify,
    confirm() {
      if (result === 'right') return;
      throw result === 'unknown' ? new Error('a layer was not read to its end') : result.error;
    },
  };
}
