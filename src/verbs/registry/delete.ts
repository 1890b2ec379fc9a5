import { TsimgError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { openRegistryClient } from '../../registry/client.ts';
import type { RegistryOptions } from '../../registry/session.ts';

/** What a deletion would remove, or has removed. */
export interface Deletion {
  /** The complete reference. */
  readonly reference: string;
  /** The digest that the reference stands for. */
  readonly digest: Digest;
}

/**
 * Finds what a reference stands for, before it is deleted.
 * @throws IMAGE_NOT_FOUND, REGISTRY_…, AUTHENTICATION_…
 */
export async function findDeletion(reference: Reference, options: RegistryOptions = {}): Promise<Deletion> {
  const client = openRegistryClient(reference, options);
  try {
    const document = await client.document(versionOf(reference), { signal: options.signal });
    if (document === undefined) throw missing(reference);
    return { reference: formatReference(reference), digest: document.descriptor.digest };
  } finally {
    client.close();
  }
}

/**
 * Deletes a tag of a repository, or a manifest by its digest, with all its tags. Blobs stay until the registry collects
 * its garbage. Distribution spec, "Content Management".
 * @throws IMAGE_NOT_FOUND; REGISTRY_ERROR where the registry deletes nothing, or no tags; AUTHENTICATION_…
 */
export async function deleteImage(reference: Reference, options: RegistryOptions = {}): Promise<void> {
  const client = openRegistryClient(reference, options);
  try {
    if (!(await client.delete(versionOf(reference), options.signal))) throw missing(reference);
  } finally {
    client.close();
  }
}

function versionOf({ tag, digest }: Reference): string {
  return digest ?? tag ?? 'latest';
}

function missing(reference: Reference): TsimgError {
  const { registry, repository } = reference;
  return new TsimgError('IMAGE_NOT_FOUND', 'no such image', {
    where: formatReference(reference),
    hint: `tsimg tags ${registry}/${repository} lists the tags`,
  });
}
