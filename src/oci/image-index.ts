import * as z from '../schema/zod.ts';
import type { Descriptor } from './descriptor.ts';
import { descriptorSchema, optional, stringMapSchema } from './descriptor-schema.ts';
import { checkDocument, parseJson } from './document.ts';
import { refuseAmbiguous } from './manifest.ts';

/**
 * The list of an image's manifests, one for each platform. OCI image spec, image-index.md; docker's manifest list has
 * the same fields.
 */
export interface ImageIndex {
  readonly mediaType?: string | undefined;
  readonly artifactType?: string | undefined;
  /** Manifests or further indexes, in the writer's order; attestations stand among them. */
  readonly manifests: readonly Descriptor[];
  /** The manifest that this index is a referrer of. */
  readonly subject?: Descriptor | undefined;
  /** OCI image spec, annotations.md. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: optional(z.string()),
  artifactType: optional(z.string()),
  // docker 25.0 wrote null for an empty list (moby#47210)
  manifests: z.pipe(
    z.nullable(z.array(descriptorSchema)),
    z.transform((manifests) => manifests ?? []),
  ),
  subject: optional(descriptorSchema),
  annotations: optional(stringMapSchema),
});

/**
 * Parses the bytes of an index.
 * @param mediaType of the descriptor, or the Content-Type; '' where it is not known
 * @param where names the index in errors
 * @throws DOCUMENT_INVALID
 */
export function parseImageIndex(bytes: Uint8Array, mediaType: string, where: string): ImageIndex {
  const value = parseJson(bytes, 'index', where);
  refuseAmbiguous(value, mediaType, where);
  return checkDocument(indexSchema, value, 'index', where);
}

/**
 * Returns whether an entry is an attestation: BuildKit lists it in the index as an image for the platform
 * unknown/unknown.
 */
export function isAttestation(descriptor: Descriptor): boolean {
  return (
    descriptor.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ||
    (descriptor.platform?.os === 'unknown' && descriptor.platform.architecture === 'unknown')
  );
}
