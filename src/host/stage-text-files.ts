import { constants, fstatSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Step } from '../launch/plan.ts';
import {
  descriptorPath,
  findPlace,
  makePlace,
  O_PATH,
  openDirectory,
  openFilePlace,
  withDescriptor,
} from './root-targets.ts';
import { bindOnto } from './stage-mounts.ts';

interface HostFile {
  readonly hostFile: string;
  readonly append?: string | undefined;
}

/** The most that is copied of a file of the host: bytes. */
const MAX_BYTES = 1024 * 1024;

/** A file of the host, undefined where there is none that could be copied. */
function readHostFile(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return withDescriptor(fd, () => {
    const status = fstatSync(fd);
    return status.isFile() && status.size <= MAX_BYTES ? readFileSync(fd) : undefined;
  });
}

/** A place in the root filesystem for a file; undefined where it has none and takes none (a link to nowhere, a read-only disk). */
function placeFor(rootFd: number, target: string): number | undefined {
  try {
    return openFilePlace(rootFd, target, 'inside');
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'LAUNCH_FAILED') return undefined;
    throw error;
  }
}

/** A file of the host's, as it is there now and as it will be: the container can only read it. */
function bindSharedFile(rootFd: number, target: string, shared: string): void {
  const place = placeFor(rootFd, target);
  if (place === undefined) return;
  withDescriptor(place, () =>
    withDescriptor(openSync(shared, O_PATH), (source) =>
      bindOnto(source, place, ['ro', 'nosuid', 'nodev', 'noexec'], target),
    ),
  );
}

function bytesOf(content: { readonly text: string } | HostFile): Buffer | string | undefined {
  if ('text' in content) return content.text;
  const host = readHostFile(content.hostFile);
  if (content.append === undefined) return host;
  return Buffer.concat([host ?? Buffer.alloc(0), Buffer.from(content.append)]);
}

/**
 * Lays a file of the container's own over one of the root filesystem. It is made on the container's /dev, which is memory,
 * and its name there is taken away again: only the mount is left.
 */
export function mountTextFile(rootFd: number, { target, content }: Extract<Step, { do: 'file' }>): void {
  if ('shared' in content) {
    bindSharedFile(rootFd, target, content.shared);
    return;
  }
  const bytes = bytesOf(content);
  if (bytes === undefined) return;
  const place = placeFor(rootFd, target);
  if (place === undefined) return;
  const name = '.tsimg-file';
  withDescriptor(place, () => {
    makePlace(rootFd, `/dev/${name}`, (path) => writeFileSync(path, bytes, { flag: 'wx', mode: 0o644 }));
    const source = findPlace(rootFd, `/dev/${name}`, 'never');
    if (source === undefined) throw new TsimgError('LAUNCH_FAILED', 'the root filesystem changes while it is used');
    withDescriptor(source, () => {
      bindOnto(source, place, [], target);
      withDescriptor(openDirectory(rootFd, '/dev', 'never'), (dev) => unlinkSync(`${descriptorPath(dev)}/${name}`));
    });
  });
}
