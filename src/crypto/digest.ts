import { crypto } from '@sigstore/core';
import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, hexOf, parseDigest } from '../oci/digest.ts';

/** The sha256 digest of bytes or of UTF-8 text. */
export function digestOf(content: Uint8Array | string): Digest {
  return parseDigest(`sha256:${crypto.digest('sha256', content).toString('hex')}`);
}

/** Whether a digest that was computed is the one that was promised: same algorithm, same bytes. */
export function sameDigest(expected: Digest, found: Digest): boolean {
  if (algorithmOf(expected) !== algorithmOf(found)) return false;
  return crypto.bufferEqual(Buffer.from(hexOf(expected), 'hex'), Buffer.from(hexOf(found), 'hex'));
}

/** Bytes in hand against their descriptor. @throws SIZE_MISMATCH, DIGEST_MISMATCH */
export function checkContent(bytes: Uint8Array, descriptor: Descriptor, where: string): void {
  if (bytes.length !== descriptor.size) throw sizeMismatch(descriptor.size, bytes.length, where);
  const algorithm = algorithmOf(descriptor.digest);
  const found = parseDigest(`${algorithm}:${crypto.digest(algorithm, bytes).toString('hex')}`);
  if (!sameDigest(descriptor.digest, found)) throw digestMismatch(descriptor.digest, found, where);
}

/** The error for content of another length than its descriptor says; sizes in bytes. */
export function sizeMismatch(expected: number, found: number, where: string): TsimgError {
  return new TsimgError('SIZE_MISMATCH', 'content has the wrong size', {
    where,
    why: `expected ${expected} bytes, found ${found}`,
    facts: { expected, found },
  });
}

/** The error for content that is not what its digest says. */
export function digestMismatch(expected: Digest, found: Digest, where: string): TsimgError {
  return new TsimgError('DIGEST_MISMATCH', 'content does not match its digest', {
    where,
    why: `expected ${expected}, found ${found}`,
    facts: { expected, found },
  });
}
