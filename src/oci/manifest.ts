import { TsimgError } from '../errors.ts';
import * as z from '../schema/zod.ts';
import type { Descriptor } from './descriptor.ts';
import { descriptorSchema, optional, stringMapSchema } from './descriptor-schema.ts';
import { checkDocument, hasKey, parseJson } from './document.ts';
import { documentKindOf } from './media-type.ts';

/**
 * The config and the layers of an image of one platform. OCI image spec, manifest.md; docker's schema 2 has the same
 * fields.
 */
export interface Manifest {
  readonly mediaType?: string | undefined;
  readonly artifactType?: string | undefined;
  /** The descriptor of the image's config. */
  readonly config: Descriptor;
  /** The layers, base first. */
  readonly layers: readonly Descriptor[];
  /** The manifest that this one is a referrer of: it is a signature or another artifact. */
  readonly subject?: Descriptor | undefined;
  /** OCI image spec, annotations.md. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: optional(z.string()),
  artifactType: optional(z.string()),
  config: descriptorSchema,
  layers: z.pipe(
    z.nullable(z.array(descriptorSchema)),
    z.transform((layers) => layers ?? []),
  ),
  subject: optional(descriptorSchema),
  annotations: optional(stringMapSchema),
});

/**
 * Refuses a document that one reader takes for an index and another for a manifest: it would have two meanings under
 * one digest (CVE-2021-41190). @throws DOCUMENT_INVALID
 */
export function refuseAmbiguous(value: unknown, mediaType: string, where: string): void {
  const asManifest = hasKey(value, 'layers') || hasKey(value, 'config') || hasKey(value, 'fsLayers');
  if (asManifest && hasKey(value, 'manifests')) {
    throw new TsimgError('DOCUMENT_INVALID', 'document is a manifest and an index at once', { where });
  }
  const own = hasKey(value, 'mediaType') ? (value as { mediaType: unknown }).mediaType : undefined;
  if (typeof own === 'string' && own !== '' && mediaType !== '' && documentKindOf(own) !== documentKindOf(mediaType)) {
    throw new TsimgError('DOCUMENT_INVALID', 'document contradicts its media type', {
      where,
      facts: { expected: mediaType, found: own.slice(0, 255) },
      why: `it was announced as ${mediaType.slice(0, 255)} and says ${own.slice(0, 255)}`,
    });
  }
}

/**
 * Parses the bytes of a manifest.
 * @param mediaType of the descriptor, or the Content-Type; '' where it is not known
 * @param where names the manifest in errors
 * @throws DOCUMENT_INVALID; FORMAT_UNSUPPORTED for docker schema 1
 */
export function parseManifest(bytes: Uint8Array, mediaType: string, where: string): Manifest {
  const value = parseJson(bytes, 'manifest', where);
  refuseAmbiguous(value, mediaType, where);
  if (documentKindOf(mediaType) === 'schema1' || hasKey(value, 'fsLayers')) {
    throw new TsimgError('FORMAT_UNSUPPORTED', 'docker schema 1 manifest', {
      where,
      hint: 'push the image again with a tool of 2017 or later, which writes schema 2 or OCI',
    });
  }
  return checkDocument(manifestSchema, value, 'manifest', where);
}
