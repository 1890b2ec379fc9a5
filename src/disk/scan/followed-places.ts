import { findLower, type OverlayForm } from './overlay-node.ts';

/** Links that are followed for one place, as many as a launch follows. */
const MAX_LINKS = 40;

/** Where the link that these names lead to leads, bytes; undefined for what is no link. No name on the way is followed. */
function linkAt(
  directories: readonly number[],
  [name = '.', ...rest]: readonly string[],
  path: string,
  form: OverlayForm,
): string | undefined {
  using found = findLower(directories, name, path, form);
  if (rest.length > 0) return found === undefined ? undefined : linkAt(found.directories, rest, path, form);
  return found?.node.kind === 'symlink' ? found.node.target : undefined;
}

/** A place as the names that it has when links are followed in the layers. */
function follow(layers: readonly number[], place: string, form: OverlayForm): readonly string[] {
  let done: string[] = [];
  let left = MAX_LINKS;
  for (let rest = place.split('/'); rest.length > 0 && left > 0; ) {
    const [name = '', ...more] = rest;
    rest = more;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const link = linkAt(layers, [...done, name], place, form);
    if (link === undefined) {
      done.push(name);
      continue;
    }
    left -= 1;
    if (link.startsWith('/')) done = [];
    rest = [...link.split('/'), ...more];
  }
  return done;
}

/**
 * Places of mounts; and where links of the layers lead one of them elsewhere, that place and the directories above it:
 * what was missing there was made as well. Paths are bytes, without the first slash.
 * @param layers descriptors, top first @throws FILESYSTEM, FORMAT_UNSUPPORTED
 */
export function followedPlaces(
  layers: readonly number[],
  places: readonly string[],
  form: OverlayForm,
): ReadonlySet<string> {
  const all = new Set(places);
  for (const place of places) {
    const names = follow(layers, place, form);
    for (const [index] of names.entries()) all.add(names.slice(0, index + 1).join('/'));
  }
  return all;
}
