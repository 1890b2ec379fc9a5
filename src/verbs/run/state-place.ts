import { TsimgError } from '../../errors.ts';
import { makeRuntimeDirectory, runtimeDirectory } from '../../host/facts/runtime-directory.ts';
import { type StorePlace, storePlace } from '../image/store-place.ts';

/**
 * Where the containers of this caller are kept: beside the images, whatever $XDG_RUNTIME_DIR is at the moment. A caller without
 * a place for images, who can run root filesystems all the same, keeps them where the state of networks is.
 * @throws STORE_INVALID, FILESYSTEM
 */
export function statePlace(place: StorePlace): string {
  try {
    return storePlace(place);
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code !== 'STORE_INVALID') throw error;
  }
  const uid = process.geteuid?.() ?? 0;
  const path = runtimeDirectory(uid, process.env);
  makeRuntimeDirectory(path, uid);
  return path;
}
