import { TsimgError } from '../errors.ts';

/** `ALGORITHM:HEX`, checked: safe to make a file name or a URL of. OCI image spec, descriptor.md, "Digests". */
export type Digest = string & { readonly __brand: 'Digest' };

/** Length of the hex part, by algorithm: the two that descriptor.md registers and that tsimg computes. */
const HEX_LENGTH: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha512', 128],
]);

/** Whether a text is `sha256:` with 64, or `sha512:` with 128, lower-case hex digits. OCI image spec, descriptor.md. */
export function isDigest(text: string): text is Digest {
  const colon = text.indexOf(':');
  const hex = text.slice(colon + 1);
  return hex.length === HEX_LENGTH.get(text.slice(0, Math.max(colon, 0))) && /^[0-9a-f]+$/.test(hex);
}

/**
 * Text → digest.
 * @throws DIGEST_INVALID unless it is `sha256:` and 64, or `sha512:` and 128, lower-case hex digits
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new TsimgError('DIGEST_INVALID', 'not a digest', {
    where: text.slice(0, 200),
    hint: 'a digest is sha256: followed by 64 lower-case hex digits',
  });
}

/** `sha256` or `sha512`. */
export function algorithmOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(':'));
}

/** The hex digits after the colon. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}
