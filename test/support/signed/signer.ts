import { createHash, generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { initializeCTLog, initializeTLog, initializeTSA } from '@sigstore/mock';
import type { Digest } from '../../../src/oci/digest.ts';
import { hexOf } from '../../../src/oci/digest.ts';
import { tempDir } from '../temp-dir.ts';
import { type CertificateOptions, makeAuthority } from './certificate-authority.ts';
import { bundleEntry, dsseEntry, type EntryChanges, hashedRekord, type Logged, legacyLog } from './log-entries.ts';
import { dsseEntryV2, hashedRekordV2, type LogV2, startLogV2 } from './rekor-v2.ts';

// Signs images as cosign does, with a CA, a certificate log, a transparency log and a timestamp authority in this
// process.

export const IDENTITY = 'https://example.com/app/.github/workflows/release.yaml@refs/heads/main';
export const ISSUER = 'https://token.example.com';

const LOG_URL = 'https://rekor.example.com';
const LOG_V2 = 'log2026-1.rekor.example.com';
const DAY = 86_400_000;

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

/** Ed25519 signs the bytes themselves, other keys a hash. */
function signWith(key: KeyObject, bytes: Buffer, hash = 'sha256'): Buffer {
  return sign(key.asymmetricKeyType === 'ed25519' ? null : hash, bytes, key);
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

/** A trusted_root.json. */
export interface RootDocument {
  readonly mediaType: string;
  readonly tlogs: readonly object[];
  readonly certificateAuthorities: readonly object[];
  readonly ctlogs: readonly object[];
  readonly timestampAuthorities: readonly object[];
}

/** Everything that vouches for signatures. */
export interface SignerWorld {
  /** trusted_root.json of this world. */
  readonly trustedRoot: string;
  readonly rootDocument: RootDocument;
  readonly logV2: LogV2;
  keySigner(keys: KeyPairKeyObjectResult): Signer;
  /** A certificate of this world's CA. */
  certified(options?: Partial<CertificateOptions>): Promise<Signer>;
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
  /** Changes to what is written into the log. */
  readonly entry?: EntryChanges;
  /** What the log's clock says. */
  readonly loggedAt?: Date;
  /** What a timestamp is made of: the signature (true), or other bytes. */
  readonly stamped?: boolean | Buffer;
}

export interface BundleOptions {
  readonly payloadType?: string;
  readonly stamped?: boolean | Buffer;
  readonly entry?: EntryChanges;
  /** Whether the log has it as `hashedrekord`, whose digest is over the signed bytes. */
  readonly loggedAsHash?: boolean;
  /** Without the log's promise: its proof alone, which tells no time. */
  readonly withoutPromise?: boolean;
  /** Whether the log of Rekor's second version has it instead of the first one's. */
  readonly inLogV2?: boolean;
}

/** @param issuingValid see `makeAuthority` */
export async function makeSignerWorld(issuingValid?: readonly [number, number]): Promise<SignerWorld> {
  const [root, issuing, ctKeys, logKeys, tsaKeys] = [
    ecKeys('P-384'),
    ecKeys('P-384'),
    ecKeys(),
    ecKeys(),
    ecKeys('P-384'),
  ];
  const ctLog = await initializeCTLog(ctKeys);
  const ca = await makeAuthority({ root, issuing, ctLog }, issuingValid);
  const tlog = await initializeTLog(LOG_URL, logKeys);
  const tsaClock = new Date();
  const tsa = await initializeTSA(tsaKeys, tsaClock);
  const start = new Date(Date.now() - DAY).toISOString();
  const logV2 = startLogV2(LOG_V2, start);
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
    tlogs: [log(LOG_URL, logKeys.publicKey), logV2.document],
    certificateAuthorities: [authority('https://fulcio.example.com', ca.chain)],
    ctlogs: [log('https://ctfe.example.com', ctKeys.publicKey)],
    timestampAuthorities: [authority('https://tsa.example.com', [tsa.intCertificate, tsa.rootCertificate])],
  };
  const trustedRoot = join(tempDir(), 'trusted_root.json');
  writeFileSync(trustedRoot, JSON.stringify(rootDocument));

  const logEntry = async (entry: object, at?: Date): Promise<Logged> => {
    const log = at === undefined ? tlog : await initializeTLog(LOG_URL, logKeys, at);
    const [found] = Object.values(await log.log(entry));
    if (found === undefined) throw new Error('the log has no entry');
    return found as unknown as Logged;
  };
  const certificateAnnotation = ({ certificate }: Signer): Record<string, string> =>
    certificate === undefined ? {} : { 'dev.sigstore.cosign/certificate': pem('CERTIFICATE', certificate) };
  const envelopeOf = (signer: Signer, payload: Buffer, payloadType = 'application/vnd.in-toto+json') => {
    const signature = signWith(signer.privateKey, pae(payloadType, payload));
    const envelope = {
      payloadType,
      payload: payload.toString('base64'),
      signatures: [{ sig: signature.toString('base64') }],
    };
    return { envelope, signature };
  };
  const stamp = async (bytes: Buffer) => {
    // Whole seconds: the mock writes fractions that readers refuse. Never before its own certificates.
    tsaClock.setTime(Math.floor(Date.now() / 1000) * 1000);
    return base64(
      await tsa.timestamp({
        artifactHash: sha256(bytes),
        hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
        nonce: 1,
        policyOID: '1.3.6.1.4.1.57264.2',
      }),
    );
  };

  return {
    trustedRoot,
    rootDocument,
    logV2,
    keySigner: ({ privateKey, publicKey }) => ({ privateKey, verifier: publicPem(publicKey), certificate: undefined }),
    async certified({ identity = IDENTITY, issuer = ISSUER, keys = ecKeys(), ...rest } = {}) {
      const certificate = await ca.issue({ identity, issuer, keys, ...rest });
      return { privateKey: keys.privateKey, verifier: pem('CERTIFICATE', certificate), certificate };
    },
    async legacy(signer, payload, { logged = true, hash, entry = {}, loggedAt, stamped = false } = {}) {
      const signature = signWith(signer.privateKey, payload, hash);
      const told = { payload, signature, verifier: signer.verifier, ...entry };
      const found = logged ? await logEntry(hashedRekord(told), loggedAt) : undefined;
      return {
        'dev.cosignproject.cosign/signature': signature.toString('base64'),
        ...certificateAnnotation(signer),
        ...(found === undefined ? {} : { 'dev.sigstore.cosign/bundle': legacyLog(found) }),
        ...(stamped && {
          'dev.sigstore.cosign/rfc3161timestamp': JSON.stringify({
            SignedRFC3161Timestamp: await stamp(stamped === true ? signature : stamped),
          }),
        }),
      };
    },
    async bundle(signer, payload, options = {}) {
      const { payloadType, stamped = false, entry = {}, loggedAsHash = false } = options;
      const { withoutPromise = false, inLogV2 = false } = options;
      const { envelope, signature } = envelopeOf(signer, payload, payloadType);
      const told = { payload, signature, verifier: signer.verifier, ...entry };
      const hashed = { ...told, payload: pae(envelope.payloadType, told.payload) };
      const record = loggedAsHash ? hashedRekord(hashed) : dsseEntry(envelope, told);
      const logged = inLogV2
        ? logV2.add(loggedAsHash ? hashedRekordV2(hashed) : dsseEntryV2(told))
        : bundleEntry(await logEntry(record), record, withoutPromise);
      return Buffer.from(
        JSON.stringify({
          mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
          verificationMaterial: {
            ...(signer.certificate === undefined
              ? { publicKey: { hint: '' } }
              : { certificate: { rawBytes: signer.certificate.toString('base64') } }),
            tlogEntries: [logged],
            timestampVerificationData: {
              rfc3161Timestamps: stamped
                ? [{ signedTimestamp: await stamp(stamped === true ? signature : stamped) }]
                : [],
            },
          },
          dsseEnvelope: envelope,
        }),
      );
    },
    async attestation(signer, payload, predicateType) {
      const { envelope, signature } = envelopeOf(signer, payload);
      const entry = await logEntry(dsseEntry(envelope, { payload, signature, verifier: signer.verifier }));
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
