import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { digestMismatch, sameDigest, sizeMismatch } from '../crypto/digest.ts';
import { algorithmOf, type Digest } from '../oci/digest.ts';
import { createHasher } from '../streams/hashing.ts';
import { attempt } from './refusal.ts';

/** Stored bytes of a layer in a file that is open, and what they must be. */
export interface VerifiedSection {
  readonly descriptor: number;
  /** Bytes before them, and their number. */
  readonly offset: number;
  readonly size: number;
  readonly digest: Digest;
}

/**
 * The bytes of a section, held against their digest; fails instead of ending when they are others. Reads in the caller's
 * own thread. @param chunks memory that it reads into in turns, three at least: see `decompressChunks`
 * @param onBytes is told how many were read @throws SIZE_MISMATCH, DIGEST_MISMATCH, FILESYSTEM
 */
export async function* readFileSection(
  section: VerifiedSection,
  chunks: readonly Buffer[],
  where: string,
  onBytes: (done: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const { descriptor, offset, size, digest } = section;
  const hasher = createHasher(algorithmOf(digest));
  for (let turn = 0; hasher.size < size; turn += 1) {
    // Else nothing but this layer would be done in this thread, and nobody could stop it
    await setImmediate();
    const chunk = chunks[turn % chunks.length];
    if (chunk === undefined) throw new RangeError('no memory to read into');
    const wanted = Math.min(chunk.length, size - hasher.size);
    const count = attempt('read a layer', where, () => readSync(descriptor, chunk, 0, wanted, offset + hasher.size));
    if (count === 0) throw sizeMismatch(size, hasher.size, where);
    const read = chunk.subarray(0, count);
    hasher.update(read);
    onBytes(hasher.size);
    yield read;
  }
  const found = hasher.digest();
  if (!sameDigest(digest, found)) throw digestMismatch(digest, found, where);
}
