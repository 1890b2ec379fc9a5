import type { Context } from '../../events.ts';
import type { GoodSignature } from '../../verify/verify-attached.ts';
import type { PolicyOptions } from './has-policy.ts';
import { hasPolicy } from './has-policy.ts';
import type { VerificationChoice } from './verification.ts';
import type { GoodAttached } from './verify-image.ts';
import type { LoadedFrom } from './verify-loaded.ts';

/** What is demanded of an image before anything of it is used. */
export interface Demands extends PolicyOptions {
  /** By whom it must be signed, besides what policy.json demands. */
  readonly signatures?: VerificationChoice | undefined;
}

/** Tells which digests were found to be signed, and by whom. */
export function tellVerified(good: readonly GoodSignature[], { onEvent }: Context): void {
  for (const { digest, identity, key } of good) {
    onEvent?.({ kind: 'verified', digest, signer: identity ?? `key ${key}` });
  }
}

/**
 * Lets an image in, or refuses it: policy.json is obeyed, and then the signer that the user named is demanded. What
 * verifies is loaded only where something is demanded.
 * @returns the good signatures of the named signer
 * @throws IMAGE_REJECTED, POLICY_INVALID, SIGNATURE_MISSING, SIGNATURE_INVALID, KEY_INVALID, TRUST_ROOT_INVALID, USAGE,
 * REGISTRY_…
 */
export async function admit(loaded: LoadedFrom, demands: Demands): Promise<readonly GoodAttached[]> {
  const { place } = loaded.source;
  if (place !== undefined && hasPolicy(demands)) {
    const [{ obeyPolicy }, { imageOf }] = await Promise.all([import('./policy.ts'), import('./verify-loaded.ts')]);
    await obeyPolicy({ ...imageOf(loaded), subject: place }, demands);
  }
  if (demands.signatures === undefined) return [];
  const { verifyLoaded } = await import('./verify-loaded.ts');
  const good = await verifyLoaded(loaded, demands.signatures, demands);
  tellVerified(good, demands);
  return good;
}
