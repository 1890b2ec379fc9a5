import type { ImageOptions } from '../../verbs/image/open-image.ts';
import type { Sbom, SbomOptions } from '../../verbs/signatures/referrers.ts';
import type { TrustUpdate, TrustUpdateOptions } from '../../verbs/signatures/update-trust.ts';
import type { VerifyOptions } from '../../verbs/signatures/verify.ts';
import type { AttachedArtifact } from '../../verbs/verify/list-attached.ts';
import type { GoodSignature } from '../../verify/verify-attached.ts';
import { checkOptions, text } from '../options/check-options.ts';
import { IMAGE_CHECKS, SIGNATURES } from '../options/image-checks.ts';
import { checkSource, type WithPlatform, withPlatform } from '../options/image-options.ts';

// Modules that verify are loaded when they are first used: with the packages of Sigstore, they took two fifths of the
// time in which the library loads.

/**
 * Returns the good signatures of an image, or its good attestations of a type. The image is the one that `run` would
 * take: the store's, else the registry's. The reference is resolved once. A signature must be for the digest of the
 * reference. With a platform, or for an image of the store, it may be for the index or for the chosen image.
 * @param source a reference, which is taken from the store or else from its registry, or any SOURCE
 * @throws SIGNATURE_MISSING, SIGNATURE_INVALID, USAGE, KEY_INVALID, TRUST_ROOT_INVALID, IMAGE_NOT_FOUND, REGISTRY_…
 * @example
 * const [good] = await verifySource('docker://localhost:5000/app:1', { signatures: { keys: ['cosign.pub'] } });
 */
export async function verifySource(
  source: string,
  options: WithPlatform<VerifyOptions>,
): Promise<readonly GoodSignature[]> {
  checkSource('source', source);
  checkOptions('verifySource', options, IMAGE_CHECKS);
  SIGNATURES('signatures', options.signatures);
  const { signal, onEvent } = options;
  const verb = await import('../../verbs/signatures/verify.ts');
  return await verb.verifySource(source, withPlatform(options), { signal, onEvent });
}

/**
 * Lists what is attached to an image: signatures, attestations, SBOMs. Nothing of it is verified. For an image of the
 * store, these are the ones that came with it, and a warning says so.
 * @param source as for {@link verifySource}
 * @throws USAGE, IMAGE_NOT_FOUND, DOCUMENT_INVALID, LIMIT_EXCEEDED, REGISTRY_…
 */
export async function listReferrersOf(
  source: string,
  options: WithPlatform<ImageOptions> = {},
): Promise<readonly AttachedArtifact[]> {
  checkSource('source', source);
  checkOptions('listReferrersOf', options, IMAGE_CHECKS);
  const { signal, onEvent } = options;
  const verb = await import('../../verbs/signatures/referrers.ts');
  return await verb.listReferrersOf(source, withPlatform(options), { signal, onEvent });
}

/**
 * Reads the SBOM of an image: with `signatures`, that of a verified attestation; otherwise the first attached one, of
 * any form.
 * @param source as for {@link verifySource}
 * @throws SIGNATURE_MISSING without an SBOM; USAGE, SIGNATURE_INVALID, DOCUMENT_INVALID, LIMIT_EXCEEDED, REGISTRY_…
 */
export async function readSbom(source: string, options: WithPlatform<SbomOptions> = {}): Promise<Sbom> {
  checkSource('source', source);
  checkOptions('readSbom', options, IMAGE_CHECKS);
  const { signal, onEvent } = options;
  const verb = await import('../../verbs/signatures/referrers.ts');
  return await verb.readSbom(source, withPlatform(options), { signal, onEvent });
}

/**
 * Fetches the trusted root with The Update Framework (TUF) into the store, where {@link verifySource} finds it. TUF
 * verifies the file against metadata that was trusted before: the store's, those of `tufRoot`, or the client's own.
 * @throws USAGE, HOST_UNSUPPORTED, TRUST_ROOT_INVALID, STORE_INVALID, FILESYSTEM
 */
export async function updateTrust(options: TrustUpdateOptions = {}): Promise<TrustUpdate> {
  checkOptions('updateTrust', options, { root: text, mirror: text, tufRoot: text });
  const verb = await import('../../verbs/signatures/update-trust.ts');
  return await verb.updateTrust(options);
}
