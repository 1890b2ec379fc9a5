import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { STORE_NAME } from '../../store-layout.ts';

/** Returns the path at which `tsimg trust update` keeps a store's trusted root. */
export function updatedRoot(storeRoot: string): string {
  return join(storeRoot, STORE_NAME.trust, 'trusted_root.json');
}

/** Returns the path of a store's trusted root; undefined where none was fetched. */
export function findUpdatedRoot(storeRoot: string): string | undefined {
  const path = updatedRoot(storeRoot);
  return existsSync(path) ? path : undefined;
}
