import { findLower, type OverlayForm } from './overlay-node.ts';

/** Links that are followed for one place: as many as a launch follows. */
const MAX_LINKS = 40;

/**
 * Returns the target of the link that has these names, bytes; undefined for anything else than a link. No link on the
 * way is followed.
 * @param place.path for errors
 */
function linkAt(
  directories: readonly number[],
  place: { readonly names: readonly string[]; readonly path: string },
  form: OverlayForm,
): string | undefined {
  const { path } = place;
  const [name = '.', ...rest] = place.names;
  using found = findLower(directories, { name, path }, form);
  if (rest.length > 0) return found && linkAt(found.directories, { names: rest, path }, form);
  return found?.node.kind === 'symlink' ? found.node.target : undefined;
}

/** Returns the names of a place after its links are followed in the layers. */
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
    const link = linkAt(layers, { names: [...done, name], path: place }, form);
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
 * Returns the places of mounts. Where links of the layers lead one of them elsewhere, returns that place too, and the
 * directories above it: the launch made them where they were missing. Paths are bytes, without the first slash.
 * @param layers descriptors, top first
 * @throws FILESYSTEM, FORMAT_UNSUPPORTED
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
