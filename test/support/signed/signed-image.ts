import type { Digest } from '../../../src/oci/digest.ts';
import { type Blob, type Pushed, pushArtifact, pushReferrer } from '../registry/push.ts';
import { IDENTITY, ISSUER, type Signer, type SignerWorld, simpleSigning } from './signer.ts';

// Signatures as they are attached to images: cosign's layers and Sigstore's bundles.

export const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Demands the signer whom `certified` makes. */
export const BY_IDENTITY = { identity: { exactly: IDENTITY }, issuer: { exactly: ISSUER } } as const;

/** The layer that holds cosign's signature of an image: the payload, and the rest in its annotations. */
export async function cosignLayer(
  world: SignerWorld,
  signer: Signer,
  digest: Digest,
  repository = 'registry.example/app',
): Promise<Required<Blob>> {
  const bytes = simpleSigning(digest, repository);
  return { mediaType: PAYLOAD_TYPE, bytes, annotations: await world.legacy(signer, bytes) };
}

/** Puts cosign's layers at the tag of an image's digest. */
export async function attachLayers(
  host: string,
  repository: string,
  { digest }: { readonly digest: string },
  ...layers: readonly Blob[]
): Promise<void> {
  await pushArtifact(host, repository, { tag: `${digest.replace(':', '-')}.sig`, layers });
}

/** Puts a bundle that refers to an image, as cosign 3 does. */
export async function attachBundle(host: string, repository: string, image: Pushed, bytes: Buffer): Promise<void> {
  await pushReferrer(host, repository, image, {
    config: { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') },
    layers: [{ mediaType: BUNDLE_TYPE, bytes }],
    fields: { artifactType: BUNDLE_TYPE },
  });
}
