import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Step } from '../../launch/launch-plan.ts';
import { type MountAttribute, mountFlags } from '../../linux/mount-flags.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import * as files from '../../sys/stub/call/files.ts';
import { detachMount, mount } from '../../sys/stub/call/mounts.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { attachWith, bindOnto } from './mounts.ts';
import { openDirectory, openFilePlace, type StubRoot } from './root.ts';

interface HostFile {
  readonly hostFile: string;
  readonly append?: string | undefined;
}

const READ_ONLY: readonly MountAttribute[] = ['ro', 'nosuid', 'nodev', 'noexec'];

/** The largest file of the host that is copied: bytes. */
const MAX_BYTES = 1024 * 1024;
/** The mount options of each file's own memory. The container may make the file longer. */
const MEMORY = 'mode=755,size=4m,nr_inodes=4';

/** Reads a file of the host; undefined where it is missing, too large or no regular file. */
function readHostFile(stub: Stub, path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = files.openPath(stub, path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return files.withDescriptor(stub, fd, () =>
    files.statusOf(stub, fd).kind === 'file' ? files.readAll(stub, fd, MAX_BYTES) : undefined,
  );
}

/** Opens a place for a file in the root filesystem; undefined where none can be made, as on a read-only disk. */
function placeFor(root: StubRoot, target: string): number | undefined {
  try {
    return openFilePlace(root, target, 'inside');
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'LAUNCH_FAILED') return undefined;
    throw error;
  }
}

/** A file of the host that is bound. */
interface SharedFile {
  readonly path: string;
  /** Made by `cloneSources`. */
  readonly clone: number | undefined;
}

/** Binds a file of the host read-only: the container sees the host's later changes to it. */
function bindSharedFile(root: StubRoot, target: string, { path, clone }: SharedFile): void {
  const { stub } = root;
  const place = placeFor(root, target);
  if (place === undefined) return;
  const attachment = { place, attributes: READ_ONLY, where: target };
  files.withDescriptor(stub, place, () =>
    files.withDescriptor(stub, clone ?? files.openPath(stub, path, O_PATH), (source) =>
      clone === undefined ? bindOnto(stub, source, attachment) : attachWith(stub, source, attachment),
    ),
  );
}

function bytesOf(stub: Stub, content: { readonly text: string } | HostFile): Buffer | undefined {
  if ('text' in content) return Buffer.from(content.text);
  const host = readHostFile(stub, content.hostFile);
  if (content.append === undefined) return host;
  return Buffer.concat([host ?? Buffer.alloc(0), Buffer.from(content.append)]);
}

/** The name of a file in memory. Nobody sees it: the file is bound to its place. */
const FILE = 'file';

/**
 * Calls `make` with the directory of a new tmpfs, which is mounted on the container's /dev meanwhile. Files that `make`
 * binds from it stay when it is unmounted. Unlinking the file instead would make it unfit for mounts on it:
 * move_mount(2) fails with ENOENT.
 */
function inMemory(root: StubRoot, make: (folder: number) => void): void {
  const { stub } = root;
  const [where, flags] = ['/dev', mountFlags(['nosuid', 'nodev', 'noexec'])];
  files.withDescriptor(stub, openDirectory(root, where, 'never'), (dev) =>
    mount(stub, { source: 'tmpfs', target: files.descriptorPath(dev), type: 'tmpfs', flags, data: MEMORY }, where),
  );
  files.withDescriptor(stub, openDirectory(root, where, 'never'), (folder) => {
    make(folder);
    detachMount(stub, files.descriptorPath(folder));
  });
}

/** Mounts a file of the container's own over a file of the root filesystem. @param clone made by `cloneSources` */
export function mountTextFile(
  root: StubRoot,
  { target, content }: Extract<Step, { do: 'file' }>,
  clone?: number,
): void {
  const { stub } = root;
  if ('shared' in content) {
    bindSharedFile(root, target, { path: content.shared, clone });
    return;
  }
  const bytes = bytesOf(stub, content);
  if (bytes === undefined) return;
  const place = placeFor(root, target);
  if (place === undefined) return;
  files.withDescriptor(stub, place, () =>
    inMemory(root, (folder) => {
      files.makeFile({ stub, directory: folder, name: FILE }, 0o644, bytes);
      const source = files.openInRoot(stub, folder, FILE, { flags: O_PATH, links: 'never' });
      files.withDescriptor(stub, source, () => bindOnto(stub, source, { place, where: target }));
    }),
  );
}
