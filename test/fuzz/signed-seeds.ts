import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePublicKey } from '../../src/crypto/public-key.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { Requirement } from '../../src/verify/verify-candidate.ts';
import { ROOT } from '../support/checkout.ts';
import { hashedRekord, legacyLog } from '../support/signed/log-entries.ts';
import { pae, publicPem, simpleSigning, statement } from '../support/signed/signer.ts';

// Good signatures of an image that nobody asks for, the same bytes every time: keys of Ed25519 sign without chance.

export const SIGNED = `sha256:${'2'.repeat(64)}` as Digest;
export const WANTED = `sha256:${'1'.repeat(64)}` as Digest;
export const IN_TOTO = 'application/vnd.in-toto+json';

/** An Ed25519 key of 32 bytes. RFC 8410, section 7 */
function keyOf(byte: number): KeyObject {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex');
  return createPrivateKey({ key: Buffer.concat([head, Buffer.alloc(32, byte)]), format: 'der', type: 'pkcs8' });
}

const [signerKey, logKey] = [keyOf(1), keyOf(2)];
const verifier = publicPem(createPublicKey(signerKey));
const logSpki = createPublicKey(logKey).export({ type: 'spki', format: 'der' });
const logId = createHash('sha256').update(logSpki).digest();
const HOST = 'rekor.example.com';

export const REQUIREMENTS: readonly Requirement[] = [
  { kind: 'key', keys: [parsePublicKey(verifier, 'cosign.pub')], ignoresLog: false },
  { kind: 'key', keys: [parsePublicKey(verifier, 'cosign.pub')], ignoresLog: true },
  { kind: 'identity', identity: { pattern: /^/u }, issuer: { pattern: /^/u }, ignoresSct: true },
];

/** trusted_root.json with the log of these signatures, and the authorities of the public one. */
export function trustedRoot(): Record<string, unknown> {
  const seeds = JSON.parse(readFileSync(join(ROOT, 'node_modules', '@sigstore', 'tuf', 'seeds.json'), 'utf8'));
  const { targets } = seeds['https://tuf-repo-cdn.sigstore.dev'];
  const document: Record<string, unknown> = JSON.parse(
    Buffer.from(targets['trusted_root.json'], 'base64').toString('utf8'),
  );
  const log = {
    baseUrl: `https://${HOST}`,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: logSpki.toString('base64'),
      keyDetails: 'PKIX_ED25519',
      validFor: { start: '2020-01-01T00:00:00Z' },
    },
    logId: { keyId: logId.toString('base64') },
  };
  return { ...document, tlogs: [log] };
}

/** PEM of certificates that are real ones, though no signer's. */
export function certificates(): readonly string[] {
  const rawBytes = JSON.stringify(trustedRoot().certificateAuthorities).matchAll(/"rawBytes":"([^"]+)"/g);
  return [...rawBytes].map(([, base64]) => `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`);
}

/** What the log says of a record: its promise, and its proof for a log of one entry. */
function logged(record: object) {
  const body = Buffer.from(JSON.stringify(record));
  const entry = { body: body.toString('base64'), integratedTime: 1_700_000_000, logID: logId.toString('hex') };
  const promise = sign(null, Buffer.from(JSON.stringify({ ...entry, logIndex: 5 }, promiseOrder)), logKey);
  const rootHash = createHash('sha256')
    .update(Buffer.from([0]))
    .update(body)
    .digest();
  const note = `${HOST} - 1\n1\n${rootHash.toString('base64')}\n`;
  const signed = Buffer.concat([logId.subarray(0, 4), sign(null, Buffer.from(note), logKey)]).toString('base64');
  const checkpoint = `${note}\n\u2014 ${HOST} ${signed}\n`;
  const inclusionProof = { checkpoint, rootHash: rootHash.toString('hex'), treeSize: 1 };
  const signedEntryTimestamp = promise.toString('base64');
  return { ...entry, logIndex: 5, verification: { signedEntryTimestamp, inclusionProof } };
}

/** The keys of what a promise is over, in the order of canonical JSON (RFC 8785). */
const promiseOrder = ['body', 'integratedTime', 'logID', 'logIndex'];

/** Payload and annotations of a signature of cosign 1 and 2. */
export function annotatedSeeds(): readonly Buffer[] {
  const payload = simpleSigning(SIGNED, 'registry.example/app');
  const signature = sign(null, payload, signerKey);
  const annotations = {
    'dev.cosignproject.cosign/signature': signature.toString('base64'),
    'dev.sigstore.cosign/bundle': legacyLog(logged(hashedRekord({ payload, signature, verifier }))),
  };
  const all = [
    annotations,
    ...certificates().map((certificate) => ({ ...annotations, 'dev.sigstore.cosign/certificate': certificate })),
    { ...annotations, 'dev.sigstore.cosign/rfc3161timestamp': '{"SignedRFC3161Timestamp":"MAMCAQA="}' },
  ];
  return all.map((each) => Buffer.from(JSON.stringify({ payload: payload.toString('base64'), annotations: each })));
}

/** A bundle of version 0.3; with another checkpoint where one is given. */
export function bundleSeed(checkpointOf: (own: string) => string = (own) => own): Buffer {
  const payload = statement(SIGNED);
  const signature = sign(null, pae(IN_TOTO, payload), signerKey);
  const record = hashedRekord({ payload: pae(IN_TOTO, payload), signature, verifier });
  const { body, integratedTime, logIndex, verification } = logged(record);
  const { signedEntryTimestamp, inclusionProof } = verification;
  const entry = {
    logIndex: String(logIndex),
    logId: { keyId: logId.toString('base64') },
    kindVersion: { kind: record.kind, version: record.apiVersion },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      logIndex: '0',
      rootHash: Buffer.from(inclusionProof.rootHash, 'hex').toString('base64'),
      treeSize: '1',
      hashes: [],
      checkpoint: { envelope: checkpointOf(inclusionProof.checkpoint) },
    },
    canonicalizedBody: body,
  };
  const envelope = {
    payloadType: IN_TOTO,
    payload: payload.toString('base64'),
    signatures: [{ sig: signature.toString('base64') }],
  };
  return Buffer.from(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [entry] },
      dsseEnvelope: envelope,
    }),
  );
}
