import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import { parseReference } from '../../oci/reference.ts';
import { openStoreSource } from '../../sources/store.ts';
import { addNames, storedName } from '../../store/names.ts';
import { openStore } from '../../store/open.ts';

/**
 * Gives an image of the store (by name, digest or ID) another name. An image that has the name loses it. Returns the
 * complete name.
 * @throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, REFERENCE_INVALID, STORE_INVALID, FILESYSTEM
 */
export async function tagImage(
  wanted: string,
  name: string,
  { storeRoot, signal }: { readonly storeRoot: string } & Pick<Context, 'signal'>,
): Promise<string> {
  const reference = parseReference(name);
  if (reference.digest !== undefined) {
    throw new TsimgError('REFERENCE_INVALID', 'a name for an image cannot have a digest', {
      where: name,
      why: 'the digest follows from the image',
      hint: 'leave out @ and the digest',
    });
  }
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
    const { [ANNOTATION.chosenFrom]: chosenFrom, [ANNOTATION.refName]: from } = descriptor.annotations ?? {};
    // The index belongs to the repository that the image came from: a name in another repository does not have it.
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
