import { createHash, generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { initializeCA, initializeCTLog, initializeTLog, initializeTSA } from '@sigstore/mock';
import type { Digest } from '../../src/oci/digest.ts';
import { hexOf } from '../../src/oci/digest.ts';
import { tempDir } from './temp-dir.ts';

// Signs images as cosign does, with a CA, a certificate log, a transparency log and a timestamp authority in this process.

export const IDENTITY = 'https://example.com/app/.github/workflows/release.yaml@refs/heads/main';
export const ISSUER = 'https://token.example.com';

const LOG_URL = 'https://rekor.example.com';
const DAY = 86_400_000;

const OID_ISSUER = '1.3.6.1.4.1.57264.1.1';
const OID_ISSUER_V2 = '1.3.6.1.4.1.57264.1.8';

const base64 = (bytes: ArrayBufferView | Buffer): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

export function ecKeys(namedCurve = 'P-256'): KeyPairKeyObjectResult {
  return generateKeyPairSync('ec', { namedCurve });
}

export function publicPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

/** DSSE, protocol.md, "PAE" */
export function pae(payloadType: string, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `),
    payload,
  ]);
}

/** cosign's payload for an image. */
export function simpleSigning(digest: Digest, reference: string, changes: object = {}): Buffer {
  const critical = {
    identity: { 'docker-reference': reference },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
    ...changes,
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

/** An in-toto statement about an image; by default cosign 3's, which says nothing else. */
export function statement(digest: Digest, changes: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: hexOf(digest) } }],
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
      predicate: {},
      ...changes,
    }),
  );
}

/** Who signs: a key, or a certificate for a fresh key. */
export interface Signer {
  readonly privateKey: KeyObject;
  /** PEM of the certificate, or of the public key where there is none: what the log keeps. */
  readonly verifier: string;
  /** DER. */
  readonly certificate: Buffer | undefined;
}

/** Everything that vouches for signatures. */
export interface SignerWorld {
  /** trusted_root.json of this world. */
  readonly trustedRoot: string;
  readonly rootDocument: object;
  keySigner(keys: KeyPairKeyObjectResult): Signer;
  /** A certificate of this world's CA. */
  certified(options?: { readonly identity?: string; readonly issuer?: string }): Promise<Signer>;
  /** Annotations of a layer with this payload: cosign 1 and 2. */
  legacy(signer: Signer, payload: Buffer, options?: LegacyOptions): Promise<Record<string, string>>;
  /** A bundle of version 0.3 over a statement. */
  bundle(signer: Signer, payload: Buffer, options?: BundleOptions): Promise<Buffer>;
  /** An envelope and its annotations: cosign 1 and 2. */
  attestation(
    signer: Signer,
    payload: Buffer,
    predicateType: string,
  ): Promise<{ blob: Buffer; annotations: Record<string, string> }>;
}

export interface LegacyOptions {
  readonly logged?: boolean;
  readonly hash?: string;
}

export interface BundleOptions {
  readonly payloadType?: string;
  readonly stamped?: boolean;
}

/** What a log says of an entry, as `@sigstore/mock` has it. */
interface Logged {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: { readonly checkpoint: string; readonly rootHash: string; readonly treeSize: number };
  };
}

export async function makeSignerWorld(): Promise<SignerWorld> {
  const [caKeys, ctKeys, logKeys, tsaKeys] = [ecKeys('P-384'), ecKeys(), ecKeys(), ecKeys('P-384')];
  const ctLog = await initializeCTLog(ctKeys);
  const ca = await initializeCA(caKeys, ctLog);
  const tlog = await initializeTLog(LOG_URL, logKeys);
  const tsa = await initializeTSA(tsaKeys);
  const start = new Date(Date.now() - DAY).toISOString();
  const log = (baseUrl: string, key: KeyObject) => {
    const der = key.export({ type: 'spki', format: 'der' });
    return {
      baseUrl,
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: der.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: { start } },
      logId: { keyId: sha256(der).toString('base64') },
    };
  };
  const authority = (uri: string, certificates: readonly ArrayBufferView[]) => ({
    subject: { organization: 'example', commonName: 'example' },
    uri,
    certChain: { certificates: certificates.map((each) => ({ rawBytes: base64(each) })) },
    validFor: { start },
  });
  const rootDocument = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(LOG_URL, logKeys.publicKey)],
    certificateAuthorities: [authority('https://fulcio.example.com', [ca.rootCertificate])],
    ctlogs: [log('https://ctfe.example.com', ctKeys.publicKey)],
    timestampAuthorities: [authority('https://tsa.example.com', [tsa.intCertificate, tsa.rootCertificate])],
  };
  const trustedRoot = join(tempDir(), 'trusted_root.json');
  writeFileSync(trustedRoot, JSON.stringify(rootDocument));

  const logEntry = async (entry: object): Promise<Logged> => {
    const [found] = Object.values(await tlog.log(entry));
    if (found === undefined) throw new Error('the log has no entry');
    return found as unknown as Logged;
  };
  const hashedRekord = (payload: Buffer, signature: Buffer, verifier: string) => ({
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
  const dsseEntry = (envelope: object, payload: Buffer, signature: Buffer, verifier: string) => ({
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: { algorithm: 'sha256', value: sha256(Buffer.from(JSON.stringify(envelope))).toString('hex') },
      payloadHash: { algorithm: 'sha256', value: sha256(payload).toString('hex') },
      signatures: [{ signature: signature.toString('base64'), verifier: Buffer.from(verifier).toString('base64') }],
    },
  });
  const legacyLog = ({ body, integratedTime, logID, logIndex, verification }: Logged) =>
    JSON.stringify({
      SignedEntryTimestamp: verification.signedEntryTimestamp,
      Payload: { body, integratedTime, logIndex, logID },
    });
  const certificateAnnotation = ({ certificate }: Signer): Record<string, string> =>
    certificate === undefined ? {} : { 'dev.sigstore.cosign/certificate': pem('CERTIFICATE', certificate) };
  const envelopeOf = (signer: Signer, payload: Buffer, payloadType = 'application/vnd.in-toto+json') => {
    const signature = sign('sha256', pae(payloadType, payload), signer.privateKey);
    const envelope = {
      payloadType,
      payload: payload.toString('base64'),
      signatures: [{ sig: signature.toString('base64') }],
    };
    return { envelope, signature };
  };
  const stamp = async (bytes: Buffer) =>
    base64(
      await tsa.timestamp({
        artifactHash: sha256(bytes),
        hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
        nonce: 1,
        policyOID: '1.3.6.1.4.1.57264.2',
      }),
    );

  return {
    trustedRoot,
    rootDocument,
    keySigner: ({ privateKey, publicKey }) => ({ privateKey, verifier: publicPem(publicKey), certificate: undefined }),
    async certified({ identity = IDENTITY, issuer = ISSUER } = {}) {
      const { privateKey, publicKey } = ecKeys();
      const der = await ca.issueCertificate({
        publicKey: publicKey.export({ type: 'spki', format: 'der' }),
        subjectAltName: identity,
        extensions: [
          { oid: OID_ISSUER, value: issuer, legacy: true },
          { oid: OID_ISSUER_V2, value: issuer },
        ],
      });
      const certificate = Buffer.from(base64(der), 'base64');
      return { privateKey, verifier: pem('CERTIFICATE', certificate), certificate };
    },
    async legacy(signer, payload, { logged = true, hash = 'sha256' } = {}) {
      const signature = sign(hash, payload, signer.privateKey);
      const entry = logged ? await logEntry(hashedRekord(payload, signature, signer.verifier)) : undefined;
      return {
        'dev.cosignproject.cosign/signature': signature.toString('base64'),
        ...certificateAnnotation(signer),
        ...(entry === undefined ? {} : { 'dev.sigstore.cosign/bundle': legacyLog(entry) }),
      };
    },
    async bundle(signer, payload, { payloadType, stamped = false } = {}) {
      const { envelope, signature } = envelopeOf(signer, payload, payloadType);
      const { body, integratedTime, logID, logIndex, verification } = await logEntry(
        dsseEntry(envelope, payload, signature, signer.verifier),
      );
      const { checkpoint, rootHash, treeSize } = verification.inclusionProof;
      return Buffer.from(
        JSON.stringify({
          mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
          verificationMaterial: {
            ...(signer.certificate === undefined
              ? { publicKey: { hint: '' } }
              : { certificate: { rawBytes: signer.certificate.toString('base64') } }),
            tlogEntries: [
              {
                logIndex: String(logIndex),
                logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
                kindVersion: { kind: 'dsse', version: '0.0.1' },
                integratedTime: String(integratedTime),
                inclusionPromise: { signedEntryTimestamp: verification.signedEntryTimestamp },
                inclusionProof: {
                  logIndex: '0',
                  rootHash: Buffer.from(rootHash, 'hex').toString('base64'),
                  treeSize: String(treeSize),
                  hashes: [],
                  checkpoint: { envelope: checkpoint },
                },
                canonicalizedBody: body,
              },
            ],
            timestampVerificationData: {
              rfc3161Timestamps: stamped ? [{ signedTimestamp: await stamp(signature) }] : [],
            },
          },
          dsseEnvelope: envelope,
        }),
      );
    },
    async attestation(signer, payload, predicateType) {
      const { envelope, signature } = envelopeOf(signer, payload);
      const entry = await logEntry(dsseEntry(envelope, payload, signature, signer.verifier));
      return {
        blob: Buffer.from(JSON.stringify(envelope)),
        annotations: {
          'dev.cosignproject.cosign/signature': '',
          'dev.sigstore.cosign/bundle': legacyLog(entry),
          ...certificateAnnotation(signer),
          predicateType,
        },
      };
    },
  };
}
