import type { SignedEntity } from '@sigstore/verify';
import { hashOfLength, type KeyObject, sameBytes, verifies } from '../crypto/public-key.ts';

type SignatureContent = SignedEntity['signature'];

/** Whether a digest of 32, 48 or 64 bytes is that of data. */
export function isDigestOf(digest: Uint8Array, data: Uint8Array): boolean {
  const found = hashOfLength(digest.length, data);
  return found !== undefined && sameBytes(found, digest);
}

/**
 * A signature over bytes, for `@sigstore/verify`. It stands in for the library's own, which knows SHA-256 alone,
 * refuses Ed25519, and compares the log's digest with the one that the bundle names instead of the payload's.
 */
export function signedPayload(payload: Uint8Array, signature: Uint8Array): SignatureContent {
  return {
    signature: Buffer.from(signature),
    compareSignature: (other) => sameBytes(other, signature),
    compareDigest: (digest) => isDigestOf(digest, payload),
    verifySignature: (key: KeyObject) => verifies(key, payload, signature),
  };
}

/** A DSSE envelope with its one signature. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** What the signature of an envelope is over. DSSE, protocol.md, "PAE" */
export function preAuthEncoding({ payloadType, payload }: Envelope): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `, 'utf8'),
    type,
    Buffer.from(` ${payload.length} `, 'utf8'),
    payload,
  ]);
}

/**
 * A signed envelope, for `@sigstore/verify`.
 * @param isLoggedAsHash whether its log entries are of the kind `hashedrekord`, whose digest is over the signed bytes
 * (PAE); that of the other kinds is over the payload
 * @param stamped what timestamps are over, where that is not the signature: cosign stamps the whole envelope of an
 * attestation
 */
export function signedEnvelope(envelope: Envelope, isLoggedAsHash: boolean, stamped?: Uint8Array): SignatureContent {
  const signed = preAuthEncoding(envelope);
  const logged = isLoggedAsHash ? signed : envelope.payload;
  return {
    signature: Buffer.from(stamped ?? envelope.signature),
    compareSignature: (other) => sameBytes(other, envelope.signature),
    compareDigest: (digest) => isDigestOf(digest, logged),
    verifySignature: (key: KeyObject) => verifies(key, signed, envelope.signature),
  };
}
