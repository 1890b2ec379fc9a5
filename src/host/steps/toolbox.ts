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

/** A container that runs, open in a stub. */
export interface OpenedContainer {
  /** A pidfd of its first process. */
  readonly process: number;
  readonly root: StubRoot;
}

function findSource(root: StubRoot, path: string): number {
  const source = findPlace(root, path, 'never');
  if (source !== undefined) return source;
  throw new TsimgError('LAUNCH_FAILED', 'the container does not have what a toolbox shows', { where: path });
}

/**
 * Copies of files, laid over the root's own, which stay as they are. They are on a file system in memory that is out of sight
 * once the container's root is mounted over it: the container's own files are often deleted ones, of which no mount can be made.
 */
function layFiles(root: StubRoot, container: OpenedContainer, paths: readonly string[]): void {
  const { stub } = root;
  const memory = { do: 'mount', type: 'tmpfs', target: CONTAINER_PLACE, data: 'mode=755', strict: true } as const;
  mountKernelFs(root, { ...memory, attributes: ['nosuid', 'nodev', 'noexec'] });
  for (const path of paths) {
    const text = readFileOfRoot(container.root, path);
    if (text === '') continue;
    const copy = `${CONTAINER_PLACE}/${basename(path)}`;
    makePlace(root, copy, (directory, name) => makeFile(stub, directory, name, 0o644, Buffer.from(text)));
    withDescriptor(stub, findSource(root, copy), (source) =>
      withDescriptor(stub, openFilePlace(root, path, 'inside'), (place) =>
        bindOnto(stub, source, { place, where: path }),
      ),
    );
  }
}

/**
 * Mounts a toolbox's root in a stub's mount namespace, which must be its own, and on it what the container sees.
 * Mounts can only be cloned by who is in their namespace: that of the container is visited for it.
 * @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function mountToolbox(stub: Stub, toolbox: Toolbox, container: OpenedContainer): StubRoot {
  const { userXattr, shown, copied } = toolbox;
  const fd = mountRoot(stub, { do: 'root', root: toolbox.root, userXattr, attributes: ['nodev'] });
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
