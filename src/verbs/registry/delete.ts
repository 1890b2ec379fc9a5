import { TsimgError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatFamiliar, formatReference, isTag, type Reference } from '../../oci/reference.ts';
import { openRegistryClient, type RegistryClient } from '../../registry/client.ts';
import type { RegistryOptions } from '../../registry/session.ts';

/** The reference and the digest that a deletion would remove, or has removed. */
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
  const client = openRegistryClient(reference, { ...options, toWrite: true });
  try {
    const document = await client.document(versionOf(reference), { signal: options.signal });
    if (document === undefined) throw missing(reference);
    return { reference: formatReference(reference), digest: document.descriptor.digest };
  } finally {
    client.close();
  }
}

/** The most tags whose digests are asked for, to tell which ones a manifest's deletion takes along. */
const MAX_ASKED = 100;
/** Tags that are named in an error. */
const MAX_NAMED = 5;
/** Tags that are asked for at a time. */
const AT_A_TIME = 4;

/** The other tags of the same manifest, among the first of the repository. */
async function otherTags(client: RegistryClient, tag: string, digest: Digest, signal?: AbortSignal): Promise<string[]> {
  const asked = ((await client.tags(signal)) ?? [])
    .filter((other) => other !== tag && isTag(other))
    .slice(0, MAX_ASKED);
  const found: string[] = [];
  const rest = asked.values();
  const ask = async () => {
    for (const other of rest) if ((await client.head(other, signal))?.digest === digest) found.push(other);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, ask));
  return found.toSorted();
}

/** The hint for a tag that the registry does not delete. */
async function tagRefused(
  client: RegistryClient,
  reference: Reference,
  status: number,
  signal?: AbortSignal,
): Promise<string> {
  const { tag = 'latest' } = reference;
  const document = await client.document(tag, { signal });
  if (document === undefined) return 'the tag is gone';
  const { digest } = document.descriptor;
  const others = await otherTags(client, tag, digest, signal);
  const more = others.length > MAX_NAMED ? ` and ${others.length - MAX_NAMED} more` : '';
  const along = others.length === 0 ? '' : `, and the tags ${others.slice(0, MAX_NAMED).join(', ')}${more} with it`;
  const command = `tsimg delete ${formatFamiliar({ ...reference, tag: undefined, digest })}`;
  // A registry that deletes nothing answers 405, too.
  const may = status === 405 ? 'the registry may delete nothing; if it deletes manifests, ' : '';
  return `${may}${command} removes this tag${along}`;
}

/**
 * Deletes a tag of a repository, or a manifest by its digest, with all its tags. Blobs stay until the registry collects
 * its garbage. Distribution spec, "Content Management".
 * @throws IMAGE_NOT_FOUND; REGISTRY_ERROR where the registry deletes nothing, or no tags; AUTHENTICATION_…
 */
export async function deleteImage(reference: Reference, options: RegistryOptions = {}): Promise<void> {
  const client = openRegistryClient(reference, { ...options, toWrite: true });
  try {
    const { signal } = options;
    const onTagRefused = (status: number) => tagRefused(client, reference, status, signal);
    if (!(await client.delete(versionOf(reference), { signal, onTagRefused }))) throw missing(reference);
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
