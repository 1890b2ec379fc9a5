import { TsimgError } from '../errors.ts';
import { parseReference, type Reference } from '../oci/reference.ts';

/** skopeo's transports for files and directories. */
export type PathTransport = 'docker-archive' | 'oci' | 'oci-archive' | 'dir';

/** The meaning of a SOURCE's text, before any file is looked at. */
export type SourceSpec =
  | { readonly kind: 'stdin' }
  | { readonly kind: 'path'; readonly path: string }
  | {
      readonly kind: 'transport';
      readonly transport: PathTransport;
      readonly path: string;
      readonly name: string | undefined;
    }
  | { readonly kind: 'registry'; readonly reference: Reference }
  | { readonly kind: 'store'; readonly name: string }
  /** A file of this name where there is one, else a reference. */
  | { readonly kind: 'word'; readonly text: string };

const TRANSPORT = /^(docker-archive|oci-archive|oci|dir):(.*)$/s;
/** skopeo's other transports: each needs a daemon or a library that tsimg does without. */
const FOREIGN = /^(docker-daemon|containers-storage|ostree|tarball|sif):/;

function usage(text: string, why: string): TsimgError {
  return new TsimgError('USAGE', 'not a source', {
    where: text.slice(0, 300),
    why,
    hint: 'write a reference, a file, a directory that begins with / or ., -, or TRANSPORT:PATH[:NAME]',
  });
}

/** `PATH@sha256:HEX`, as oras and BuildKit write it. */
const BY_DIGEST = /^([^:]*)@(sha(?:256|512):.*)$/s;

/** Splits PATH[:NAME] at the first colon, as skopeo does, so a path has none; a digest may also follow `@`. */
function splitPath(text: string): readonly [path: string, name: string | undefined] {
  const [, before, digest] = BY_DIGEST.exec(text) ?? [];
  if (before !== undefined && digest !== undefined) return [before, digest];
  const colon = text.indexOf(':');
  return colon === -1 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1) || undefined];
}

/**
 * Parses a SOURCE. Pure: `openSource` finds out whether a bare word is a file.
 * @throws USAGE, REFERENCE_INVALID, FORMAT_UNSUPPORTED
 */
export function parseSourceSpec(text: string): SourceSpec {
  if (text === '') throw usage(text, 'it is empty');
  if (text.includes('\0')) throw usage(text, 'it holds a NUL byte');
  if (text === '-') return { kind: 'stdin' };
  if (text.startsWith('docker://')) return { kind: 'registry', reference: parseReference(text.slice(9)) };
  if (text.startsWith('store:')) return { kind: 'store', name: text.slice(6) };
  const foreign = FOREIGN.exec(text)?.[1];
  if (foreign !== undefined) {
    throw new TsimgError('FORMAT_UNSUPPORTED', `the transport ${foreign}: is not supported`, {
      where: text.slice(0, 300),
      hint: 'save the image to a file first, with docker save, podman save or skopeo copy',
    });
  }
  const match = TRANSPORT.exec(text);
  if (match !== null) {
    const [path, name] = match[1] === 'dir' ? [match[2] ?? '', undefined] : splitPath(match[2] ?? '');
    if (path === '') throw usage(text, 'it has no path');
    return { kind: 'transport', transport: match[1] as PathTransport, path, name };
  }
  return text.startsWith('/') || text.startsWith('.') ? { kind: 'path', path: text } : { kind: 'word', text };
}
