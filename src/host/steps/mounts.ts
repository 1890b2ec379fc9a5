import { constants } from 'node:fs';
import { basename, dirname } from 'node:path/posix';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { RootSpec, Step } from '../../launch/launch-plan.ts';
import { attributeBits, type MountAttribute, mountFlags } from '../../linux/mount-flags.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import * as files from '../../sys/stub/call/files.ts';
import {
  attachMount,
  changeRootToWorkingDirectory,
  cloneMount,
  detachMount,
  mount,
  pivotToWorkingDirectory,
  setMountAttributes,
} from '../../sys/stub/call/mounts.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { findPlace, isProc, makePlace, openDirectory, openFilePlace, type StubRoot } from './root.ts';

type StepOf<Kind extends Step['do']> = Extract<Step, { do: Kind }>;

/** Opens something of the host for mounting it. @throws LAUNCH_FAILED */
export function openHost(stub: Stub, path: string): number {
  try {
    return files.openPath(stub, path, O_PATH);
  } catch (cause) {
    throw new TsimgError('LAUNCH_FAILED', 'cannot open what is to be mounted', {
      where: path,
      why: errnoOf(cause) ?? 'unknown',
      cause,
    });
  }
}

/** A mount to make: where it is attached and how it can be used. */
interface Attachment {
  /** A descriptor of the place that it covers. */
  readonly place: number;
  readonly attributes?: readonly MountAttribute[];
  /** The place's path, for errors. */
  readonly where: string;
}

/**
 * Binds what one descriptor names, with all that is mounted in it, to the place that another names. No path is looked up
 * between the two, so nothing can be put in their way; attributes hold before the mount can be seen.
 */
export function bindOnto(stub: Stub, source: number, attachment: Attachment): void {
  files.withDescriptor(stub, cloneMount(stub, source, attachment.where), (tree) => attachWith(stub, tree, attachment));
}

/** The same with what was cloned already. */
export function attachWith(stub: Stub, tree: number, { place, attributes = [], where }: Attachment): void {
  if (attributes.length > 0) setMountAttributes(stub, tree, attributeBits(attributes), true, where);
  attachMount(stub, tree, place, where);
}

/** Mounts the container's root and opens it. The host path may hold links: it is the caller's word. */
export function mountRoot(stub: Stub, { root, userXattr, attributes }: StepOf<'root'>): number {
  const rootFd = root.kind === 'directory' ? bindDirectory(stub, root.path) : mountOverlay(stub, root, userXattr);
  setMountAttributes(
    stub,
    rootFd,
    attributeBits(attributes),
    true,
    root.kind === 'directory' ? root.path : root.directory,
  );
  return rootFd;
}

/** Mounts a directory of the host over itself and opens it: in another's user namespace, its mounts may be moved then. */
export function bindDirectory(stub: Stub, path: string): number {
  return files.withDescriptor(stub, openHost(stub, path), (fd) => {
    if (files.statusOf(stub, fd).kind !== 'directory')
      throw new TsimgError('LAUNCH_FAILED', 'not a directory', { where: path });
    const tree = cloneMount(stub, fd, path);
    attachMount(stub, tree, fd, path);
    return tree;
  });
}

function mountOverlay(
  stub: Stub,
  { directory, lower }: Extract<RootSpec, { kind: 'overlay' }>,
  userXattr: boolean,
): number {
  stub.later({ name: 'chdir', args: [directory], where: directory });
  const names = lower.map((_, index) => `${CONTAINER_NAME.lowers}/${index}`).join(':');
  // The two are settings of the host's kernel else: `commit` reads whole files from the upper layer. `userxattr` turns them off.
  const settings = userXattr ? 'userxattr' : 'redirect_dir=off,metacopy=off';
  const data = `lowerdir=${names},upperdir=${CONTAINER_NAME.upper},workdir=${CONTAINER_NAME.work},${settings}`;
  mount(
    stub,
    { source: 'overlay', target: CONTAINER_NAME.merged, type: 'overlay', flags: 0, data },
    directory,
    (cause) => {
      const errno = errnoOf(cause) ?? 'unknown';
      return new TsimgError('LAUNCH_FAILED', 'the layers cannot be mounted over each other', {
        where: directory,
        why: errno,
        hint: 'an overlay cannot lie on another one: keep images elsewhere, with --root',
        facts: { overlayRefused: true, errno },
        cause,
      });
    },
  );
  const rootFd = files.openPath(stub, CONTAINER_NAME.merged, O_PATH | constants.O_DIRECTORY);
  stub.later({ name: 'chdir', args: ['/'] });
  return rootFd;
}

/** What the user asked for is never mounted below /proc, whatever links lead there: the kernel answers from it. */
export function refuseProc(stub: Stub, place: number, target: string): void {
  if (!isProc(stub, place)) return;
  throw new TsimgError('LAUNCH_FAILED', 'nothing may be mounted below /proc', { where: target });
}

/** A file system of the kernel's, at a place that is made where it is missing. */
export function mountKernelFs(root: StubRoot, step: StepOf<'mount'>): void {
  const { stub } = root;
  const { type, source = type, target, attributes, data, strict } = step;
  files.withDescriptor(stub, openDirectory(root, target, strict ? 'never' : 'inside'), (place) => {
    if (!strict) refuseProc(stub, place, target);
    mount(
      stub,
      { source, target: files.descriptorPath(place), type, flags: mountFlags(attributes), data },
      `${type} on ${target}`,
    );
  });
}

/** A directory tree of the host, at a place that no link leads to. */
export function mountHostTree(root: StubRoot, step: StepOf<'host-tree'>): void {
  const { stub } = root;
  const { source, target, attributes } = step;
  files.withDescriptor(stub, openHost(stub, source), (from) => {
    files.withDescriptor(stub, openDirectory(root, target, 'never'), (place) => {
      bindOnto(stub, from, { place, attributes, where: target });
    });
  });
}

/** Makes a device, or binds the host's own where that is not allowed, once it is sure to be the same device. */
export function makeDeviceNode(root: StubRoot, step: StepOf<'device'>): void {
  const { stub } = root;
  const { target, major, minor, make } = step;
  const kind = 'character-device';
  if (make) {
    try {
      makePlace(root, target, (directory, name) =>
        files.makeDeviceIn(stub, directory, name, { kind, mode: 0o666, major, minor }),
      );
      return;
    } catch (error) {
      if (errnoOf(error instanceof TsimgError ? error.cause : error) !== 'EPERM') throw error;
    }
  }
  files.withDescriptor(stub, openHost(stub, target), (from) => {
    const found = files.statusOf(stub, from);
    if (found.kind !== kind || found.major !== major || found.minor !== minor) {
      throw new TsimgError('LAUNCH_FAILED', 'not the device of that name', { where: target, facts: { major, minor } });
    }
    const place = openFilePlace(root, target, 'never');
    files.withDescriptor(stub, place, () => bindOnto(stub, from, { place, where: target }));
  });
}

export function makeDirectory(root: StubRoot, { target, mode }: StepOf<'directory'>): void {
  makePlace(root, target, (directory, name, explain) =>
    files.makeDirectoryIn(root.stub, directory, name, mode, explain),
  );
}

export function makeLink(root: StubRoot, { target, to }: StepOf<'link'>): void {
  makePlace(root, target, (directory, name, explain) => files.makeLinkIn(root.stub, directory, name, to, explain));
}

/** The paths that a pattern with one `*` in one of its names stands for. */
function expand(root: StubRoot, pattern: string): readonly string[] {
  const star = pattern.indexOf('*');
  if (star === -1) return [pattern];
  const parent = dirname(pattern.slice(0, star + 1));
  const prefix = basename(pattern.slice(0, star));
  const rest = pattern.slice(star + 1);
  const fd = findPlace(root, parent, 'never');
  if (fd === undefined) return [];
  const names = files.withDescriptor(root.stub, fd, () => files.readDirectory(root.stub, fd));
  return names.filter(({ name }) => name.startsWith(prefix)).map(({ name }) => `${parent}/${name}${rest}`);
}

/** Hides what is there: a file behind the container's own, verified /dev/null, a directory behind an empty one. */
export function maskPath(root: StubRoot, { target }: StepOf<'mask'>): void {
  const { stub } = root;
  for (const path of expand(root, target)) {
    const place = findPlace(root, path, 'never');
    if (place === undefined) continue;
    files.withDescriptor(stub, place, () => {
      if (files.statusOf(stub, place).kind === 'directory') {
        const flags = mountFlags(['ro', 'nosuid', 'nodev', 'noexec']);
        mount(
          stub,
          { source: 'tmpfs', target: files.descriptorPath(place), type: 'tmpfs', flags, data: 'size=0k' },
          path,
        );
        return;
      }
      const empty = findPlace(root, '/dev/null', 'never');
      if (empty === undefined) throw new TsimgError('LAUNCH_FAILED', '/dev/null is missing', { where: path });
      files.withDescriptor(stub, empty, () => {
        const { kind, major, minor } = files.statusOf(stub, empty);
        // A /dev/null that is something else would be shown, writable, where the masked file was (CVE-2025-31133).
        if (kind !== 'character-device' || major !== 1 || minor !== 3) {
          throw new TsimgError('LAUNCH_FAILED', '/dev/null is not the null device');
        }
        bindOnto(stub, empty, { place, where: path });
      });
    });
  }
}

export function makeReadOnly(root: StubRoot, { target, mounted }: StepOf<'read-only'>): void {
  const { stub } = root;
  const place = findPlace(root, target, 'never');
  if (place === undefined) return;
  files.withDescriptor(stub, place, () => {
    if (mounted) setMountAttributes(stub, place, attributeBits(['ro']), false, target);
    else bindOnto(stub, place, { place, attributes: ['ro'], where: target });
  });
}

/** Makes the container's root the root, and lets go of the old one. */
export function pivot({ stub, fd }: StubRoot, { readOnlyRoot }: StepOf<'pivot'>): void {
  files.goTo(stub, fd);
  if (readOnlyRoot) setMountAttributes(stub, fd, attributeBits(['ro']), false, '/');
  pivotToWorkingDirectory(stub);
  detachMount(stub, '.');
  stub.later({ name: 'chdir', args: ['/'] });
}

/** chroot(2) alone: the old root stays where it is, below. */
export function changeRoot({ stub, fd }: StubRoot, { readOnlyRoot }: StepOf<'chroot'>): void {
  if (readOnlyRoot) setMountAttributes(stub, fd, attributeBits(['ro']), false, '/');
  files.goTo(stub, fd);
  changeRootToWorkingDirectory(stub);
  stub.later({ name: 'chdir', args: ['/'] });
}
