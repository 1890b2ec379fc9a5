import type { SigningCertificate, SubjectName } from '../crypto/certificate.ts';
import type { Matcher } from './matcher.ts';
import { refused } from './refuse.ts';

/** Text of bytes that are UTF-8 and nothing but printable; undefined for others, which match no pattern. */
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
  return text !== undefined && wanted.pattern.test(text);
}

/** Whose certificate it must be. */
export interface WantedIdentity {
  readonly identity: Matcher;
  readonly issuer: Matcher;
}

function shown(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : (textOf(bytes) ?? `bytes ${Buffer.from(bytes).toString('hex')}`);
}

/**
 * The name of a certificate that is the wanted one, by a wanted issuer. Names are compared as bytes, all of them: a
 * decoder that drops bits, or one that looks at the first name alone, lets others through.
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

/** A name for people: text, or hexadecimal where it is none. */
export function nameText({ bytes }: SubjectName): string {
  return shown(bytes);
}
