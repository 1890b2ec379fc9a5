import { TsimgError } from '../../errors.ts';
import type { Reference } from '../../oci/reference.ts';
import { openRegistryClient } from '../../registry/client.ts';
import type { RegistryOptions } from '../../registry/session.ts';

/**
 * Lists the tags of a reference's repository, sorted by their bytes, because the order of registries differs.
 * @throws IMAGE_NOT_FOUND where there is no such repository; REGISTRY_…, AUTHENTICATION_…
 */
export async function listTags(reference: Reference, options: RegistryOptions = {}): Promise<readonly string[]> {
  const client = openRegistryClient(reference, options);
  try {
    const tags = await client.tags();
    if (tags !== undefined) return tags.toSorted();
    const where = `${reference.registry}/${reference.repository}`;
    throw new TsimgError('IMAGE_NOT_FOUND', 'no such repository', {
      where,
      hint: 'check its name, and the registry’s',
    });
  } finally {
    client.close();
  }
}
