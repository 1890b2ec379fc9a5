import { recordEvent } from '../../host/state/events-file.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { openConnections } from '../../registry/connections.ts';
import { meetRepository } from '../../registry/repository.ts';
import { openStoreSink } from '../../sinks/store.ts';
import { openStoreSource } from '../../sources/store.ts';
import { type StorePlace, storePlace } from '../places.ts';
import type { PullOptions } from './prepare-pull.ts';
import { type PullReport, pullImage } from './pull.ts';

/** Options of `pullToStore`. */
export interface StorePullOptions extends Omit<PullOptions, 'local'>, StorePlace {
  /** Whether the image's blobs in the store are verified, and fetched again where they are damaged. */
  readonly verify?: boolean | undefined;
}

/**
 * Pulls an image into the local store, as `tsimg pull` does. The store is made where it is missing; blobs and documents
 * that it has are not fetched again.
 * @throws the errors of {@link pullImage}; STORE_INVALID, FILESYSTEM
 * @example
 * const { digest, bytesTransferred } = await pullToStore(parseReference('alpine:3.19'), {
 *   onEvent: (event) => event.kind === 'warning' && console.error(event.message),
 * });
 */
export async function pullToStore(reference: Reference, options: StorePullOptions = {}): Promise<PullReport> {
  const root = storePlace(options);
  using own = openConnections();
  const { connections = own } = options;
  // The registry answers while the store is opened. What fails here fails again where it is told.
  const version = reference.digest ?? reference.tag ?? 'latest';
  meetRepository(reference, version, { ...options, connections }).catch(() => {});
  const sink = await openStoreSink(root, options.signal, options);
  try {
    const local = await openStoreSource(root, options.signal);
    try {
      const report = await pullImage(reference, sink, { ...options, connections, local });
      const name = formatReference(reference);
      recordEvent(root, { type: 'image', action: 'pull', id: name, attributes: { name } });
      return report;
    } finally {
      await local.close();
    }
  } finally {
    await sink.close();
  }
}
