import { chownSync } from 'node:fs';
import { tempDir } from '../temp-dir.ts';

const roots = new Map<number, string>();

/** Makes a folder for images and containers of a test, owned by this user or the caller. It is removed at the end. */
export function stateRootOf(user: { readonly uid: number; readonly gid: number } | undefined): string {
  const key = user?.uid ?? -1;
  const root = roots.get(key) ?? tempDir(0o700);
  if (user !== undefined) chownSync(root, user.uid, user.gid);
  roots.set(key, root);
  return root;
}
