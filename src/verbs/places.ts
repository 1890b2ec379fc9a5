import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import { makeRuntimeDirectory, runtimeDirectory } from '../host/facts/runtime-directory.ts';
import { storeRoot } from '../store/root.ts';

/** The option that says where images are kept. */
export interface StorePlace {
  /** `--root`; $TSIMG_ROOT or the user's data folder when absent. */
  readonly root?: string | undefined;
}

/** The parameters of a verb about containers besides its own options. */
export interface ContainersContext extends Context {
  /** The folder where containers are kept: `statePlace`. */
  readonly stateRoot: string;
}

/** The folder of the caller's images. @throws STORE_INVALID where no place is known, as without $HOME */
export function storePlace({ root }: StorePlace): string {
  return storeRoot(root, { env: process.env, uid: process.geteuid?.() ?? 0, cwd: process.cwd });
}

/**
 * The folder of the caller's containers: the one of the images, whatever $XDG_RUNTIME_DIR is at the moment. A caller
 * without a place for images can still run root filesystems: their containers are kept in the runtime directory, beside
 * the state of networks.
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
