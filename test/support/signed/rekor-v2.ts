import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { EntryChanges } from './log-entries.ts';

// A transparency log of Rekor's second version: it promises nothing and tells no time. Checkpoints prove its entries.

const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** An entry that a signer asks for. */
export interface Entry {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: object;
}

/** The key or the certificate that an entry is for. @param pem of either */
function verifierOf(pem: string): object {
  const keyDetails = 'PKIX_ECDSA_P256_SHA_256';
  if (pem.includes('CERTIFICATE')) {
    return { keyDetails, x509Certificate: { rawBytes: new X509Certificate(pem).raw.toString('base64') } };
  }
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return { keyDetails, publicKey: { rawBytes: der.toString('base64') } };
}

const digestOf = (bytes: Buffer) => ({ algorithm: 'SHA2_256', digest: sha256(bytes).toString('base64') });

/** An entry of the kind `hashedrekord`, version 0.0.2. */
export const hashedRekordV2 = ({ payload, signature, verifier }: Required<EntryChanges>): Entry => ({
  apiVersion: '0.0.2',
  kind: 'hashedrekord',
  spec: {
    hashedRekordV002: {
      data: digestOf(payload),
      signature: { content: signature.toString('base64'), verifier: verifierOf(verifier) },
    },
  },
});

/** An entry of the kind `dsse`, version 0.0.2. */
export const dsseEntryV2 = ({ payload, signature, verifier }: Required<EntryChanges>): Entry => ({
  apiVersion: '0.0.2',
  kind: 'dsse',
  spec: {
    dsseV002: {
      payloadHash: digestOf(payload),
      signatures: [{ content: signature.toString('base64'), verifier: verifierOf(verifier) }],
    },
  },
});

/** RFC 6962, 2.1: the hash over leaves, and the hashes that lead from one leaf to it. */
const node = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.from([1]), left, right);
const splitOf = (leaves: readonly Buffer[]): number => 2 ** Math.floor(Math.log2(leaves.length - 1));

function rootOf(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only === undefined) throw new Error('a log without entries has no checkpoint');
  if (leaves.length === 1) return only;
  const split = splitOf(leaves);
  return node(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

function pathTo(index: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length === 1) return [];
  const split = splitOf(leaves);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split ? [...pathTo(index, left), rootOf(right)] : [...pathTo(index - split, right), rootOf(left)];
}

/** A log of Rekor's second version. */
export interface LogV2 {
  /** The log as a trusted root has it. */
  readonly document: object;
  /** Takes an entry, and returns what a bundle has of it. */
  add(entry: Entry): object;
}

/** Starts a log that others have written into. @param start of its validity, RFC 3339 */
export function startLogV2(origin: string, start: string): LogV2 {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const der = publicKey.export({ type: 'spki', format: 'der' });
  // C2SP signed-note: the ID of an Ed25519 key
  const logId = { keyId: sha256(Buffer.from(`${origin}\n\u0001`), der.subarray(-32)).toString('base64') };
  const hint = Buffer.from(logId.keyId, 'base64').subarray(0, 4);
  const leaves: Buffer[] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const checkpoint = (): string => {
    const note = `${origin}\n${leaves.length}\n${rootOf(leaves).toString('base64')}\n`;
    const own = Buffer.concat([hint, sign(null, Buffer.from(note), privateKey)]).toString('base64');
    // Real checkpoints have signatures of witnesses, too, whom no trusted root names
    const witness = randomBytes(76).toString('base64');
    return `${note}\n\u2014 ${origin} ${own}\n\u2014 witness.example.com ${witness}\n`;
  };
  return {
    document: {
      baseUrl: `https://${origin}`,
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: der.toString('base64'), keyDetails: 'PKIX_ED25519', validFor: { start } },
      logId,
    },
    add({ kind, apiVersion, spec }) {
      const body = Buffer.from(JSON.stringify({ apiVersion, kind, spec }));
      const index = leaves.length;
      // Somebody else's entry comes before the checkpoint
      leaves.push(sha256(Buffer.from([0]), body), randomBytes(32));
      return {
        logIndex: String(index),
        logId,
        kindVersion: { kind, version: apiVersion },
        inclusionProof: {
          logIndex: String(index),
          rootHash: rootOf(leaves).toString('base64'),
          treeSize: String(leaves.length),
          hashes: pathTo(index, leaves).map((hash) => hash.toString('base64')),
          checkpoint: { envelope: checkpoint() },
        },
        canonicalizedBody: body.toString('base64'),
      };
    },
  };
}
