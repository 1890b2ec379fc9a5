import { z } from 'zod';
import { type Descriptor, descriptorSchema, optional, stringMapSchema } from './descriptor.ts';
import { checkDocument, parseJson } from './document.ts';
import { refuseAmbiguous } from './manifest.ts';

/** OCI image spec, image-index.md; docker's manifest list has the same fields. */
export interface ImageIndex {
  readonly mediaType?: string | undefined;
  readonly artifactType?: string | undefined;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: optional(z.string()),
  artifactType: optional(z.string()),
  // docker 25.0 wrote null for none (moby#47210)
  manifests: z
    .array(descriptorSchema)
    .nullable()
    .transform((manifests) => manifests ?? []),
  subject: optional(descriptorSchema),
  annotations: optional(stringMapSchema),
});

/** Bytes of an index → value. `mediaType` as in parseManifest. @throws DOCUMENT_INVALID */
export function parseImageIndex(bytes: Uint8Array, mediaType: string, where: string): ImageIndex {
  const value = parseJson(bytes, 'index', where);
  refuseAmbiguous(value, mediaType, where);
  return checkDocument(indexSchema, value, 'index', where);
}

/** BuildKit's attestations stand in the index as images of the platform unknown/unknown: never what a user wants to run. */
export function isAttestation(descriptor: Descriptor): boolean {
  return (
    descriptor.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ||
    (descriptor.platform?.os === 'unknown' && descriptor.platform.architecture === 'unknown')
  );
}
