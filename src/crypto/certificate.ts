import { ASN1Obj, crypto, X509Certificate } from '@sigstore/core';
import { type PublicKey, publicKeyOf } from './public-key.ts';

const OID = {
  subjectAltName: '2.5.29.17',
  extendedKeyUsage: '2.5.29.37',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  anyUsage: '2.5.29.37.0',
  nameConstraints: '2.5.29.30',
  fulcioOtherName: '1.3.6.1.4.1.57264.1.7',
  issuer: '1.3.6.1.4.1.57264.1.1',
  issuerV2: '1.3.6.1.4.1.57264.1.8',
} as const;

/** Tags of GeneralName (RFC 5280, 4.2.1.6), each context-specific. */
const NAME_TAG = { other: 0, email: 1, dns: 2, uri: 6 } as const;

/** A name in a certificate. Bytes as the CA wrote them, so that no decoder can make two names equal. */
export interface SubjectName {
  readonly type: 'email' | 'dns' | 'uri' | 'other';
  readonly bytes: Buffer;
}

/** The names and the issuer of a signing certificate, read from its DER. */
export interface SigningCertificate {
  readonly der: Buffer;
  readonly key: PublicKey;
  /** All subject alternative names of the types that Fulcio writes, in order. */
  readonly names: readonly SubjectName[];
  /** The OIDC issuer, from Fulcio's extensions; undefined without one. */
  readonly issuer: Buffer | undefined;
  /** Whether both extensions that may name the issuer agree. */
  readonly issuersAgree: boolean;
  readonly isForCodeSigning: boolean;
  readonly isCa: boolean;
  /** As `@sigstore/verify` takes it. */
  readonly parsed: X509Certificate;
}

/** The one value in Fulcio's form of an otherName: SEQUENCE { OID, [0] UTF8String }. */
function otherName(name: ASN1Obj): Buffer | undefined {
  const [oid, value] = name.subs;
  if (oid === undefined || value === undefined || oid.toOID() !== OID.fulcioOtherName) return undefined;
  return value.subs[0]?.value;
}

function nameOf(name: ASN1Obj): readonly SubjectName[] {
  const { tag } = name;
  if (!tag.isContextSpecific()) return [];
  switch (tag.number) {
    case NAME_TAG.email:
      return [{ type: 'email', bytes: name.value }];
    case NAME_TAG.dns:
      return [{ type: 'dns', bytes: name.value }];
    case NAME_TAG.uri:
      return [{ type: 'uri', bytes: name.value }];
    case NAME_TAG.other: {
      const bytes = otherName(name);
      return bytes === undefined ? [] : [{ type: 'other', bytes }];
    }
    default:
      return [];
  }
}

/** All extensions of an OID: a certificate that holds one twice must not be read as if it held the first alone. */
function extensions(certificate: X509Certificate, oid: string): readonly Buffer[] {
  return certificate.extensions
    .filter((extension) => extension.subs[0]?.toOID() === oid)
    .map((extension) => extension.subs.at(-1)?.value ?? Buffer.alloc(0));
}

function parse(bytes: Buffer): ASN1Obj {
  return ASN1Obj.parseBuffer(Buffer.from(bytes));
}

function usagesOf(certificate: X509Certificate): readonly string[] {
  return extensions(certificate, OID.extendedKeyUsage).flatMap((bytes) =>
    parse(bytes).subs.map((usage) => usage.toOID()),
  );
}

/**
 * Returns whether a certificate, of a leaf or of a CA, permits code signing. A certificate without a list of purposes
 * permits all. RFC 5280, 4.2.1.12 @throws the parser's errors for a malformed DER
 */
export function permitsCodeSigning(certificate: X509Certificate): boolean {
  const usages = usagesOf(certificate);
  return usages.length === 0 || usages.includes(OID.codeSigning) || usages.includes(OID.anyUsage);
}

/**
 * Basic constraints, key usage, names, extended usage, key identifiers, policies: extensions that are read here, or
 * that limit nothing.
 */
const UNDERSTOOD = new Set([
  '2.5.29.19',
  '2.5.29.15',
  OID.subjectAltName,
  OID.extendedKeyUsage,
  '2.5.29.35',
  '2.5.29.14',
  '2.5.29.32',
]);

/**
 * Returns whether a certificate sets limits that are not read here: name constraints, and critical extensions that are
 * not known. RFC 5280, 4.2 @throws the parser's errors for a malformed DER
 */
export function hasUnreadLimits(certificate: X509Certificate): boolean {
  return certificate.extensions.some(({ subs: [oid, critical, value] }) => {
    const name = oid?.toOID() ?? '';
    return (
      name === OID.nameConstraints || (value !== undefined && critical?.toBoolean() === true && !UNDERSTOOD.has(name))
    );
  });
}

/** Fulcio's first form of the issuer is bare text, its second one a UTF8String. */
function issuersOf(certificate: X509Certificate): readonly Buffer[] {
  return [
    ...extensions(certificate, OID.issuer),
    ...extensions(certificate, OID.issuerV2).map((bytes) => parse(bytes).value),
  ];
}

/** Parses a signing certificate. @throws any error for malformed DER: the caller takes it for a refusal */
export function parseSigningCertificate(der: Uint8Array): SigningCertificate {
  const parsed = X509Certificate.parse(Buffer.from(der));
  const issuers = issuersOf(parsed);
  const [issuer] = issuers;
  return {
    der: parsed.root.toDER(),
    key: publicKeyOf(crypto.createPublicKey(parsed.publicKey)),
    names: extensions(parsed, OID.subjectAltName).flatMap((bytes) => parse(bytes).subs.flatMap(nameOf)),
    issuer,
    issuersAgree: issuers.every((other) => issuer?.equals(other)),
    isForCodeSigning: usagesOf(parsed).includes(OID.codeSigning),
    // The library's own answer is no for a CA that may not sign certificates
    isCa: parsed.isCA || parsed.extBasicConstraints?.isCA === true,
    parsed,
  };
}
