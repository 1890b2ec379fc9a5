import { TsimgError } from '../errors.ts';

/**
 * A checked digest, `sha256:HEX` or `sha512:HEX`: safe as a part of a file name or a URL. Made by {@link parseDigest}
 * and {@link digestOf}. OCI image spec, descriptor.md, "Digests".
 */
export type Digest = string & { readonly __brand: 'Digest' };

/** Length of the hex part, by algorithm: descriptor.md registers these two. */
const HEX_LENGTH: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha512', 128],
]);

/** Returns whether a text is a digest: `sha256:` and 64, or `sha512:` and 128, lower-case hex digits. */
export function isDigest(text: string): text is Digest {
  const colon = text.indexOf(':');
  const hex = text.slice(colon + 1);
  return hex.length === HEX_LENGTH.get(text.slice(0, Math.max(colon, 0))) && /^[0-9a-f]+$/.test(hex);
}

/**
 * Parses a digest.
 * @throws DIGEST_INVALID unless the text is `sha256:` and 64, or `sha512:` and 128, lower-case hex digits
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new TsimgError('DIGEST_INVALID', 'not a digest', {
    where: text.slice(0, 200),
    hint: 'a digest is sha256: followed by 64 lower-case hex digits',
  });
}

/** Returns `sha256` or `sha512`. */
export function algorithmOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(':'));
}

/** Returns the hex digits after the colon. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}
