import type { Context } from '../../events.ts';
import type { LoadedImage } from '../../image/load.ts';
import type { Source } from '../../image/source.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Verification } from './verification.ts';
import { type GoodAttached, type SignedImage, verifyImage } from './verify-image.ts';

/** An image with the source that its signatures are asked of. */
export interface LoadedFrom {
  readonly image: LoadedImage;
  readonly source: Source;
  /** As the user named it; its digest is added for errors. */
  readonly name: string;
  /** Of the index that the image was chosen from, where it was loaded without it: the store knows. */
  readonly chosenFrom?: Digest | undefined;
}

/** The digests that a signature may be for: the index's first, for that is what makers sign. */
function signable({ image, chosenFrom }: LoadedFrom): readonly Digest[] {
  const indexes = image.indexes.map(({ descriptor }) => descriptor.digest);
  return [...new Set([...(chosenFrom === undefined ? [] : [chosenFrom]), ...indexes, image.descriptor.digest])];
}

/** An image as those who judge its signatures take it. */
export function imageOf(loaded: LoadedFrom): SignedImage {
  const digests = signable(loaded);
  return { source: loaded.source, label: `${loaded.name.replace(/@.*$/, '')}@${digests[0]}`, digests };
}

/**
 * Demands a good signature of an image that was loaded, before anything of it is used.
 * @throws SIGNATURE_MISSING, SIGNATURE_INVALID; what asking the source fails with
 */
export async function verifyLoaded(
  loaded: LoadedFrom,
  verification: Verification,
  context: Context,
): Promise<readonly GoodAttached[]> {
  return verifyImage(imageOf(loaded), verification, context);
}
