import { X509Certificate } from '@sigstore/core';
import { pemToDer } from './public-key.ts';

/** A parsed certificate. */
export type ParsedCertificate = X509Certificate;

/** A chain has a leaf, a few intermediates and a root. */
const MAX_LENGTH = 8;
/** Certificates that may come along with one; the CA lists of a policy are longer. */
export const MAX_BROUGHT_CERTIFICATES = 16;

/** Parses all certificates of a PEM text, in order. @throws any error for malformed DER */
export function parseCertificates(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => X509Certificate.parse(Buffer.from(pemToDer(block))));
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  if (!issuer.isCA || !issuer.subject.equals(certificate.issuer)) return false;
  try {
    return certificate.verify(issuer);
  } catch {
    return false;
  }
}

/** Path length constraints count the CAs between a CA and the leaf. RFC 5280, 4.2.1.9 */
function isLongEnough(path: readonly X509Certificate[]): boolean {
  return path.every((certificate, index) => {
    const limit = certificate.extBasicConstraints?.pathLenConstraint;
    return index === 0 || limit === undefined || limit >= BigInt(index - 1);
  });
}

/**
 * Finds the certificates from a leaf to one of the roots, both included; undefined where there is no such path. Only
 * the roots are trusted: intermediates may come from anywhere. Times are not checked. RFC 5280, 6.1
 */
export function certificatePath(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): readonly X509Certificate[] | undefined {
  // Each is tried once: certificates of one name and key issue one another, and their paths would be without number
  const tried = new Set<X509Certificate>();
  const extend = (path: readonly X509Certificate[]): readonly X509Certificate[] | undefined => {
    const last = path.at(-1);
    if (last === undefined || path.length > MAX_LENGTH) return undefined;
    const root = roots.find((each) => isIssuedBy(last, each));
    if (root !== undefined) return isLongEnough([...path, root]) ? [...path, root] : undefined;
    for (const next of intermediates) {
      if (tried.has(next) || !isIssuedBy(last, next)) continue;
      tried.add(next);
      const found = extend([...path, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return extend([leaf]);
}

/** Returns whether every certificate of a path was valid at a time. */
export function isPathValidAt(path: readonly X509Certificate[], time: Date): boolean {
  return path.every((certificate) => certificate.validForDate(time));
}
