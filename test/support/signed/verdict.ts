import type { KeyObject } from 'node:crypto';
import { parsePublicKey } from '../../../src/crypto/public-key.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { bindingOf } from '../../../src/verify/refuse.ts';
import { parseTrustRoot } from '../../../src/verify/trust-root.ts';
import { type AttachedBytes, verifyAttached, type WantedContent } from '../../../src/verify/verify-attached.ts';
import type { Requirement } from '../../../src/verify/verify-candidate.ts';
import { IDENTITY, ISSUER, publicPem } from './signer.ts';

// Verdicts on signatures of one image that `signer.ts` has made.

export const DIGEST = `sha256:${'1'.repeat(64)}` as Digest;
export const OTHER = `sha256:${'2'.repeat(64)}` as Digest;
export const PROVENANCE = 'https://slsa.dev/provenance/v1';

export const keyless = (identity = IDENTITY, issuer = ISSUER): Requirement => ({
  kind: 'identity',
  identity: { exactly: identity },
  issuer: { exactly: issuer },
  ignoresSct: false,
});

export const byKey = (publicKey: KeyObject, ignoresLog = false): Requirement => ({
  kind: 'key',
  keys: [parsePublicKey(publicPem(publicKey), 'cosign.pub')],
  ignoresLog,
});

export const legacy = (bytes: Buffer, annotations: Record<string, string>): AttachedBytes => ({
  kind: 'payload',
  form: 'cosign-tag',
  bytes,
  annotations,
});

export const bundle = (bytes: Buffer): AttachedBytes => ({ kind: 'bundle', bytes });

/** Judges one signature of the image `DIGEST`: `good`, or the binding that does not hold. @throws other errors */
export function judge(
  attached: AttachedBytes,
  requirement: Requirement,
  { root, ...wanted }: Partial<WantedContent> & { root: object },
): string {
  const trust = parseTrustRoot(Buffer.from(JSON.stringify(root)), 'trusted_root.json');
  try {
    verifyAttached(attached, { digests: [DIGEST], ...wanted }, { requirement, trust });
    return 'good';
  } catch (error) {
    const binding = bindingOf(error);
    if (binding === undefined) throw error;
    return binding;
  }
}

/** A bundle with a change to its JSON. */
export function changed(bytes: Buffer, change: (document: ReturnType<typeof JSON.parse>) => void): AttachedBytes {
  const document = JSON.parse(bytes.toString('utf8'));
  change(document);
  return bundle(Buffer.from(JSON.stringify(document)));
}
