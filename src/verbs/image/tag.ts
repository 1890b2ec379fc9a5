import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import { parseReference } from '../../oci/reference.ts';
import { openStoreSource } from '../../sources/store.ts';
import { addNames, storedName } from '../../store/names.ts';
import { openStore } from '../../store/open.ts';

/**
 * Gives an image of the store (by name, digest or ID) another name, which another image may lose by it. Answers the complete
 * name. @throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, REFERENCE_INVALID, STORE_INVALID, FILESYSTEM
 */
export async function tagImage(
  wanted: string,
  name: string,
  { storeRoot }: { readonly storeRoot: string },
  { signal }: Context = {},
): Promise<string> {
  const reference = parseReference(name);
  if (reference.digest !== undefined) {
    throw new TsimgError('REFERENCE_INVALID', 'a name with a digest cannot be given', {
      where: name,
      why: 'it names its own content',
    });
  }
  // While the source is open nothing is swept: the image cannot go between being found and being named.
  const source = await openStoreSource(storeRoot, signal);
  try {
    const descriptor = await source.resolve(wanted, signal);
    if (descriptor === undefined) {
      throw new TsimgError('IMAGE_NOT_FOUND', `no image ${wanted} in the store`, {
        where: storeRoot,
        hint: 'tsimg images lists what there is',
      });
    }
    const { [ANNOTATION.chosenFrom]: chosenFrom, [ANNOTATION.refName]: from } = descriptor.annotations ?? {};
    // The index is what the image is called by in the repository that it came from, not in another.
    const same = from !== undefined && sameRepository(from, name);
    const annotations = same && chosenFrom !== undefined ? { [ANNOTATION.chosenFrom]: chosenFrom } : undefined;
    await addNames(await openStore(storeRoot, signal), { ...descriptor, annotations }, [name], signal);
    return storedName(name);
  } finally {
    await source.close();
  }
}

function sameRepository(one: string, other: string): boolean {
  const [a, b] = [parseReference(one), parseReference(other)];
  return a.registry === b.registry && a.repository === b.repository;
}
