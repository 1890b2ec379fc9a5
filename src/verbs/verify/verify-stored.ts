import { TsimgError } from '../../errors.ts';
import { readDocument } from '../../image/read-document.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';
import type { RegistryOptions } from '../../registry/session.ts';
import { openRegistrySource } from '../../sources/registry.ts';
import { describeStored } from '../../sources/store.ts';
import { listStored } from '../../store/names.ts';
import { storeAt } from '../../store/open.ts';
import { type StorePlace, storePlace } from '../places.ts';
import type { Verification } from './verification.ts';
import type { GoodAttached } from './verify-image.ts';
import { type LoadedFrom, verifyLoaded } from './verify-loaded.ts';

/** The index that the store's image was chosen from, if it is there and lists the image. */
async function indexOf({ image, source }: LoadedFrom, root: string, signal?: AbortSignal): Promise<Digest | undefined> {
  const digest = image.resolved.annotations?.[ANNOTATION.chosenFrom];
  if (digest === undefined || !isDigest(digest)) return undefined;
  try {
    const found = await describeStored(root, digest);
    if (found === undefined) return undefined;
    const { manifests } = parseImageIndex(await readDocument(source, found, signal), found.mediaType, source.label);
    return manifests.some((member) => member.digest === image.descriptor.digest) ? digest : undefined;
  } catch (error) {
    // Without the index, a signature of it says nothing of this image
    if (error instanceof TsimgError) return undefined;
    throw error;
  }
}

/** The repository that the store's image came from: that of the name that was asked for, or of one that it has. */
async function repositoryOf({ image, name }: LoadedFrom, root: string): Promise<Reference | undefined> {
  const entries = await listStored(storeAt(root));
  const names = entries
    .filter(({ descriptor }) => descriptor.digest === image.descriptor.digest)
    .map((entry) => entry.name);
  for (const each of [name, ...names]) {
    if (each === undefined || isDigest(each) || /^[0-9a-f]{12,64}$/.test(each)) continue;
    return parseReference(each);
  }
  return undefined;
}

/** The store keeps the signatures that held when the image was pulled: that another signer made none of them says little. */
function mayBeElsewhere(error: unknown): error is TsimgError {
  return error instanceof TsimgError && ['SIGNATURE_MISSING', 'SIGNATURE_INVALID'].includes(error.code);
}

/**
 * Demands a good signature of an image of the store. The store is asked first, and then the image's repository.
 * @throws as verifyLoaded; where the repository cannot be reached, the refusal of a signature that the store keeps
 */
export async function verifyStored(
  opened: LoadedFrom,
  verification: Verification,
  options: RegistryOptions & StorePlace,
): Promise<readonly GoodAttached[]> {
  const { signal, onEvent } = options;
  const root = storePlace(options);
  const loaded = { ...opened, chosenFrom: await indexOf(opened, root, signal) };
  try {
    return await verifyLoaded(loaded, verification, { signal, onEvent });
  } catch (error) {
    if (!mayBeElsewhere(error)) throw error;
    const reference = await repositoryOf(loaded, root);
    if (reference === undefined) throw error;
    const source = openRegistrySource(reference, options);
    try {
      return await verifyLoaded({ ...loaded, source }, verification, { signal, onEvent });
    } catch (failure) {
      const isUnreachable = failure instanceof TsimgError && failure.code === 'REGISTRY_UNREACHABLE';
      throw isUnreachable && error.code === 'SIGNATURE_INVALID' ? error : failure;
    } finally {
      await source.close();
    }
  }
}
