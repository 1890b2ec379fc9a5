import { type Digest, parseDigest as digest } from '../../oci/digest.ts';
import { type Platform, parsePlatform as platform } from '../../oci/platform.ts';
import { type Reference, parseReference as reference } from '../../oci/reference.ts';
import { text as checkText } from './check-options.ts';

/**
 * Parses a reference as docker does. A name without a host is on Docker Hub, a single word is in its `library/`, and
 * the tag is `latest` where neither tag nor digest is given. A tag beside a digest is kept, but the digest decides.
 * @throws REFERENCE_INVALID; USAGE for what is no text
 * @example
 * parseReference('alpine:3.19');
 * // { registry: 'docker.io', repository: 'library/alpine', tag: '3.19', digest: undefined }
 */
export function parseReference(text: string): Reference {
  checkText('text', text);
  return reference(text);
}

/**
 * Parses `OS/ARCH[/VARIANT]` or `ARCH`, which means `linux/ARCH`, as docker's `--platform` does. Other tools' names
 * become GOARCH: `x86_64` is `amd64`.
 * @throws PLATFORM_INVALID; USAGE for what is no text
 * @example
 * parsePlatform('aarch64'); // { os: 'linux', architecture: 'arm64', … }
 */
export function parsePlatform(text: string): Platform {
  checkText('text', text);
  return platform(text);
}

/**
 * Parses a digest.
 * @throws DIGEST_INVALID unless the text is `sha256:` and 64, or `sha512:` and 128, lower-case hex digits; USAGE for
 * what is no text
 */
export function parseDigest(text: string): Digest {
  checkText('text', text);
  return digest(text);
}
