import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Step } from '../launch/plan.ts';
import type { MountAttribute } from '../linux/mount-flags.ts';
import * as files from '../sys/hand/files.ts';
import type { Hand } from '../sys/hand/hand.ts';
import { findPlace, makePlace, openDirectory, openFilePlace } from './root-targets.ts';
import { attachWith, bindOnto } from './stage-mounts.ts';

interface HostFile {
  readonly hostFile: string;
  readonly append?: string | undefined;
}

const READ_ONLY: readonly MountAttribute[] = ['ro', 'nosuid', 'nodev', 'noexec'];

/** The most that is copied of a file of the host: bytes. */
const MAX_BYTES = 1024 * 1024;

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

/**
 * Lays a file of the container's own over one of the root filesystem. It is made on the container's /dev, which is memory,
 * and its name there is taken away again: only the mount is left.
 */
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
  const file = '.tsimg-file';
  files.withDescriptor(hand, place, () => {
    makePlace(hand, rootFd, `/dev/${file}`, (directory, name) => files.makeFile(hand, directory, name, 0o644, bytes));
    const source = findPlace(hand, rootFd, `/dev/${file}`, 'never');
    if (source === undefined) throw new TsimgError('LAUNCH_FAILED', 'the root filesystem changes while it is used');
    files.withDescriptor(hand, source, () => {
      bindOnto(hand, source, place, [], target);
      const dev = openDirectory(hand, rootFd, '/dev', 'never');
      files.withDescriptor(hand, dev, () => files.unlinkIn(hand, dev, file));
    });
  });
}
