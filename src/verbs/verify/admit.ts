import type { Context } from '../../events.ts';
import type { Source } from '../../image/source.ts';
import type { GoodSignature } from '../../verify/verify-attached.ts';
import type { StorePlace } from '../places.ts';
import type { PolicyOptions } from './has-policy.ts';
import { hasPolicy } from './has-policy.ts';
import { imageOf, type LoadedFrom } from './loaded-from.ts';
import type { VerificationChoice } from './verification.ts';
import type { GoodAttached, SignedImage } from './verify-image.ts';

/** The checks that an image must pass before anything of it is used. */
export interface Demands extends PolicyOptions {
  /** The wanted signer, in addition to the requirements of policy.json. */
  readonly signatures?: VerificationChoice | undefined;
}

/** Reports each signed digest and its signer as an event. */
function tellVerified(good: readonly GoodSignature[], { onEvent }: Context): void {
  for (const { digest, identity, key } of good) {
    onEvent?.({ kind: 'verified', digest, signer: identity ?? `key ${key}` });
  }
}

/** The demands on the images of one source, with their files read. */
export interface Gate {
  /** Admits an image, or refuses it. @returns the good signatures of the named signer */
  admit(loaded: LoadedFrom): Promise<readonly GoodAttached[]>;
}

/**
 * Opens the gate of policy.json alone. @throws POLICY_INVALID, SOURCE_NOT_FOUND, FILESYSTEM; what it returns:
 * IMAGE_REJECTED, REGISTRY_…
 */
export async function openPolicyGate(
  { place }: Source,
  demands: Demands,
): Promise<(image: SignedImage) => Promise<void>> {
  if (place === undefined || !hasPolicy(demands)) return async () => undefined;
  const { obeyPolicy, openPolicy } = await import('./policy.ts');
  const policy = openPolicy(demands);
  return async (image) => {
    if (policy !== undefined) await obeyPolicy(policy, { ...image, subject: place }, demands);
  };
}

/** An image of the store came in before: its signatures may be in its repository only. */
async function openSignerGate({ place }: Source, demands: Demands & StorePlace): Promise<Gate['admit']> {
  const { signatures } = demands;
  if (signatures === undefined) return async () => [];
  const { openVerification } = await import('./verification.ts');
  const verification = await openVerification(signatures, demands, demands);
  const verify =
    place === undefined
      ? (await import('./verify-stored.ts')).verifyStored
      : (await import('./verify-loaded.ts')).verifyLoaded;
  return async (loaded) => {
    const good = await verify(loaded, verification, demands);
    tellVerified(good, demands);
    return good;
  };
}

/**
 * Opens the gate that images of a source must pass: policy.json is obeyed, and then the signer that the user named is
 * demanded. It is opened before anything is asked of the source, so that a mistake in what is demanded is told first.
 * @throws POLICY_INVALID, KEY_INVALID, TRUST_ROOT_INVALID, USAGE, SOURCE_NOT_FOUND, FILESYSTEM; `admit` IMAGE_REJECTED,
 * SIGNATURE_MISSING, SIGNATURE_INVALID, REGISTRY_…
 */
export async function openGate(source: Source, demands: Demands & StorePlace): Promise<Gate> {
  const obey = await openPolicyGate(source, demands);
  const demand = await openSignerGate(source, demands);
  return {
    async admit(loaded) {
      await obey(imageOf(loaded));
      return demand(loaded);
    },
  };
}
