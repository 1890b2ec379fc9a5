import { z } from 'zod';
import type { Digest } from '../oci/digest.ts';
import { checkDocument, parseJson } from '../oci/document.ts';
import { refused } from './refuse.ts';

/** The type of the payload that cosign signs; GPG's simple signing has another. */
export const COSIGN_TYPE = 'cosign container image signature';

const payloadSchema = z.object({
  critical: z.object({
    identity: z.object({ 'docker-reference': z.string() }),
    image: z.object({ 'docker-manifest-digest': z.string() }),
    type: z.string(),
  }),
  optional: z.record(z.string(), z.unknown()).nullish(),
});

/** Texts that must have been signed along with the image: cosign's `-a`. */
export type WantedAnnotations = Readonly<Record<string, string>>;

/** @throws SIGNATURE_INVALID */
export function checkAnnotations(wanted: WantedAnnotations, signed: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(wanted)) {
    if (!Object.hasOwn(signed, name)) throw refused('annotation', `it does not say ${name}`);
    if (signed[name] !== value) throw refused('annotation', `it says another ${name} than ${value}`);
  }
}

/** What cosign's payload says, once its signature holds. */
export interface SimpleSigning {
  readonly digest: Digest;
  /** As the signer named the image; cosign writes no tag, podman does. */
  readonly dockerReference: string;
}

/**
 * Demands that a payload is cosign's, and for one of these images. containers-signature(5), "JSON data format".
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
