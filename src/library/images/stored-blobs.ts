import type { Reference } from '../../oci/reference.ts';
import { openConnections } from '../../registry/connections.ts';
import { openRegistrySource } from '../../sources/registry.ts';
import { type StorePlace, storePlace } from '../../verbs/places.ts';
import { checkStore as check, type StoreCheck } from '../../verbs/store/check-store.ts';
import { type DropOptions, type DroppedBlobs, dropBlobs as drop } from '../../verbs/store/drop-blobs.ts';
import { type Checks, checkOptions, flag, text } from '../options/check-options.ts';
import { REGISTRIES_CHECKS } from '../options/registry-checks.ts';

/** Which store {@link dropBlobs} looks at, and how the registries of its images are reached. */
export interface DropBlobsOptions extends StorePlace, DropOptions {}

/** What {@link checkStore} does, and how the registries are reached that damaged blobs are fetched from. */
export interface CheckStoreOptions extends StorePlace, DropOptions {
  /** Whether damage is mended as far as possible, and garbage removed. Default false. */
  readonly repair?: boolean | undefined;
}

const DROP_CHECKS: Checks<DropBlobsOptions> = { ...REGISTRIES_CHECKS, root: text };
const CHECK_CHECKS: Checks<CheckStoreOptions> = { ...DROP_CHECKS, repair: flag };

/**
 * Checks the store: reads every blob that an image needs, and looks at the list of images, at documents and what they
 * lead to, at unfinished downloads and at unpacked layers. With `repair`, damaged blobs are moved away and fetched from
 * the registry in the image's name, a lost list of images is made again, and garbage is removed, but not in a run that
 * has made such a list. Unfinished downloads stay: the next pull goes on with them. Where there is no store, a warning
 * says so.
 * @throws USAGE; STORE_INVALID where there is another thing than a store; FILESYSTEM
 * @example
 * const { isClean, findings } = await checkStore({ root: '/var/lib/tsimg' });
 */
export async function checkStore(options: CheckStoreOptions = {}): Promise<StoreCheck> {
  checkOptions('checkStore', options, CHECK_CHECKS);
  const { root, repair, ...reach } = options;
  const { signal, onEvent } = reach;
  using own = openConnections();
  const { connections = own } = reach;
  const openRegistry = (reference: Reference) => openRegistrySource(reference, { ...reach, connections });
  return await check({ storeRoot: storePlace({ root }), repair, openRegistry }, { signal, onEvent });
}

/**
 * Drops the blobs of layers that are unpacked: the unpacked files are enough to run an image. A blob is removed only if
 * a registry in a name of its images has it, and comes back when it is read: by {@link saveImages}, {@link pushImage},
 * {@link copySource}, {@link unpackSource}.
 * @throws USAGE, STORE_INVALID, FILESYSTEM
 * @example
 * const { bytes } = await dropBlobs({ root: '/var/lib/tsimg' });
 */
export async function dropBlobs(options: DropBlobsOptions = {}): Promise<DroppedBlobs> {
  checkOptions('dropBlobs', options, DROP_CHECKS);
  const { root, ...reach } = options;
  return await drop(storePlace({ root }), reach);
}
