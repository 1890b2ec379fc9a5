import * as z from '../schema/zod.ts';
import { asRefusal } from './refuse.ts';
import type { AttachedBytes } from './verify-attached.ts';

/** The prefix of a signature that is not OpenPGP's. containers/image, signature/internal/signature.go */
const MAGIC = Buffer.from('\0sigstore-json\n', 'latin1');
const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';

const fileSchema = z.object({
  mimeType: z.string(),
  payload: z.string(),
  annotations: z._default(z.record(z.string(), z.string()), {}),
});

/**
 * Reads a `signature-N` file of skopeo's `dir:`. Returns undefined for a signature that is not cosign's (OpenPGP, other
 * types).
 * @throws SIGNATURE_INVALID for a malformed signature of cosign's
 */
export function readSignatureFile(bytes: Buffer): AttachedBytes | undefined {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  try {
    const json: unknown = JSON.parse(bytes.subarray(MAGIC.length).toString('utf8'));
    const { mimeType, payload, annotations } = fileSchema.parse(json);
    if (mimeType !== PAYLOAD_TYPE) return undefined;
    return { kind: 'payload', form: 'directory', bytes: Buffer.from(payload, 'base64'), annotations };
  } catch (error) {
    throw asRefusal(error);
  }
}
