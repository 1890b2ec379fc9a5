import { constants, openSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path/posix';
import { TsimgError } from '../errors.ts';
import { CONTAINER_PLACE, type Toolbox } from '../launch/plan-exec.ts';
import { joinNamespaces, ownRootDirectory } from '../sys/join.ts';
import { attachMount, cloneMount } from '../sys/mount.ts';
import { findPlace, makePlace, openDirectory, openFilePlace, withDescriptor } from './root-targets.ts';
import { readRootFile } from './stage-files.ts';
import { bindOnto, mountKernelFs, mountRoot } from './stage-mounts.ts';

/** The container, by a pidfd of its first process and its root directory. */
interface Entered {
  readonly process: number;
  readonly root: number;
}

function findSource(rootFd: number, path: string): number {
  const source = findPlace(rootFd, path, 'never');
  if (source !== undefined) return source;
  throw new TsimgError('LAUNCH_FAILED', 'the container does not have what a toolbox shows', { where: path });
}

/**
 * Copies of files, laid over the root's own, which stay as they are. They are on a file system in memory that is out of sight
 * once the container's root is mounted over it: the container's own files are often deleted ones, of which no mount can be made.
 */
function layFiles(rootFd: number, container: Entered, paths: readonly string[]): void {
  const memory = { do: 'mount', type: 'tmpfs', target: CONTAINER_PLACE, data: 'mode=755', strict: true } as const;
  mountKernelFs(rootFd, { ...memory, attributes: ['nosuid', 'nodev', 'noexec'] });
  for (const path of paths) {
    const text = readRootFile(container.root, path);
    if (text === '') continue;
    const copy = `${CONTAINER_PLACE}/${basename(path)}`;
    makePlace(rootFd, copy, (place) => writeFileSync(place, text, { flag: 'wx', mode: 0o644 }));
    withDescriptor(findSource(rootFd, copy), (source) =>
      withDescriptor(openFilePlace(rootFd, path, 'inside'), (place) => bindOnto(source, place, [], path)),
    );
  }
}

/**
 * Mounts a toolbox's root in this process's mount namespace, which must be its own, and on it what the container sees; its
 * descriptor. Mounts can only be cloned by who is in their namespace: that of the container is visited for it. The threads of
 * this process share their root directory no more after it.
 * @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function mountToolbox({ root, userXattr, shown, copied }: Toolbox, container: Entered): number {
  const rootFd = mountRoot({ do: 'root', root, userXattr, attributes: ['nodev'] });
  ownRootDirectory();
  layFiles(rootFd, container, copied);
  const sources = shown.map((each) => ({ ...each, source: findSource(container.root, each.from) }));
  const trees = withDescriptor(openSync('/proc/self/ns/mnt', constants.O_RDONLY), (own) => {
    joinNamespaces(container.process, ['mount']);
    const cloned = sources.map(({ from, to, source }) => ({
      to,
      tree: withDescriptor(source, (fd) => cloneMount(fd, from)),
    }));
    joinNamespaces(own, ['mount']);
    return cloned;
  });
  for (const { tree, to } of trees) {
    withDescriptor(tree, () =>
      withDescriptor(openDirectory(rootFd, to, 'never'), (place) => attachMount(tree, place, to)),
    );
  }
  return rootFd;
}
