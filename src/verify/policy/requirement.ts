import type { TrustMaterial } from '@sigstore/verify';
import {
  hasUnreadLimits,
  parseSigningCertificate,
  permitsCodeSigning,
  type SigningCertificate,
} from '../../crypto/certificate.ts';
import { certificatePath, isPathValidAt, parseCertificates } from '../../crypto/certificate-path.ts';
import { logIdsOf, type PublicKey } from '../../crypto/public-key.ts';
import type { Candidate } from '../candidate.ts';
import { refused } from '../refuse.ts';
import { type CertifiedBy, type Requirement, type Verified, verifyCandidate } from '../verify-candidate.ts';

/** A requirement of the type sigstoreSigned, with the contents of its files. */
export interface SigstoreRequirement {
  /** A signature by any of these keys counts; undefined where a certificate is required. */
  readonly keys: readonly PublicKey[] | undefined;
  /** The authority of the required certificate; undefined where a key is required. */
  readonly authority: PolicyAuthority | undefined;
  /** Keys of transparency logs, one of which must hold the signature; undefined where no log is required. */
  readonly rekorKeys: readonly PublicKey[] | undefined;
}

/** The authority, issuer and names of the accepted certificates. Roots and intermediates are PEM. */
export type PolicyAuthority =
  | { readonly kind: 'fulcio'; readonly roots: string; readonly oidcIssuer: string; readonly subjectEmail: string }
  | {
      readonly kind: 'pki';
      readonly roots: string;
      readonly intermediates: string;
      readonly subjectEmail: string | undefined;
      readonly subjectHostname: string | undefined;
    };

const ALWAYS = { start: new Date(0), end: new Date(8_640_000_000_000_000) };

/** Returns trust in the logs that a policy names, and in nothing else. */
function trustOf(rekorKeys: readonly PublicKey[]): TrustMaterial {
  const tlogs = rekorKeys.map(({ object, spki }) => ({
    baseURL: '',
    logID: logIdsOf(spki, '')[0] ?? Buffer.alloc(0),
    publicKey: object,
    validFor: ALWAYS,
  }));
  return { certificateAuthorities: [], timestampAuthorities: [], tlogs, ctlogs: [], publicKey: () => neverFound() };
}

function neverFound(): never {
  throw refused('key', 'the policy names no key');
}

/** Returns whether a certificate has exactly this name, of this type. */
function hasName({ names }: SigningCertificate, type: 'email' | 'dns', wanted: string): boolean {
  return names.some((name) => name.type === type && name.bytes.equals(Buffer.from(wanted, 'utf8')));
}

function checkNames(certificate: SigningCertificate, authority: PolicyAuthority): void {
  if (authority.kind === 'fulcio') {
    const issuer = Buffer.from(authority.oidcIssuer, 'utf8');
    if (!certificate.issuersAgree || !certificate.issuer?.equals(issuer)) {
      throw refused('issuer', 'its certificate is not from the issuer that the policy names');
    }
    if (!certificate.isForCodeSigning) throw refused('code-signing', 'its certificate is not for signing code');
  }
  const { subjectEmail } = authority;
  if (subjectEmail !== undefined && !hasName(certificate, 'email', subjectEmail)) {
    throw refused('identity', 'its certificate is not for the address that the policy names');
  }
  if (
    authority.kind === 'pki' &&
    authority.subjectHostname !== undefined &&
    !hasName(certificate, 'dns', authority.subjectHostname)
  ) {
    throw refused('identity', 'its certificate is not for the host that the policy names');
  }
}

/** Checks the certificate of a candidate. It is valid while its whole path is. @throws SIGNATURE_INVALID */
function certifiedBy(candidate: Candidate, authority: PolicyAuthority, now: Date): CertifiedBy {
  if (candidate.certificate === undefined)
    throw refused('certificate', 'it was made with a key and has no certificate');
  const certificate = parseSigningCertificate(candidate.certificate);
  checkNames(certificate, authority);
  const roots = parseCertificates(authority.roots);
  const given = authority.kind === 'pki' ? parseCertificates(authority.intermediates) : [];
  const path = certificatePath(certificate.parsed, [...given, ...candidate.intermediates], roots);
  if (path === undefined) throw refused('certificate', 'no path leads from its certificate to a root of the policy');
  if (path.some(hasUnreadLimits))
    throw refused('certificate', 'its certificate, or a CA above it, has constraints that are not supported');
  // A company's CA also issues certificates for servers, which must not sign images
  if (!path.every(permitsCodeSigning)) {
    throw refused('code-signing', 'its certificate, or a CA above it, is not for signing code');
  }
  // A PKI of one's own has no log that tells the time of signing: the certificate must be valid now
  if (authority.kind === 'pki' && !isPathValidAt(path, now)) throw refused('time', 'its certificate has expired');
  return { certificate, isValidAt: (time) => isPathValidAt(path, time) };
}

/**
 * Verifies a signature by a requirement of policy.json. The caller must check the payload.
 * @param now the time at which a certificate of a PKI must be valid
 * @throws SIGNATURE_INVALID
 */
export function verifyByPolicy(candidate: Candidate, required: SigstoreRequirement, now: Date): Verified {
  const { keys, authority, rekorKeys } = required;
  const trust = { material: trustOf(rekorKeys ?? []), newestLog: undefined };
  const ignoresLog = rekorKeys === undefined;
  if (keys !== undefined) {
    return verifyCandidate(candidate, { kind: 'key', keys, ignoresLog }, trust);
  }
  if (authority === undefined) throw refused('key', 'the policy names neither a key nor an authority');
  const requirement: Requirement = { kind: 'certified', by: (each) => certifiedBy(each, authority, now), ignoresLog };
  return verifyCandidate(candidate, requirement, trust);
}
