import { type Digest, isDigest } from '../oci/digest.ts';
import { formatReference, parseReference, type Reference } from '../oci/reference.ts';

/** The names and digests of an image in an archive, a layout or the store. */
export interface Candidate {
  /** Tags or references, as the medium spells them. */
  readonly names: readonly string[];
  /** The digest of the manifest, and that of the index that it was chosen from. */
  readonly digests: readonly Digest[];
}

/** Returns whether a name is a reference with a repository, not a tag alone or a word that may be either. */
export function isFullName(name: string): boolean {
  return /[/:]/.test(name);
}

/** Parses a name as a reference; undefined for any other text: a writer may put anything into an archive. */
function asReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** The tag of a name that is a tag alone or a reference with a tag. */
function tagOf(name: string): string | undefined {
  const colon = name.lastIndexOf(':');
  if (colon > name.lastIndexOf('/')) return name.slice(colon + 1);
  return name.includes('/') ? undefined : name;
}

function sameRepository(name: string, wanted: Reference): boolean {
  const reference = asReference(name);
  return reference?.registry === wanted.registry && reference.repository === wanted.repository;
}

export interface MatchOptions {
  /** Whether `3.9` alone means `…/alpine:3.9`: true for archives, which hold few images, false for the store. */
  readonly bareTags: boolean;
}

/**
 * Finds the candidates for a name, by the first rule that matches any: the same text; the same reference once both are
 * completed (`alpine` is `docker.io/library/alpine:latest`); the digest, alone or of a reference; a bare tag. Layouts
 * name their images by tag or by reference, and so do users (umoci#439, moby/buildkit#4615).
 */
export function matchName<C extends Candidate>(
  candidates: readonly C[],
  wanted: string,
  options: MatchOptions,
): readonly C[] {
  const exact = candidates.filter(({ names }) => names.includes(wanted));
  if (exact.length > 0) return exact;
  if (isDigest(wanted)) return candidates.filter(({ digests }) => digests.includes(wanted));

  const reference = asReference(wanted);
  if (reference?.digest !== undefined) {
    const { digest } = reference;
    const named = candidates.filter(({ digests }) => digests.includes(digest));
    // The digest decides; but an image that has names, none of this repository, is not meant.
    return named.filter(({ names }) => names.length === 0 || names.some((name) => sameRepository(name, reference)));
  }
  if (reference !== undefined) {
    const full = formatReference(reference);
    const same = candidates.filter(({ names }) =>
      names.some((name) => {
        const other = asReference(name);
        return other !== undefined && formatReference(other) === full;
      }),
    );
    if (same.length > 0) return same;
  }
  if (!options.bareTags || /[/:@]/.test(wanted)) return [];
  return candidates.filter(({ names }) => names.some((name) => tagOf(name) === wanted));
}

/** Returns the hex digits of an image ID as users type it: with or without `sha256:`, shortened to 4 digits or more. */
export function idPrefixOf(wanted: string): string | undefined {
  return /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(wanted)?.[1];
}
