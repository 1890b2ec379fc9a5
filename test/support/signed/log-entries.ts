import { createHash } from 'node:crypto';

// Entries of a transparency log, as signers ask for them.

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** What the log is told instead of the truth. */
export interface EntryChanges {
  readonly signature?: Buffer;
  readonly payload?: Buffer;
  readonly verifier?: string;
}

/** What a log says of an entry, as `@sigstore/mock` has it. */
export interface Logged {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: { readonly checkpoint: string; readonly rootHash: string; readonly treeSize: number };
  };
}

/** A body of the kind `hashedrekord`, version 0.0.1. */
export const hashedRekord = ({ payload, signature, verifier }: Required<EntryChanges>) => ({
  apiVersion: '0.0.1',
  kind: 'hashedrekord',
  spec: {
    data: { hash: { algorithm: 'sha256', value: sha256(payload).toString('hex') } },
    signature: {
      content: signature.toString('base64'),
      publicKey: { content: Buffer.from(verifier).toString('base64') },
    },
  },
});
/** A body of the kind `dsse`, version 0.0.1. */
export const dsseEntry = (envelope: object, { payload, signature, verifier }: Required<EntryChanges>) => ({
  apiVersion: '0.0.1',
  kind: 'dsse',
  spec: {
    envelopeHash: { algorithm: 'sha256', value: sha256(Buffer.from(JSON.stringify(envelope))).toString('hex') },
    payloadHash: { algorithm: 'sha256', value: sha256(payload).toString('hex') },
    signatures: [{ signature: signature.toString('base64'), verifier: Buffer.from(verifier).toString('base64') }],
  },
});

/** What a bundle has of an entry. @param withoutPromise its proof alone, which tells no time */
export function bundleEntry(
  { body, integratedTime, logID, logIndex, verification }: Logged,
  { kind, apiVersion }: { readonly kind: string; readonly apiVersion: string },
  withoutPromise: boolean,
): object {
  const { signedEntryTimestamp, inclusionProof } = verification;
  const { checkpoint, rootHash, treeSize } = inclusionProof;
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(integratedTime),
    ...(withoutPromise ? {} : { inclusionPromise: { signedEntryTimestamp } }),
    inclusionProof: {
      logIndex: '0',
      rootHash: Buffer.from(rootHash, 'hex').toString('base64'),
      treeSize: String(treeSize),
      hashes: [],
      checkpoint: { envelope: checkpoint },
    },
    canonicalizedBody: body,
  };
}

/** What cosign 1 and 2 keep of an entry. */
export const legacyLog = ({ body, integratedTime, logID, logIndex, verification }: Logged) =>
  JSON.stringify({
    SignedEntryTimestamp: verification.signedEntryTimestamp,
    Payload: { body, integratedTime, logIndex, logID },
  });
