import { isFullName } from '../../image/match-name.ts';
import type { OpenedSource } from '../../sources/open.ts';
import { storedName } from '../../store/names.ts';

/** The form in which the store keeps a name; undefined for what is no reference. */
export function completeName(name: string): string | undefined {
  try {
    return storedName(name);
  } catch {
    return undefined;
  }
}

/** Names of an archive as the store keeps them. A tag alone says nothing of the repository: it is no name. */
export function completeNames(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter(isFullName).flatMap((name) => completeName(name) ?? []))];
}

/**
 * Complete names of the image that a source was opened for: the one that was asked by, none when that was a digest or an
 * ID; without a question, all that the only image has.
 */
export async function namesOf({ source, name }: OpenedSource): Promise<readonly string[]> {
  const images = ((await source.list?.()) ?? []).filter(({ isArtifact }) => isArtifact !== true);
  if (name === undefined) {
    const single = new Set(images.map(({ descriptor }) => descriptor.digest)).size === 1;
    return single ? completeNames(images.flatMap((image) => image.name ?? [])) : [];
  }
  const wanted = completeName(name);
  return completeNames(images.flatMap((image) => image.name ?? [])).filter((known) => known === wanted);
}
