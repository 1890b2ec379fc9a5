import type { Digest } from '../oci/digest.ts';
import { checkDocument, parseJson } from '../oci/document.ts';
import * as z from '../schema/zod.ts';
import { refused } from './refuse.ts';

/** The type of cosign's payload; that of GPG's simple signing is another. */
export const COSIGN_TYPE = 'cosign container image signature';

const payloadSchema = z.object({
  critical: z.object({
    identity: z.object({ 'docker-reference': z.string() }),
    image: z.object({ 'docker-manifest-digest': z.string() }),
    type: z.string(),
  }),
  optional: z.nullish(z.record(z.string(), z.unknown())),
});

/** Annotations that must be in the signed document: cosign's `-a`. */
export type WantedAnnotations = Readonly<Record<string, string>>;

/** Checks the annotations of a signed document. @throws SIGNATURE_INVALID */
export function checkAnnotations(wanted: WantedAnnotations, signed: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(wanted)) {
    if (!Object.hasOwn(signed, name)) throw refused('annotation', `it has no annotation ${name}`);
    if (signed[name] !== value) throw refused('annotation', `its annotation ${name} is not ${value}`);
  }
}

/** The content of cosign's payload. */
export interface SimpleSigning {
  readonly digest: Digest;
  /** The image's name, as the signer wrote it: with a tag by podman, without by cosign. */
  readonly dockerReference: string;
}

/**
 * Checks that a payload is cosign's and names one of these images. containers-signature(5), "JSON data format".
 * @throws SIGNATURE_INVALID
 */
export function checkPayload(
  payload: Uint8Array,
  digests: readonly Digest[],
  annotations: WantedAnnotations = {},
): SimpleSigning {
  const json = parseJson(payload, 'the payload', 'signature');
  const { critical, optional } = checkDocument(payloadSchema, json, 'the payload', 'signature');
  if (critical.type !== COSIGN_TYPE) throw refused('payload-type', `its payload is of the type ${critical.type}`);
  const signed = critical.image['docker-manifest-digest'];
  const digest = digests.find((each) => each === signed);
  if (digest === undefined) throw refused('payload-digest', `signed for ${signed}`);
  checkAnnotations(annotations, optional ?? {});
  return { digest, dockerReference: critical.identity['docker-reference'] };
}
