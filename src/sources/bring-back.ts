import { TsimgError } from '../errors.ts';
import { openerOf, openFrom } from '../image/open-from.ts';
import type { Source } from '../image/source.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { parseReference } from '../oci/reference.ts';
import type { RegistryConnections } from '../registry/connections.ts';
import type { RegistryOptions } from '../registry/session.ts';
import { droppedFrom, forgetReturned } from '../store/dropped.ts';
import { writeBlob } from '../store/intake.ts';
import type { Store } from '../store/open.ts';

/** Options for the registries of dropped blobs. They are several registries, so credentials for one are left out. */
export type BringBackOptions = Omit<RegistryOptions, 'credentials'>;

interface Dropped {
  readonly store: Store;
  readonly options: BringBackOptions;
  /** Layers of an image come from one registry: it is connected to once. */
  connections(): Promise<RegistryConnections>;
}

/**
 * Fetches a dropped blob back into the store; false where it was not dropped.
 * @throws REGISTRY_…, AUTHENTICATION_…, BLOB_NOT_FOUND where the registry does not have it any more
 */
async function bringBack(
  { store, options, connections }: Dropped,
  blob: Descriptor,
  signal?: AbortSignal,
): Promise<boolean> {
  const from = await droppedFrom(store, blob.digest);
  if (from === undefined) return false;
  // Loading registries takes longer than reading the store, which seldom needs them.
  const { openRegistrySource } = await import('./registry.ts');
  const registry = openRegistrySource(parseReference(from), {
    ...options,
    signal,
    connections: await connections(),
  });
  try {
    const opener = openerOf(registry, blob);
    await writeBlob(store, blob, (offset) => openFrom(opener, offset, signal), { signal });
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code !== 'BLOB_NOT_FOUND') throw error;
    throw new TsimgError('BLOB_NOT_FOUND', 'a dropped blob cannot be fetched again', {
      where: `${from} ${blob.digest}`,
      why: 'its registry does not have it any more',
      hint: 'load the image from an archive, or remove it: tsimg rmi',
      cause: error,
    });
  } finally {
    await registry.close();
  }
  await forgetReturned(store, blob.digest);
  return true;
}

/** Returns a source of the store in which dropped blobs come back when they are read. */
export function bringingBack(source: Source, store: Store, options: BringBackOptions = {}): Source {
  let opened: RegistryConnections | undefined;
  const connections = async () => {
    if (options.connections !== undefined) return options.connections;
    const { openConnections } = await import('../registry/connections.ts');
    opened ??= openConnections();
    return opened;
  };
  const dropped = { store, options, connections };
  return {
    ...source,
    async close() {
      opened?.close();
      await source.close();
    },
    async open(descriptor, signal) {
      try {
        return await source.open(descriptor, signal);
      } catch (error) {
        const isMissing = error instanceof TsimgError && error.code === 'BLOB_NOT_FOUND';
        if (!isMissing || !(await bringBack(dropped, descriptor, signal))) throw error;
        return await source.open(descriptor, signal);
      }
    },
    async locate(descriptor, signal) {
      const found = await source.locate?.(descriptor, signal);
      if (found !== undefined || !(await bringBack(dropped, descriptor, signal))) return found;
      return await source.locate?.(descriptor, signal);
    },
  };
}
