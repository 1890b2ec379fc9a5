import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { recordEvent } from '../../host/state/events-file.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseNewName, parseReference } from '../../oci/reference.ts';
import { openStoreSource } from '../../sources/store.ts';
import { addNames, listStored, storedName } from '../../store/names.ts';
import { openStore } from '../../store/open.ts';
import { storedNameOrNone } from './stored-names.ts';

/** Writes the event `tag` for each name that an image of a store has got. */
export function recordNames(storeRoot: string, names: readonly string[]): void {
  for (const name of new Set(names.map(storedName))) {
    recordEvent(storeRoot, { type: 'image', action: 'tag', id: name, attributes: { name } });
  }
}

/**
 * Gives an image of the store (by name, digest or ID) another name; by name, its images for all platforms. An image
 * that has the name loses it. Returns the complete name.
 * @throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, REFERENCE_INVALID, STORE_INVALID, FILESYSTEM
 */
export async function tagImage(
  wanted: string,
  name: string,
  { storeRoot, signal }: { readonly storeRoot: string } & Pick<Context, 'signal'>,
): Promise<string> {
  parseNewName(name);
  // Nothing is swept while the source is open, so the image cannot be removed before it gets the name.
  const source = await openStoreSource(storeRoot, signal);
  try {
    const descriptor = await source.resolve(wanted, signal);
    if (descriptor === undefined) {
      throw new TsimgError('IMAGE_NOT_FOUND', `no image ${wanted} in the store`, {
        where: storeRoot,
        hint: 'tsimg images lists the images of the store',
      });
    }
    const store = await openStore(storeRoot, signal);
    const known = storedNameOrNone(wanted);
    const named = (await listStored(store)).filter((entry) => known !== undefined && entry.name === known);
    const tagged = named.length > 0 ? named.map((entry) => entry.descriptor) : [descriptor];
    await addNames(
      store,
      tagged.map((each) => renamed(each, name)),
      [name],
      signal,
    );
    recordNames(storeRoot, [name]);
    return storedName(name);
  } finally {
    await source.close();
  }
}

/**
 * Returns the descriptor for another name. The index belongs to the repository that the image came from: a name in
 * another repository does not have it.
 */
function renamed(descriptor: Descriptor, name: string): Descriptor {
  const { [ANNOTATION.chosenFrom]: chosenFrom, [ANNOTATION.refName]: from } = descriptor.annotations ?? {};
  const same = from !== undefined && sameRepository(from, name);
  return {
    ...descriptor,
    annotations: same && chosenFrom !== undefined ? { [ANNOTATION.chosenFrom]: chosenFrom } : undefined,
  };
}

function sameRepository(one: string, other: string): boolean {
  const [a, b] = [parseReference(one), parseReference(other)];
  return a.registry === b.registry && a.repository === b.repository;
}
