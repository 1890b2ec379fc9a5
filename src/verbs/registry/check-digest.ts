import { TsimgError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';

/** Demands that an image has the digest that its destination names, before it is sent. @throws DIGEST_MISMATCH */
export function checkDigest(destination: Reference, digest: Digest): void {
  if (destination.digest === undefined || destination.digest === digest) return;
  throw new TsimgError('DIGEST_MISMATCH', 'the image has another digest than its destination', {
    where: formatReference(destination),
    why: `it is ${digest}`,
    hint: 'name a tag in the place of the digest',
    facts: { expected: destination.digest, found: digest },
  });
}
