// One module of the package: nearly every start needs it, and the whole package is 23 files
import * as crypto from '@sigstore/core/dist/crypto.js';
import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, hexOf, parseDigest } from '../oci/digest.ts';

/**
 * Returns the sha256 digest of bytes, or of a text in UTF-8.
 * @example
 * digestOf('hello'); // 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'
 */
export function digestOf(content: Uint8Array | string): Digest {
  return parseDigest(`sha256:${crypto.digest('sha256', content).toString('hex')}`);
}

/** Returns whether a computed digest is the expected one: same algorithm, same bytes. */
export function sameDigest(expected: Digest, found: Digest): boolean {
  if (algorithmOf(expected) !== algorithmOf(found)) return false;
  return crypto.bufferEqual(Buffer.from(hexOf(expected), 'hex'), Buffer.from(hexOf(found), 'hex'));
}

/** Checks bytes in memory against their descriptor. @throws SIZE_MISMATCH, DIGEST_MISMATCH */
export function checkContent(bytes: Uint8Array, descriptor: Descriptor, where: string): void {
  if (bytes.length !== descriptor.size) throw sizeMismatch(descriptor.size, bytes.length, where);
  const algorithm = algorithmOf(descriptor.digest);
  const found = parseDigest(`${algorithm}:${crypto.digest(algorithm, bytes).toString('hex')}`);
  if (!sameDigest(descriptor.digest, found)) throw digestMismatch(descriptor.digest, found, where);
}

/** The error for content whose size is not that of its descriptor. Sizes are bytes. */
export function sizeMismatch(expected: number, found: number, where: string): TsimgError {
  return new TsimgError('SIZE_MISMATCH', 'content has the wrong size', {
    where,
    why: `expected ${expected} bytes, found ${found}`,
    facts: { expected, found },
  });
}

/** The error for content whose digest is not that of its descriptor. */
export function digestMismatch(expected: Digest, found: Digest, where: string): TsimgError {
  return new TsimgError('DIGEST_MISMATCH', 'content does not match its digest', {
    where,
    why: `expected ${expected}, found ${found}`,
    facts: { expected, found },
  });
}

/** Whether an error tells that content is not what its descriptor promised. */
export function isMismatch(error: unknown): error is TsimgError {
  return error instanceof TsimgError && (error.code === 'DIGEST_MISMATCH' || error.code === 'SIZE_MISMATCH');
}
