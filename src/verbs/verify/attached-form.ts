import { algorithmOf, type Digest, hexOf } from '../../oci/digest.ts';
import type { Manifest } from '../../oci/manifest.ts';

// The types and tags by which attached things are known. They have a module of their own, because copying and listing
// need no module that verifies, and those take 50 ms to load.

/** Media types of attached signatures and attestations. docs/verify.md, "Forms" */
export const ATTACHED_TYPE = {
  payload: 'application/vnd.dev.cosign.simplesigning.v1+json',
  cosignReferrer: 'application/vnd.dev.cosign.artifact.sig.v1+json',
  bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  envelope: 'application/vnd.dsse.envelope.v1+json',
  notation: 'application/vnd.cncf.notary.signature',
} as const;

/** Returns a manifest's artifact type, or else the media type of its config. */
export function typeOf({ artifactType, config }: Manifest): string {
  return artifactType ?? config.mediaType;
}

/** Returns the tag under which cosign 1 and 2 keep an image's signatures, attestations or SBOMs in its repository. */
export function attachedTag(subject: Digest, suffix: 'sig' | 'att' | 'sbom'): string {
  return `${algorithmOf(subject)}-${hexOf(subject)}.${suffix}`;
}
