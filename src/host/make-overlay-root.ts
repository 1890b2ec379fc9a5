import { chmod, chown, mkdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdMap, RootSpec } from '../launch/plan.ts';

/**
 * Makes a container's own files in its directory: `upper`, `work`, `merged` and short names for the layers, as `RootSpec`
 * wants them. @param lower layer directories, top first
 */
export async function makeOverlayRoot(
  path: string,
  lower: readonly string[],
  idMap: IdMap | undefined,
): Promise<RootSpec> {
  for (const name of ['upper', 'work', 'merged', 'l']) await mkdir(join(path, name), { mode: 0o755 });
  // An image without layers is an empty directory.
  if (lower.length === 0) await mkdir(join(path, 'l', '0'));
  await Promise.all(lower.map((layer, index) => symlink(layer, join(path, 'l', String(index)))));
  const [top] = lower;
  if (top !== undefined) {
    // The root directory itself is the upper one: it must look as the top layer has it.
    const { mode, uid, gid } = await stat(top);
    if (idMap === undefined) await chown(join(path, 'upper'), uid, gid);
    await chmod(join(path, 'upper'), mode & 0o7777);
  }
  return { kind: 'overlay', directory: path, lower: lower.length === 0 ? [join(path, 'l', '0')] : lower };
}
