import { crypto, pem } from '@sigstore/core';
import { TsimgError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import { digestOf } from './digest.ts';

/** Node's key object, as the library makes it. */
export type KeyObject = ReturnType<typeof crypto.createPublicKey>;

/** A public key that signatures are verified with. */
export interface PublicKey {
  readonly object: KeyObject;
  /** DER of the SubjectPublicKeyInfo (RFC 5280, 4.1.2.7). */
  readonly spki: Buffer;
  /** SHA-256 of `spki`, which names the key for people. */
  readonly fingerprint: Digest;
}

const PEM_KEY = /-----BEGIN (?:RSA )?PUBLIC KEY-----[\s\S]+?-----END (?:RSA )?PUBLIC KEY-----/;
/** The most characters of a key: far more than an RSA key of 16,384 bits needs. */
const MAX_KEY_BYTES = 64 * 1024;

function keyInvalid(where: string, why: string, cause?: unknown): TsimgError {
  return new TsimgError('KEY_INVALID', 'not a public key', {
    where,
    why,
    hint: 'a PEM file that begins with -----BEGIN PUBLIC KEY----- is expected, such as cosign.pub',
    cause,
  });
}

/** Makes a key from Node's object. @throws TypeError for a private key */
export function publicKeyOf(object: KeyObject): PublicKey {
  const spki = object.export({ type: 'spki', format: 'der' });
  return { object, spki, fingerprint: digestOf(spki) };
}

/** Parses a PEM public key: RSA, ECDSA or Ed25519. @param where for errors @throws KEY_INVALID */
export function parsePublicKey(text: string, where: string): PublicKey {
  if (text.length > MAX_KEY_BYTES) throw keyInvalid(where, 'the file is too large for a key');
  const block = PEM_KEY.exec(text)?.[0];
  if (block === undefined) throw keyInvalid(where, 'it holds no PEM public key');
  let object: KeyObject;
  try {
    object = crypto.createPublicKey(block);
  } catch (error) {
    throw keyInvalid(where, 'its PEM block cannot be decoded', error);
  }
  if (!['rsa', 'ec', 'ed25519'].includes(object.asymmetricKeyType ?? '')) {
    throw keyInvalid(where, `keys of the type ${object.asymmetricKeyType} make no image signatures`);
  }
  return publicKeyOf(object);
}

/** Returns the DER of the first block of a PEM text, whatever its label; empty where there is none. */
export function pemToDer(text: string): Buffer {
  const block = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/.exec(text)?.[0];
  return block === undefined ? Buffer.alloc(0) : pem.toDER(block);
}

/** The hashes of a key's signatures: SHA-256, and for larger curves also their own, which some signers use. */
function hashesOf(key: KeyObject): readonly string[] {
  if (key.asymmetricKeyType !== 'ec') return ['sha256'];
  const own: Readonly<Record<string, string>> = { secp384r1: 'sha384', secp521r1: 'sha512' };
  const larger = own[key.asymmetricKeyDetails?.namedCurve ?? ''];
  return larger === undefined ? ['sha256'] : ['sha256', larger];
}

/** Ed25519ph (RFC 8032, 5.1), which Node lacks; undefined until it is loaded. */
let prehashed: ((signature: Uint8Array, message: Uint8Array, key: Uint8Array) => boolean) | undefined;

/**
 * Loads the verifier of Ed25519ph, with which cosign signs by Ed25519 keys since version 2. Call it for such a key
 * before `verifies`.
 */
export async function loadPrehashed(): Promise<void> {
  const { ed25519ph } = await import('@noble/curves/ed25519');
  prehashed ??= (signature, message, key) => ed25519ph.verify(signature, message, key, { zip215: false });
}

function verifiesPrehashed(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  if (prehashed === undefined || signature.length !== 64) return false;
  try {
    return prehashed(signature, message, key.export({ type: 'spki', format: 'der' }).subarray(-32));
  } catch {
    return false;
  }
}

/**
 * Returns whether a signature over data is this key's: PKCS #1 v1.5 for RSA, ECDSA, Ed25519 (RFC 8032), and Ed25519ph
 * once it is loaded. Never throws.
 */
export function verifies(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const [bytes, signed] = [Buffer.from(data), Buffer.from(signature)];
  if (key.asymmetricKeyType === 'ed25519')
    return crypto.verify(bytes, key, signed) || verifiesPrehashed(key, bytes, signed);
  return hashesOf(key).some((hash) => crypto.verify(bytes, key, signed, hash));
}

/** Returns the SHA-2 hash of data with this length in bytes (32, 48 or 64); undefined for another length. */
export function hashOfLength(length: number, data: Uint8Array): Buffer | undefined {
  const name = { 32: 'sha256', 48: 'sha384', 64: 'sha512' }[length];
  return name === undefined ? undefined : crypto.digest(name, data);
}

/** Compares two byte strings in a time that does not depend on their difference. */
export function sameBytes(first: Uint8Array, second: Uint8Array): boolean {
  return crypto.bufferEqual(Buffer.from(first), Buffer.from(second));
}

/** Returns the SHA-256 hash of bytes. */
export function sha256(data: Uint8Array): Buffer {
  return crypto.digest('sha256', Buffer.from(data));
}

/** Parses a key of a trusted root: SPKI, or PKCS #1 for old RSA keys. @throws any error of Node's for other bytes */
function keyOfRoot(der: Uint8Array): KeyObject {
  try {
    return crypto.createPublicKey(Buffer.from(der));
  } catch {
    return crypto.createPublicKey(Buffer.from(der), 'pkcs1');
  }
}

/**
 * Returns the possible IDs of a log with this key: the SHA-256 of the key (RFC 6962, 3.2), and for Ed25519 that of the
 * log's name, a newline, 1 and the key (C2SP signed-note).
 * @param der of a trusted root
 * @param name the log's origin
 */
export function logIdsOf(der: Uint8Array, name: string): readonly Buffer[] {
  const key = keyOfRoot(der);
  const spki = key.export({ type: 'spki', format: 'der' });
  const plain = crypto.digest('sha256', spki);
  if (key.asymmetricKeyType !== 'ed25519') return [plain];
  return [plain, crypto.digest('sha256', Buffer.from(`${name}\n\u0001`, 'utf8'), spki.subarray(-32))];
}
