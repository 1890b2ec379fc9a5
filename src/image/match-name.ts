import type { Digest } from '../oci/digest.ts';
import { isDigest } from '../oci/digest.ts';
import { formatReference, parseReference, type Reference } from '../oci/reference.ts';

/** What an image in an archive, a layout or the store is known by. */
export interface Candidate {
  /** Tags, references; as the medium spells them. */
  readonly names: readonly string[];
  /** Of the manifest, and of the index that it was chosen from. */
  readonly digests: readonly Digest[];
}

/** Whether a name is a reference with its repository, rather than a tag alone (or a word that could be either). */
export function isFullName(name: string): boolean {
  return /[/:]/.test(name);
}

/** Text → reference, undefined when it cannot be one: names in an archive are whatever its writer put there. */
function asReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** The tag of a name, where the name is a tag alone or a reference with one. */
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
  /** Whether `3.9` alone means `…/alpine:3.9`: usual for archives, which hold few images, never for the store. */
  readonly bareTags: boolean;
}

/**
 * The candidates that a name stands for, by the first rule that finds any: exactly this text; the same reference when
 * both are completed (`alpine` is `docker.io/library/alpine:latest`); the digest of a reference or a digest alone; a
 * bare tag. Layouts name their images by tag or by reference, and users do too (umoci#439, moby/buildkit#4615).
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
    // The digest decides, but what is known by other names only is not this image of this repository.
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

/** Hex digits of an image ID as users type them: with or without the algorithm, shortened. */
export function idPrefixOf(wanted: string): string | undefined {
  return /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(wanted)?.[1];
}
