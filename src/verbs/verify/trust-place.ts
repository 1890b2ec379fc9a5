import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { STORE_NAME } from '../../store-layout.ts';

/** The trusted root that `tsimg trust update` keeps in a store. */
export function updatedRoot(storeRoot: string): string {
  return join(storeRoot, STORE_NAME.trust, 'trusted_root.json');
}

/** The path of the store's trusted root; undefined where none was fetched. */
export function findUpdatedRoot(storeRoot: string): string | undefined {
  const path = updatedRoot(storeRoot);
  return existsSync(path) ? path : undefined;
}
