import { TsimgError } from '../../errors.ts';
import { idPrefixOf } from '../../image/match-name.ts';
import { readDocument } from '../../image/read-document.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { RegistryOptions } from '../../registry/session.ts';
import { openRegistrySource } from '../../sources/registry.ts';
import { describeStored } from '../../sources/store.ts';
import { listStored } from '../../store/names.ts';
import { storeAt } from '../../store/open.ts';
import { type StorePlace, storePlace } from '../places.ts';
import type { LoadedFrom } from './loaded-from.ts';
import type { Verification } from './verification.ts';
import type { GoodAttached } from './verify-image.ts';
import { verifyLoaded } from './verify-loaded.ts';

/** Returns the digest of the index of a stored image, if the store has the index and the index lists the image. */
async function indexOf({ image, source }: LoadedFrom, root: string, signal?: AbortSignal): Promise<Digest | undefined> {
  const digest = image.resolved.annotations?.[ANNOTATION.chosenFrom];
  if (digest === undefined || !isDigest(digest)) return undefined;
  try {
    const found = await describeStored(root, digest);
    if (found === undefined) return undefined;
    const { manifests } = parseImageIndex(await readDocument(source, found, signal), found.mediaType, source.label);
    return manifests.some((member) => member.digest === image.descriptor.digest) ? digest : undefined;
  } catch (error) {
    // Only the index itself proves that a signature of the index is for this image
    if (error instanceof TsimgError) return undefined;
    throw error;
  }
}

/** Returns the repository of a stored image: that of the requested name, or of another name of the image. */
async function repositoryOf({ image, name }: LoadedFrom, root: string): Promise<Reference | undefined> {
  const entries = await listStored(storeAt(root));
  const names = entries
    .filter(({ descriptor }) => descriptor.digest === image.descriptor.digest)
    .map((entry) => entry.name);
  for (const each of [name, ...names]) {
    if (each === undefined || isDigest(each)) continue;
    const reference = parseReference(each);
    // An ID names no repository, unless an image has it as its name
    if (idPrefixOf(each) !== undefined && !names.includes(formatReference(reference))) continue;
    return reference;
  }
  return undefined;
}

/** Returns whether the registry may have the signature: the store keeps only those that held when it was pulled. */
function mayBeElsewhere(error: unknown): error is TsimgError {
  return error instanceof TsimgError && ['SIGNATURE_MISSING', 'SIGNATURE_INVALID'].includes(error.code);
}

/**
 * Verifies the signatures of a stored image: those that the store keeps, then those in the image's repository.
 * @throws as verifyLoaded; where the repository cannot be reached, SIGNATURE_INVALID of the stored signatures, or
 * REGISTRY_UNREACHABLE where the store has none
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
