import type { Reference } from '../oci/reference.ts';
import { openStoreSink } from '../sinks/store.ts';
import { openStoreSource } from '../sources/store.ts';
import { type PullOptions, type PullReport, pullImage } from './pull.ts';
import { type StorePlace, storePlace } from './store-place.ts';

/** `pullImage` into the local store, which is made when it is not there. What it holds is not fetched again. @throws as pullImage */
export async function pullToStore(
  reference: Reference,
  options: Omit<PullOptions, 'local'> & StorePlace = {},
): Promise<PullReport> {
  const root = storePlace(options);
  const sink = await openStoreSink(root, options.signal);
  try {
    const local = await openStoreSource(root, options.signal);
    try {
      return await pullImage(reference, sink, { ...options, local });
    } finally {
      await local.close();
    }
  } finally {
    await sink.close();
  }
}
