import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { loadImage } from '../../image/load.ts';
import { readDocument } from '../../image/read-document.ts';
import type { GoodSignature } from '../../verify/verify-attached.ts';
import { type ImageOptions, openAnywhere } from '../image/open-image.ts';
import { storePlace } from '../places.ts';
import { openVerification, type VerificationChoice } from '../verify/verification.ts';
import { verifyImage } from '../verify/verify-image.ts';
import { verifyLoaded } from '../verify/verify-loaded.ts';
import { verifyStored } from '../verify/verify-stored.ts';

export interface VerifyOptions extends ImageOptions {
  /** The wanted signer, and the way to verify. */
  readonly signatures: VerificationChoice;
}

/**
 * Returns the good signatures of an image, or its good attestations of a type. The image is the one that `run` would
 * take: the store's, else the registry's. The reference is resolved once. A signature must be for the digest that it
 * resolves to; with a platform, or for an image of the store, one for the index or the chosen image counts.
 * @throws SIGNATURE_MISSING, SIGNATURE_INVALID, USAGE, KEY_INVALID, TRUST_ROOT_INVALID, IMAGE_NOT_FOUND, REGISTRY_…
 */
export async function verifySource(
  text: string,
  options: VerifyOptions,
  context: Context = {},
): Promise<readonly GoodSignature[]> {
  const verification = await openVerification(options.signatures, options, context);
  const { source, name } = await openAnywhere(text, options, context);
  try {
    const isStored = source.label === storePlace(options);
    if (isStored || options.platform !== undefined) {
      const image = await loadImage(source, { name, platform: options.platform }, context);
      const loaded = { image, source, name: name ?? text };
      return isStored
        ? await verifyStored(loaded, verification, { ...options, ...context })
        : await verifyLoaded(loaded, verification, context);
    }
    const resolved = await source.resolve(name, context.signal);
    if (resolved === undefined) {
      throw new TsimgError('IMAGE_NOT_FOUND', `no image ${name ?? ''}`, {
        where: source.label,
        hint: source.missingHint,
      });
    }
    // The document must exist and match its digest: a signature of a digest alone proves nothing
    await readDocument(source, resolved, context.signal);
    const label = `${(name ?? text).replace(/@.*$/, '')}@${resolved.digest}`;
    return await verifyImage({ source, label, digests: [resolved.digest] }, verification, context);
  } finally {
    await source.close();
  }
}
