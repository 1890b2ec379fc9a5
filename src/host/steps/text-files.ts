import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Step } from '../../launch/launch-plan.ts';
import { type MountAttribute, mountFlags } from '../../linux/mount-flags.ts';
import * as files from '../../sys/stub/call/files.ts';
import { detachMount, mount } from '../../sys/stub/call/mounts.ts';
import type { Hand } from '../../sys/stub/stub.ts';
import { attachWith, bindOnto } from './mounts.ts';
import { openDirectory, openFilePlace } from './root-targets.ts';

interface HostFile {
  readonly hostFile: string;
  readonly append?: string | undefined;
}

const READ_ONLY: readonly MountAttribute[] = ['ro', 'nosuid', 'nodev', 'noexec'];

/** The most that is copied of a file of the host: bytes. */
const MAX_BYTES = 1024 * 1024;
/** Of each file; the container may make it longer. */
const MEMORY = 'mode=755,size=4m,nr_inodes=4';

/** A file of the host, undefined where there is none that could be copied. */
function readHostFile(hand: Hand, path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = files.openPath(hand, path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return files.withDescriptor(hand, fd, () =>
    files.statusOf(hand, fd).kind === 'file' ? files.readAll(hand, fd, MAX_BYTES) : undefined,
  );
}

/** A place in the root filesystem for a file; undefined where it has none and takes none (a link to nowhere, a read-only disk). */
function placeFor(hand: Hand, rootFd: number, target: string): number | undefined {
  try {
    return openFilePlace(hand, rootFd, target, 'inside');
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'LAUNCH_FAILED') return undefined;
    throw error;
  }
}

/** A file of the host's, as it is there now and as it will be: the container can only read it. */
function bindSharedFile(hand: Hand, rootFd: number, target: string, shared: string, clone: number | undefined): void {
  const place = placeFor(hand, rootFd, target);
  if (place === undefined) return;
  files.withDescriptor(hand, place, () =>
    files.withDescriptor(hand, clone ?? files.openPath(hand, shared, files.O_PATH), (source) =>
      clone === undefined
        ? bindOnto(hand, source, place, READ_ONLY, target)
        : attachWith(hand, source, place, READ_ONLY, target),
    ),
  );
}

function bytesOf(hand: Hand, content: { readonly text: string } | HostFile): Buffer | undefined {
  if ('text' in content) return Buffer.from(content.text);
  const host = readHostFile(hand, content.hostFile);
  if (content.append === undefined) return host;
  return Buffer.concat([host ?? Buffer.alloc(0), Buffer.from(content.append)]);
}

/** The name of a file in memory; only its mount is ever seen. */
const FILE = 'file';

/**
 * Has something made in memory of its own, which is mounted for that long on the container's /dev: what was bound from it goes on.
 * A file that is unlinked instead could not be mounted over: move_mount(2) says ENOENT then.
 */
function inMemory(hand: Hand, rootFd: number, make: (folder: number) => void): void {
  const [where, flags] = ['/dev', mountFlags(['nosuid', 'nodev', 'noexec'])];
  files.withDescriptor(hand, openDirectory(hand, rootFd, where, 'never'), (dev) =>
    mount(hand, { source: 'tmpfs', target: files.descriptorPath(dev), type: 'tmpfs', flags, data: MEMORY }, where),
  );
  files.withDescriptor(hand, openDirectory(hand, rootFd, where, 'never'), (folder) => {
    make(folder);
    detachMount(hand, files.descriptorPath(folder));
  });
}

/** Lays a file of the container's own over one of the root filesystem. */
export function mountTextFile(
  hand: Hand,
  rootFd: number,
  { target, content }: Extract<Step, { do: 'file' }>,
  clone?: number,
): void {
  if ('shared' in content) {
    bindSharedFile(hand, rootFd, target, content.shared, clone);
    return;
  }
  const bytes = bytesOf(hand, content);
  if (bytes === undefined) return;
  const place = placeFor(hand, rootFd, target);
  if (place === undefined) return;
  files.withDescriptor(hand, place, () =>
    inMemory(hand, rootFd, (folder) => {
      files.makeFile(hand, folder, FILE, 0o644, bytes);
      const source = files.openBeneath(hand, folder, FILE, { flags: files.O_PATH, links: 'never' });
      files.withDescriptor(hand, source, () => bindOnto(hand, source, place, [], target));
    }),
  );
}
