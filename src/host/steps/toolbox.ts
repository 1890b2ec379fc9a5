import { constants } from 'node:fs';
import { basename } from 'node:path/posix';
import { TsimgError } from '../../errors.ts';
import { CONTAINER_PLACE, type Toolbox } from '../../launch/plan/plan-exec.ts';
import { makeFile, openPath, withDescriptor } from '../../sys/stub/call/files.ts';
import { attachMount, cloneMount } from '../../sys/stub/call/mounts.ts';
import { joinNamespace, joinNamespacesOf } from '../../sys/stub/call/namespaces.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { bindOnto, mountKernelFs, mountRoot } from './mounts.ts';
import { findPlace, makePlace, openDirectory, openFilePlace, readFileOfRoot } from './root.ts';

/** A container that runs, by descriptors of a stub: a pidfd of its first process and its root directory. */
export interface OpenedContainer {
  readonly process: number;
  readonly root: number;
}

function findSource(stub: Stub, rootFd: number, path: string): number {
  const source = findPlace(stub, rootFd, path, 'never');
  if (source !== undefined) return source;
  throw new TsimgError('LAUNCH_FAILED', 'the container does not have what a toolbox shows', { where: path });
}

/**
 * Copies of files, laid over the root's own, which stay as they are. They are on a file system in memory that is out of sight
 * once the container's root is mounted over it: the container's own files are often deleted ones, of which no mount can be made.
 */
function layFiles(stub: Stub, rootFd: number, container: OpenedContainer, paths: readonly string[]): void {
  const memory = { do: 'mount', type: 'tmpfs', target: CONTAINER_PLACE, data: 'mode=755', strict: true } as const;
  mountKernelFs(stub, rootFd, { ...memory, attributes: ['nosuid', 'nodev', 'noexec'] });
  for (const path of paths) {
    const text = readFileOfRoot(stub, container.root, path);
    if (text === '') continue;
    const copy = `${CONTAINER_PLACE}/${basename(path)}`;
    makePlace(stub, rootFd, copy, (directory, name) => makeFile(stub, directory, name, 0o644, Buffer.from(text)));
    withDescriptor(stub, findSource(stub, rootFd, copy), (source) =>
      withDescriptor(stub, openFilePlace(stub, rootFd, path, 'inside'), (place) =>
        bindOnto(stub, source, place, [], path),
      ),
    );
  }
}

/**
 * Mounts a toolbox's root in a stub's mount namespace, which must be its own, and on it what the container sees; its descriptor.
 * Mounts can only be cloned by who is in their namespace: that of the container is visited for it.
 * @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function mountToolbox(
  stub: Stub,
  { root, userXattr, shown, copied }: Toolbox,
  container: OpenedContainer,
): number {
  const rootFd = mountRoot(stub, { do: 'root', root, userXattr, attributes: ['nodev'] });
  layFiles(stub, rootFd, container, copied);
  const sources = shown.map((each) => ({ ...each, source: findSource(stub, container.root, each.from) }));
  const trees = withDescriptor(stub, openPath(stub, '/proc/self/ns/mnt', constants.O_RDONLY), (own) => {
    joinNamespacesOf(stub, container.process, ['mount']);
    const cloned = sources.map(({ from, to, source }) => ({
      to,
      tree: withDescriptor(stub, source, (fd) => cloneMount(stub, fd, from)),
    }));
    joinNamespace(stub, own, 'mount', 'the launcher’s mounts');
    return cloned;
  });
  for (const { tree, to } of trees) {
    withDescriptor(stub, tree, () =>
      withDescriptor(stub, openDirectory(stub, rootFd, to, 'never'), (place) => attachMount(stub, tree, place, to)),
    );
  }
  return rootFd;
}
