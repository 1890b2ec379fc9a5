import { isFullName } from '../image/match-name.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import type { Descriptor } from '../oci/descriptor.ts';

/**
 * The entry of a layout's index.json for a name. `org.opencontainers.image.ref.name` holds the name as it is, which
 * podman takes for the image's name; containerd and docker read an annotation of their own, with complete names.
 */
function namedEntry(descriptor: Descriptor, name: string | undefined): Descriptor {
  if (name === undefined) return { ...descriptor, annotations: undefined };
  const containerd = isFullName(name) ? { [ANNOTATION.containerdName]: name } : {};
  return { ...descriptor, annotations: { [ANNOTATION.refName]: name, ...containerd } };
}

/**
 * The entry of a layout's index.json for a manifest that is attached to an image: one without a name for a referrer,
 * which its subject tells, else one with the tag that it had.
 */
export function attachedEntry(
  { mediaType, digest, size, artifactType }: Descriptor,
  tag: string | undefined,
): Descriptor {
  const annotations = tag === undefined ? undefined : { [ANNOTATION.refName]: tag };
  return { mediaType, digest, size, artifactType, annotations };
}

/** One entry for each name; a single one without a name where there are no names. */
export function namedEntries(descriptor: Descriptor, names: readonly string[]): readonly Descriptor[] {
  if (names.length === 0) return [namedEntry(descriptor, undefined)];
  return [...new Set(names)].map((name) => namedEntry(descriptor, name));
}
