import type { SignedEntity } from '@sigstore/verify';
import { hashOfLength, type KeyObject, sameBytes, verifies } from '../crypto/public-key.ts';

type SignatureContent = SignedEntity['signature'];

/** Returns whether a digest of 32, 48 or 64 bytes (SHA-2) is that of the data. */
export function isDigestOf(digest: Uint8Array, data: Uint8Array): boolean {
  const found = hashOfLength(digest.length, data);
  return found !== undefined && sameBytes(found, digest);
}

/**
 * Returns a signature over bytes, for `@sigstore/verify`. It replaces the library's own class. That class knows only
 * SHA-256, refuses Ed25519, and compares the log's digest with the one in the bundle, not with the payload's.
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

/** Returns the bytes that an envelope's signature covers. DSSE, protocol.md, "PAE" */
function preAuthEncoding({ payloadType, payload }: Envelope): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `, 'utf8'),
    type,
    Buffer.from(` ${payload.length} `, 'utf8'),
    payload,
  ]);
}

/**
 * Returns a signed envelope, for `@sigstore/verify`.
 * @param isLoggedAsHash whether its log entries are of the kind `hashedrekord`: their digest is over the PAE, that of
 *   other kinds over the payload
 * @param stamped the bytes that timestamps cover, if not the signature: cosign stamps an attestation's whole envelope
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
