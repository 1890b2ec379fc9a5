import type { Bundle } from '@sigstore/bundle';
import { type SignedEntity, type TrustMaterial, toSignedEntity, Verifier } from '@sigstore/verify';
import { parseSigningCertificate, type SigningCertificate } from '../crypto/certificate.ts';
import { certificatePath, isPathValidAt } from '../crypto/certificate-path.ts';
import { type PublicKey, sameBytes } from '../crypto/public-key.ts';
import type { Candidate } from './candidate.ts';
import { checkIdentity, nameText, type WantedIdentity } from './identity.ts';
import { knownCheckpoint } from './known-checkpoint.ts';
import { checkLogKey } from './log-key.ts';
import { asRefusal, OUT_OF_TIME, refused, UPDATE_HINT } from './refuse.ts';
import { signedEnvelope, signedPayload } from './signed-content.ts';
import type { TrustRoot } from './trust-root.ts';

/** The wanted signer. */
export type Requirement =
  | {
      readonly kind: 'key';
      /** A signature by any of them counts. */
      readonly keys: readonly PublicKey[];
      /** Whether the signature need not be in a transparency log. */
      readonly ignoresLog: boolean;
    }
  | {
      /** A certificate whose path and names the caller checks. */
      readonly kind: 'certified';
      readonly by: (candidate: Candidate) => CertifiedBy;
      readonly ignoresLog: boolean;
    }
  | ({
      readonly kind: 'identity';
      /** Whether the certificate need not be in a certificate transparency log. */
      readonly ignoresSct: boolean;
    } & WantedIdentity);

/** A checked certificate, and the times at which it was valid. */
export interface CertifiedBy {
  readonly certificate: SigningCertificate;
  readonly isValidAt: (time: Date) => boolean;
}

/** The signer and the time of a signature that holds. The caller must check what was signed. */
export interface Verified {
  /** The name in the certificate; undefined for a signature by a bare key. */
  readonly identity: string | undefined;
  readonly issuer: string | undefined;
  /** SHA-256 of the public key, as a digest. */
  readonly key: string;
  /** The earliest time that a log or a timestamp authority has signed; undefined where none has. */
  readonly time: Date | undefined;
  /** The index of its entry in the transparency log. */
  readonly logIndex: string | undefined;
}

/** The most log entries and timestamps of one signature; real signatures have one or two of each. */
const MAX_PROOFS = 16;

/**
 * Checks that the log of each entry is known, and leaves in the entry's checkpoint only the signatures of that log. The
 * library would accept the checkpoint of any known log for any entry.
 */
function withKnownLogs(bundle: Bundle, { tlogs }: TrustMaterial): Bundle {
  const material = bundle.verificationMaterial;
  for (const { inclusionProof, logId } of material.tlogEntries) {
    const named = tlogs.filter(({ logID }) => logId !== undefined && sameBytes(logID, logId.keyId));
    if (named.length === 0) throw refused('log', 'the trusted root does not know its log', { hint: UPDATE_HINT });
    if (inclusionProof?.checkpoint === undefined) continue;
    inclusionProof.checkpoint.envelope = knownCheckpoint(inclusionProof.checkpoint.envelope, named);
  }
  return bundle;
}

/** Limits the log entries and timestamps of a signature. @throws SIGNATURE_INVALID */
function checkCount({ verificationMaterial: { tlogEntries, timestampVerificationData } }: Bundle): void {
  const proofs = tlogEntries.length + (timestampVerificationData?.rfc3161Timestamps.length ?? 0);
  if (proofs > MAX_PROOFS) throw refused('limit', `it has ${proofs} log entries and timestamps`);
}

/** Converts a candidate for the library, with our own checks of the signed bytes. */
function entityOf({ bundle, signed }: Candidate): SignedEntity {
  const entries = bundle.verificationMaterial.tlogEntries;
  const isLoggedAsHash = entries.length > 0 && entries.every(({ kindVersion }) => kindVersion?.kind === 'hashedrekord');
  const signature =
    signed.kind === 'payload'
      ? signedPayload(signed.payload, signed.signature)
      : signedEnvelope(signed.envelope, isLoggedAsHash, signed.stamped);
  return { ...toSignedEntity(bundle), signature };
}

/**
 * Returns the earliest signed time: that of a timestamp authority, or that of a log's promise, whose signature covers
 * the time.
 */
function timeOf(entity: SignedEntity): Date | undefined {
  const times = entity.timestamps.flatMap((stamp) => {
    if (stamp.$case === 'timestamp-authority') return [stamp.timestamp.signingTime];
    const { inclusionPromise, integratedTime } = stamp.tlogEntry;
    return inclusionPromise === undefined ? [] : [new Date(Number(integratedTime) * 1000)];
  });
  return times.toSorted((a, b) => a.getTime() - b.getTime())[0];
}

/** The checks of a signature by a key. */
interface KeyCheck {
  readonly key: PublicKey;
  readonly ignoresLog: boolean;
  /** Whether the key was valid at a time; a key of the user's always is. */
  readonly isValidAt?: ((time: Date) => boolean) | undefined;
  /** Whether a log or a timestamp authority must have signed a time. */
  readonly needsTime?: boolean | undefined;
}

/** Verifies a signature with one key. Throws the library's errors. */
function verifyByKey(candidate: Candidate, check: KeyCheck, trust: TrustMaterial): SignedEntity {
  const { key, ignoresLog, isValidAt = () => true, needsTime = false } = check;
  const entity = entityOf(candidate);
  const proofs = ignoresLog ? { tlogEntries: [], timestamps: [] } : {};
  const byKey: SignedEntity = { ...entity, ...proofs, key: { $case: 'public-key', hint: '' } };
  let isOutOfTime = false;
  const validFor = (time: Date) => {
    const isValid = isValidAt(time);
    if (!isValid) isOutOfTime = true;
    return isValid;
  };
  const material = { ...trust, publicKey: () => ({ publicKey: key.object, validFor }) };
  const thresholds = { tlogThreshold: ignoresLog ? 0 : 1, timestampThreshold: needsTime ? 1 : 0, ctlogThreshold: 0 };
  try {
    new Verifier(material, thresholds).verify(byKey);
  } catch (cause) {
    // The library says of such a key only that it is not valid.
    throw isOutOfTime ? refused('time', OUT_OF_TIME, { cause }) : cause;
  }
  return byKey;
}

function checkLogKeys({ bundle }: Candidate, signer: readonly Uint8Array[]): void {
  for (const { canonicalizedBody } of bundle.verificationMaterial.tlogEntries) checkLogKey(canonicalizedBody, signer);
}

function byKeys(
  candidate: Candidate,
  { keys, ignoresLog }: Extract<Requirement, { kind: 'key' }>,
  trust: TrustMaterial,
): { readonly entity: SignedEntity; readonly key: PublicKey } {
  const certified = candidate.certificate === undefined ? undefined : parseSigningCertificate(candidate.certificate);
  let failure: unknown = refused('key', 'no key was given');
  for (const key of keys) {
    try {
      if (certified !== undefined && !sameBytes(certified.key.spki, key.spki)) {
        throw refused('key', 'its certificate is for another key');
      }
      const entity = verifyByKey(candidate, { key, ignoresLog }, trust);
      if (!ignoresLog) checkLogKeys(candidate, certified === undefined ? [key.spki] : [certified.der, key.spki]);
      return { entity, key };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * Verifies a signature with a certificate that the caller checks. Unless logs are ignored, the certificate must have
 * been valid at the signed time.
 */
function byCertificate(
  candidate: Candidate,
  { by, ignoresLog }: Extract<Requirement, { kind: 'certified' }>,
  trust: TrustMaterial,
): { readonly entity: SignedEntity; readonly certificate: SigningCertificate } {
  const { certificate, isValidAt } = by(candidate);
  const check: KeyCheck = { key: certificate.key, ignoresLog, isValidAt, needsTime: !ignoresLog };
  const entity = verifyByKey(candidate, check, trust);
  if (!ignoresLog) checkLogKeys(candidate, [certificate.der]);
  return { entity, certificate };
}

function checkLeaf(certificate: SigningCertificate): void {
  if (!certificate.isForCodeSigning) throw refused('code-signing', 'its certificate is not for signing code');
  if (certificate.isCa) throw refused('code-signing', 'its certificate is a CA’s');
}

/**
 * Verifies a keyless signature. A signed time is required: the certificate is valid for minutes only, and nothing else
 * tells when it was used.
 */
function byIdentity(
  candidate: Candidate,
  requirement: Extract<Requirement, { kind: 'identity' }>,
  trust: TrustMaterial,
): { readonly entity: SignedEntity; readonly certificate: SigningCertificate; readonly identity: string } {
  if (candidate.certificate === undefined)
    throw refused('certificate', 'it was made with a key and has no certificate');
  const certificate = parseSigningCertificate(candidate.certificate);
  checkLeaf(certificate);
  const identity = nameText(checkIdentity(certificate, requirement));
  const entity = requirement.ignoresSct ? withoutSct(candidate, certificate, trust) : entityOf(candidate);
  if (!requirement.ignoresSct) {
    new Verifier(trust, { tlogThreshold: 1, timestampThreshold: 1, ctlogThreshold: 1 }).verify(entity);
  }
  checkLogKeys(candidate, [certificate.der]);
  return { entity, certificate, identity };
}

/**
 * Verifies a keyless signature without its SCT. The library refuses an SCT of an unknown log even where none is
 * required. So the certificate's path is built here, and the library gets the key and the times at which the path was
 * valid.
 */
function withoutSct(candidate: Candidate, certificate: SigningCertificate, trust: TrustMaterial): SignedEntity {
  const authorities = trust.certificateAuthorities.flatMap(({ certChain, validFor }) => {
    const path = certificatePath(certificate.parsed, certChain.slice(0, -1), certChain.slice(-1));
    return path === undefined ? [] : [{ path, validFor }];
  });
  if (authorities.length === 0)
    throw refused('certificate', 'no authority of the trusted root has issued its certificate');
  const isValidAt = (time: Date) =>
    authorities.some(
      ({ path, validFor }) => validFor.start <= time && time <= validFor.end && isPathValidAt(path, time),
    );
  return verifyByKey(candidate, { key: certificate.key, ignoresLog: false, isValidAt, needsTime: true }, trust);
}

/**
 * Verifies signer, log and time of a signature. The caller must check the payload or statement.
 * @throws SIGNATURE_INVALID with the broken binding
 */
export function verifyCandidate(candidate: Candidate, requirement: Requirement, trust: TrustRoot): Verified {
  try {
    const material = trust.material;
    checkCount(candidate.bundle);
    const ignoresLog = requirement.kind !== 'identity' && requirement.ignoresLog;
    const bundle = ignoresLog ? candidate.bundle : withKnownLogs(candidate.bundle, material);
    const guarded = { ...candidate, bundle };
    const logIndex = ignoresLog ? undefined : bundle.verificationMaterial.tlogEntries[0]?.logIndex;
    if (requirement.kind === 'key') {
      const { entity, key } = byKeys(guarded, requirement, material);
      return { identity: undefined, issuer: undefined, key: key.fingerprint, time: timeOf(entity), logIndex };
    }
    if (requirement.kind === 'certified') {
      const { entity, certificate } = byCertificate(guarded, requirement, material);
      const identity = certificate.names[0] && nameText(certificate.names[0]);
      return { identity, issuer: undefined, key: certificate.key.fingerprint, time: timeOf(entity), logIndex };
    }
    const { entity, certificate, identity } = byIdentity(guarded, requirement, material);
    const issuer = certificate.issuer?.toString('utf8');
    return { identity, issuer, key: certificate.key.fingerprint, time: timeOf(entity), logIndex };
  } catch (error) {
    throw asRefusal(error);
  }
}
