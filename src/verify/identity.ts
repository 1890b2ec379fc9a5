import type { SigningCertificate, SubjectName } from '../crypto/certificate.ts';
import type { Matcher } from './matcher.ts';
import { refused } from './refuse.ts';

/** Decodes bytes that are printable UTF-8; undefined for any others, which match no pattern. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function matches(wanted: Matcher, bytes: Buffer): boolean {
  if ('exactly' in wanted) return Buffer.from(wanted.exactly, 'utf8').equals(bytes);
  const text = textOf(bytes);
  return text !== undefined && text.search(wanted.pattern) >= 0;
}

/** The name that a certificate must have, and the issuer that must have vouched for it. */
export interface WantedIdentity {
  readonly identity: Matcher;
  readonly issuer: Matcher;
}

function shown(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : (textOf(bytes) ?? `bytes ${Buffer.from(bytes).toString('hex')}`);
}

/**
 * Returns the name of a certificate that matches, after the issuer has matched. All names are compared, as bytes: a
 * decoder that drops bits, or a look at the first name alone, would let other names through.
 * @throws SIGNATURE_INVALID
 */
export function checkIdentity(certificate: SigningCertificate, { identity, issuer }: WantedIdentity): SubjectName {
  const { names, issuersAgree } = certificate;
  if (!issuersAgree) throw refused('issuer', 'its certificate names two issuers');
  if (certificate.issuer === undefined || !matches(issuer, certificate.issuer)) {
    throw refused('issuer', `the issuer of its certificate is ${shown(certificate.issuer)}`);
  }
  const found = names.find(({ bytes }) => matches(identity, bytes));
  if (found === undefined) {
    throw refused(
      'identity',
      `its certificate is for ${names.map(({ bytes }) => shown(bytes)).join(', ') || 'nobody'}`,
    );
  }
  return found;
}

/** Formats a name: as text, or in hexadecimal where it is not printable text. */
export function nameText({ bytes }: SubjectName): string {
  return shown(bytes);
}
