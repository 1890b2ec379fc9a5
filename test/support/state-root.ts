import { chownSync } from 'node:fs';
import { tempDir } from './temp-dir.ts';

const roots = new Map<number, string>();

/** Where images and containers of a test are kept, which is gone with it: a folder of this user's, or of the caller's. */
export function stateRootOf(user: { readonly uid: number; readonly gid: number } | undefined): string {
  const key = user?.uid ?? -1;
  const root = roots.get(key) ?? tempDir(0o700);
  if (user !== undefined) chownSync(root, user.uid, user.gid);
  roots.set(key, root);
  return root;
}
