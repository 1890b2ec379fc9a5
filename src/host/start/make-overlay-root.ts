import { constants } from 'node:fs';
import { chmod, chown, mkdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { IdMap, RootSpec } from '../../launch/launch-plan.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { chownDescriptor, openPath } from '../../sys/stub/call/files.ts';
import { startStub } from '../../sys/stub/start-stub.ts';
import { makeUserNamespace } from './make-user-namespace.ts';

/** Gives a directory of the caller to the root of the map, which is another ID. */
async function giveToRoot(path: string, idMap: IdMap, tools: HostTools): Promise<void> {
  const { stub, process } = await startStub();
  try {
    await makeUserNamespace(stub, idMap, tools);
    chownDescriptor(stub, openPath(stub, path, constants.O_RDONLY | constants.O_DIRECTORY), 0, 0);
  } finally {
    stub.close();
    process.kill('SIGKILL');
    await process.ended;
  }
}

/** The owner of an overlay, and the host's tools that give files to the owner. */
interface OverlayUser {
  /** The container's map; absent where it has the host's IDs. */
  readonly idMap: IdMap | undefined;
  readonly tools: HostTools;
}

/**
 * Makes the directories of a container's overlay (`upper`, `work`, `merged`) and short names for its layers, as
 * `RootSpec` describes.
 * @param lower layer directories, top first
 */
export async function makeOverlayRoot(
  path: string,
  lower: readonly string[],
  { idMap, tools }: OverlayUser,
): Promise<RootSpec> {
  const { upper, work, merged, lowers } = CONTAINER_NAME;
  for (const name of [upper, work, merged, lowers]) await mkdir(join(path, name), { mode: 0o755 });
  // The upper directory is the container's root, which all its users pass through: its mode must not depend on the
  // caller's umask.
  await chmod(join(path, upper), 0o755);
  // The lower directory of an image without layers.
  if (lower.length === 0) await mkdir(join(path, lowers, '0'));
  await Promise.all(lower.map((layer, index) => symlink(layer, join(path, lowers, String(index)))));
  const [top] = lower;
  if (top !== undefined) {
    // The container sees the upper directory as its root: it gets the owner and mode of the top layer's root.
    const { mode, uid, gid } = await stat(top);
    if (idMap === undefined) await chown(join(path, upper), uid, gid);
    await chmod(join(path, upper), mode & 0o7777);
    if (idMap?.caller !== undefined) await giveToRoot(join(path, upper), idMap, tools);
  }
  return { kind: 'overlay', directory: path, lower: lower.length === 0 ? [join(path, lowers, '0')] : lower };
}
