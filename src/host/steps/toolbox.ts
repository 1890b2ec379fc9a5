import { constants } from 'node:fs';
import { basename } from 'node:path/posix';
import { TsimgError } from '../../errors.ts';
import { CONTAINER_PLACE, type Toolbox } from '../../launch/plan/plan-exec.ts';
import { makeFile, openPath, withDescriptor } from '../../sys/stub/call/files.ts';
import { attachMount, cloneMount } from '../../sys/stub/call/mounts.ts';
import { joinNamespace, joinNamespacesOf } from '../../sys/stub/call/namespaces.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { bindOnto, mountKernelFs, mountRoot } from './mounts.ts';
import { findPlace, makePlace, openDirectory, openFilePlace, readFileOfRoot, type StubRoot } from './root.ts';

/** A running container, open in a stub. */
export interface OpenedContainer {
  /** A pidfd of its first process. */
  readonly process: number;
  readonly root: StubRoot;
}

function findSource(root: StubRoot, path: string): number {
  const source = findPlace(root, path, 'never');
  if (source !== undefined) return source;
  throw new TsimgError('LAUNCH_FAILED', 'the container has no such file or directory for the toolbox', { where: path });
}

/**
 * Mounts copies of the container's files over the toolbox's own. The copies are on a tmpfs, which the mount of the
 * container's root hides later. The container's files cannot be bound directly: they are often deleted ones, of which
 * no mount can be made.
 */
function layFiles(root: StubRoot, container: OpenedContainer, paths: readonly string[]): void {
  const { stub } = root;
  const memory = { do: 'mount', type: 'tmpfs', target: CONTAINER_PLACE, data: 'mode=755', strict: true } as const;
  mountKernelFs(root, { ...memory, attributes: ['nosuid', 'nodev', 'noexec'] });
  for (const path of paths) {
    const text = readFileOfRoot(container.root, path);
    if (text === '') continue;
    const copy = `${CONTAINER_PLACE}/${basename(path)}`;
    makePlace(root, copy, (place) => makeFile(place, 0o644, Buffer.from(text)));
    withDescriptor(stub, findSource(root, copy), (source) =>
      withDescriptor(stub, openFilePlace(root, path, 'inside'), (place) =>
        bindOnto(stub, source, { place, where: path }),
      ),
    );
  }
}

/**
 * Mounts a toolbox's root in the stub's own mount namespace, and the container's files on it. The stub joins the
 * container's mount namespace for a moment: only a process in a mount namespace can clone the mounts of it.
 * @param mountFiles mounts the files of the toolbox's image, and returns the descriptor
 * @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function mountToolbox(
  stub: Stub,
  toolbox: Toolbox,
  container: OpenedContainer,
  mountFiles: typeof mountRoot = mountRoot,
): StubRoot {
  const { userXattr, shown, copied } = toolbox;
  const fd = mountFiles(stub, { do: 'root', root: toolbox.root, userXattr, attributes: ['nodev'] });
  const root = { stub, fd };
  layFiles(root, container, copied);
  const sources = shown.map((each) => ({ ...each, source: findSource(container.root, each.from) }));
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
      withDescriptor(stub, openDirectory(root, to, 'never'), (place) => attachMount(stub, tree, place, to)),
    );
  }
  return root;
}
