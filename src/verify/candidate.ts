import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { MAX_BROUGHT_CERTIFICATES, type ParsedCertificate, parseCertificates } from '../crypto/certificate-path.ts';
import { pemToDer, sha256 } from '../crypto/public-key.ts';
import { parseJson } from '../oci/document.ts';
import * as z from '../schema/zod.ts';
import { asRefusal, refused } from './refuse.ts';
import { type Envelope, isDigestOf } from './signed-content.ts';

/** How a signature was attached to an image. */
export type Form = 'cosign-tag' | 'cosign-referrer' | 'bundle' | 'attestation-tag' | 'directory';

/** The signed bytes: cosign's payload, or an in-toto statement in a DSSE envelope. */
export type SignedBytes =
  | { readonly kind: 'payload'; readonly payload: Buffer; readonly signature: Buffer }
  | { readonly kind: 'envelope'; readonly envelope: Envelope; readonly stamped: Buffer | undefined };

/** A signature that was found, parsed and not yet verified. */
export interface Candidate {
  readonly form: Form;
  readonly bundle: Bundle;
  readonly signed: SignedBytes;
  /** The signing certificate, DER; undefined for a signature by a bare key. */
  readonly certificate: Buffer | undefined;
  /** Untrusted certificates that the signature brings: they may complete a path to a root that a policy trusts. */
  readonly intermediates: readonly ParsedCertificate[];
}

/** The annotations of a layer in which cosign keeps a signature. cosign, specs/SIGNATURE_SPEC.md */
const COSIGN_ANNOTATION = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  bundle: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
  predicateType: 'predicateType',
} as const;

export type Annotations = Readonly<Record<string, string>>;

const legacyBundle = z.object({
  SignedEntryTimestamp: z.string(),
  Payload: z.object({
    body: z.string(),
    integratedTime: z.int().check(z.nonnegative()),
    logIndex: z.int().check(z.nonnegative()),
    logID: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  }),
});
const legacyTimestamp = z.object({ SignedRFC3161Timestamp: z.string() });
const entryHead = z.object({ kind: z.string(), apiVersion: z.string() });
const dsseEnvelope = z.object({
  payloadType: z.string(),
  payload: z.string(),
  signatures: z.array(z.object({ sig: z.string() })).check(z.length(1)),
});

function json(text: string | Uint8Array, what: string): unknown {
  return parseJson(typeof text === 'string' ? Buffer.from(text, 'utf8') : text, what, 'signature');
}

/** Converts the log entry of cosign's bundle annotation to that of a Sigstore bundle. */
function tlogEntries(annotation: string | undefined): readonly object[] {
  if (annotation === undefined) return [];
  const { SignedEntryTimestamp, Payload } = legacyBundle.parse(json(annotation, 'the bundle annotation'));
  const { kind, apiVersion } = entryHead.parse(json(Buffer.from(Payload.body, 'base64'), 'the log entry'));
  return [
    {
      logIndex: String(Payload.logIndex),
      integratedTime: String(Payload.integratedTime),
      logId: { keyId: Buffer.from(Payload.logID, 'hex').toString('base64') },
      kindVersion: { kind, version: apiVersion },
      inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
      canonicalizedBody: Payload.body,
    },
  ];
}

/**
 * Returns the verification material of a signature by cosign 1 or 2. The `chain` annotation is left out: a signature
 * must not bring its own CAs.
 */
function verificationMaterial(annotations: Annotations) {
  const pem = annotations[COSIGN_ANNOTATION.certificate];
  const certificate = pem === undefined || pem === '' ? undefined : pemToDer(pem);
  if (certificate?.length === 0) throw refused('certificate', 'its certificate is not PEM');
  const stamp = annotations[COSIGN_ANNOTATION.timestamp];
  const { SignedRFC3161Timestamp } = stamp ? legacyTimestamp.parse(json(stamp, 'the timestamp')) : {};
  return {
    ...(certificate === undefined
      ? { publicKey: { hint: '' } }
      : { x509CertificateChain: { certificates: [{ rawBytes: certificate.toString('base64') }] } }),
    tlogEntries: tlogEntries(annotations[COSIGN_ANNOTATION.bundle] || undefined),
    timestampVerificationData: {
      rfc3161Timestamps: SignedRFC3161Timestamp === undefined ? [] : [{ signedTimestamp: SignedRFC3161Timestamp }],
    },
  };
}

/** Returns the signing certificate of a bundle, DER; undefined for a bare key. */
function certificateOf({ verificationMaterial: { content } }: Bundle): Buffer | undefined {
  if (content.$case === 'publicKey') return undefined;
  if (content.$case === 'certificate') return Buffer.from(content.certificate.rawBytes);
  const [leaf] = content.x509CertificateChain.certificates;
  if (leaf === undefined) throw refused('certificate', 'its certificate is missing');
  return Buffer.from(leaf.rawBytes);
}

const MEDIA_TYPE_V01 = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
const MEDIA_TYPES_V03 = new Set([
  'application/vnd.dev.sigstore.bundle.v0.3+json',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
]);

/** Runs a parser, and turns each error of it into a refusal of the signature. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw asRefusal(error);
  }
}

/**
 * Reads a signature of cosign 1 or 2: a layer's blob is the payload, the layer's annotations are the rest.
 * @throws SIGNATURE_INVALID
 */
export function readPayloadSignature(form: Form, payload: Buffer, annotations: Annotations): Candidate {
  return reading(() => {
    const text = (annotations[COSIGN_ANNOTATION.signature] ?? '').replace(/[\r\n]/g, '');
    const signature = Buffer.from(text, 'base64');
    if (signature.length === 0) throw refused('format', 'it has no signature');
    const bundle = bundleFromJSON({
      mediaType: MEDIA_TYPE_V01,
      verificationMaterial: verificationMaterial(annotations),
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: sha256(payload).toString('base64') },
        signature: text,
      },
    });
    const intermediates = parseCertificates(annotations[COSIGN_ANNOTATION.chain] ?? '');
    if (intermediates.length > MAX_BROUGHT_CERTIFICATES) {
      throw refused('limit', `it brings ${intermediates.length} certificates along`);
    }
    return {
      form,
      bundle,
      signed: { kind: 'payload', payload, signature },
      certificate: certificateOf(bundle),
      intermediates,
    };
  });
}

/** Returns the DSSE envelope of a decoded bundle; undefined for a bundle over a file. */
function envelopeOf(bundle: Bundle): Envelope | undefined {
  if (bundle.content.$case !== 'dsseEnvelope') return undefined;
  const { payloadType, payload, signatures } = bundle.content.dsseEnvelope;
  const [signature] = signatures;
  if (signature === undefined || signatures.length !== 1) {
    throw refused('format', `its envelope has ${signatures.length} signatures instead of one`);
  }
  return { payloadType, payload: Buffer.from(payload), signature: Buffer.from(signature.sig) };
}

/** Reads an attestation of cosign 1 or 2: the blob is a DSSE envelope. @throws SIGNATURE_INVALID */
export function readAttestation(form: Form, blob: Buffer, annotations: Annotations): Candidate {
  return reading(() => {
    const envelope = dsseEnvelope.parse(json(blob, 'the envelope'));
    const bundle = bundleFromJSON({
      mediaType: MEDIA_TYPE_V01,
      verificationMaterial: verificationMaterial(annotations),
      dsseEnvelope: envelope,
    });
    const read = envelopeOf(bundle);
    if (read === undefined) throw refused('format', 'it has no envelope');
    const isStamped = (annotations[COSIGN_ANNOTATION.timestamp] ?? '') !== '';
    return {
      form,
      bundle,
      signed: { kind: 'envelope', envelope: read, stamped: isStamped ? blob : undefined },
      certificate: certificateOf(bundle),
      intermediates: [],
    };
  });
}

/**
 * Reads a Sigstore bundle.
 * @param artifact the signed file; absent for a bundle of an image, whose content is an envelope
 * @param isAttached whether the bundle is attached to an image: such a bundle must be of version 0.3, as for cosign
 * @throws SIGNATURE_INVALID
 */
export function readBundle(
  bytes: Buffer,
  { artifact, isAttached }: { artifact?: Buffer; isAttached: boolean },
): Candidate {
  return reading(() => {
    const bundle = bundleFromJSON(json(bytes, 'the bundle'));
    if (isAttached && !MEDIA_TYPES_V03.has(bundle.mediaType))
      throw refused('format', 'it is not a bundle of version 0.3');
    const certificate = certificateOf(bundle);
    const envelope = envelopeOf(bundle);
    if (envelope !== undefined) {
      return {
        form: 'bundle',
        bundle,
        signed: { kind: 'envelope', envelope, stamped: undefined },
        certificate,
        intermediates: [],
      };
    }
    if (bundle.content.$case !== 'messageSignature' || artifact === undefined) {
      throw refused('payload-type', 'it signs a file, not a statement');
    }
    const { signature, messageDigest } = bundle.content.messageSignature;
    const signed = { kind: 'payload', payload: artifact, signature: Buffer.from(signature) } as const;
    if (messageDigest !== undefined) checkMessageDigest(messageDigest.digest, artifact);
    return { form: 'bundle', bundle, signed, certificate, intermediates: [] };
  });
}

function checkMessageDigest(digest: Uint8Array, artifact: Buffer): void {
  if (digest.length > 0 && !isDigestOf(digest, artifact)) {
    throw refused('payload-digest', 'its digest is not that of the file');
  }
}
