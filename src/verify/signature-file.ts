import { z } from 'zod';
import { asRefusal } from './refuse.ts';
import type { AttachedBytes } from './verify-attached.ts';

/**
 * What containers/image writes before a signature that is not OpenPGP's. containers/image,
 * signature/internal/signature.go
 */
const MAGIC = Buffer.from('\0sigstore-json\n', 'latin1');
const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';

const fileSchema = z.object({
  mimeType: z.string(),
  payload: z.string(),
  annotations: z.record(z.string(), z.string()).default({}),
});

/**
 * A `signature-N` file of skopeo's `dir:` that holds one of cosign's signatures; undefined for any other (OpenPGP,
 * other types).
 * @throws SIGNATURE_INVALID for one that says it is cosign's and cannot be read
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
