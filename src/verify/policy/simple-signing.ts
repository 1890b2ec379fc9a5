import type { Digest } from '../../oci/digest.ts';
import { checkDocument, parseJson } from '../../oci/document.ts';
import * as z from '../../schema/zod.ts';
import type { COSIGN_TYPE } from '../payload.ts';
import { refused } from '../refuse.ts';
import { repeatedKey } from './repeated-key.ts';

/** The type of the payload that GPG's simple signing signs. containers-signature(5) */
export const ATOMIC_TYPE = 'atomic container signature';

const optionalSchema = z.looseObject({ creator: z.optional(z.string()), timestamp: z.optional(z.int()) });

/** Exactly these fields: an unknown one could mean something to the signer. */
const schema = z.strictObject({
  critical: z.strictObject({
    identity: z.strictObject({ 'docker-reference': z.string() }),
    image: z.strictObject({ 'docker-manifest-digest': z.string() }),
    type: z.string(),
  }),
  optional: z.nullable(optionalSchema),
});

/**
 * Reads a payload as strictly as podman does under a policy: no unknown field, and no key twice. The payload must be
 * for one of these images. containers-signature(5), "JSON data format"
 * @returns the name that the signer gave the image
 * @throws SIGNATURE_INVALID; DOCUMENT_INVALID where the payload has another form
 */
export function readSimpleSigning(
  payload: Uint8Array,
  type: typeof ATOMIC_TYPE | typeof COSIGN_TYPE,
  digests: readonly Digest[],
): string {
  const { critical, optional } = checkDocument(
    schema,
    parseJson(payload, 'the payload', 'signature'),
    'the payload',
    'signature',
  );
  const twice = repeatedKey(Buffer.from(payload).toString('utf8'));
  if (twice !== undefined) throw refused('format', `the key ${twice} of its payload stands twice`);
  if (critical.type !== type) throw refused('payload-type', `its payload is of the type ${critical.type}`);
  // cosign writes null where nothing was signed along; GPG's signers always write an object.
  if (optional === null && type === ATOMIC_TYPE) throw refused('format', 'its payload has no optional part');
  const signed = critical.image['docker-manifest-digest'];
  if (!digests.some((digest) => digest === signed)) throw refused('payload-digest', `signed for ${signed}`);
  return critical.identity['docker-reference'];
}
