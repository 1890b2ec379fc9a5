import type { Context } from '../../events.ts';
import { imageOf, type LoadedFrom } from './loaded-from.ts';
import type { Verification } from './verification.ts';
import { type GoodAttached, verifyImage } from './verify-image.ts';

/**
 * Verifies the signatures of a loaded image, before anything of it is used.
 * @throws SIGNATURE_MISSING, SIGNATURE_INVALID, and the errors of the source
 */
export async function verifyLoaded(
  loaded: LoadedFrom,
  verification: Verification,
  context: Context,
): Promise<readonly GoodAttached[]> {
  return verifyImage(imageOf(loaded), verification, context);
}
