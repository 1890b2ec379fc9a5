import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import { STORE_NAME } from '../../store-layout.ts';
import { type StorePlace, storePlace } from '../places.ts';

/** Returns the path at which `tsimg trust update` keeps a store's trusted root. */
export function updatedRoot(storeRoot: string): string {
  return join(storeRoot, STORE_NAME.trust, 'trusted_root.json');
}

/** Returns the path of the trusted root in the caller's store; undefined where none was fetched, or without a store. */
export function findUpdatedRoot(place: StorePlace): string | undefined {
  try {
    const path = updatedRoot(storePlace(place));
    return existsSync(path) ? path : undefined;
  } catch (error) {
    // A pull into a sink needs no store
    if (error instanceof TsimgError && error.code === 'STORE_INVALID') return undefined;
    throw error;
  }
}
