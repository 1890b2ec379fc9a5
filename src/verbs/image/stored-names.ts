import { idPrefixOf, isFullName } from '../../image/match-name.ts';
import type { OpenedSource } from '../../sources/open.ts';
import { storedName } from '../../store/names.ts';

/** Returns the form in which the store keeps a name; undefined where the name is no reference. */
export function storedNameOrNone(name: string): string | undefined {
  try {
    return storedName(name);
  } catch {
    return undefined;
  }
}

/** Returns an archive's names as the store keeps them. A tag alone is left out: it names no repository. */
export function storedNames(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter(isFullName).flatMap((name) => storedNameOrNone(name) ?? []))];
}

/**
 * Returns the complete names of the image that a source was opened for: the name that the operand has, or none where it
 * has a digest or an ID. Without such a part, the operand means the only image, with all names of that image.
 */
export async function namesOf({ source, name }: OpenedSource): Promise<readonly string[]> {
  const images = ((await source.list?.()) ?? []).filter(({ isArtifact }) => isArtifact !== true);
  if (name === undefined) {
    const single = new Set(images.map(({ descriptor }) => descriptor.digest)).size === 1;
    return single ? storedNames(images.flatMap((image) => image.name ?? [])) : [];
  }
  const wanted = storedNameOrNone(name);
  return storedNames(images.flatMap((image) => image.name ?? [])).filter((known) => known === wanted);
}

/**
 * Returns the place that a warning names for what the store does not have of an image: no registry knows an ID as a
 * name. @param text what the source was opened for
 */
export async function atRegistry(opened: OpenedSource, text: string): Promise<string> {
  const name = text.replace(/^store:/, '');
  const isId = idPrefixOf(name) !== undefined && (await namesOf(opened)).length === 0;
  return isId ? 'its registry: docker://NAME' : `docker://${name}`;
}
