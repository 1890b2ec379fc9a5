import { constants } from 'node:fs';
import { basename, dirname } from 'node:path/posix';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { RootSpec, Step } from '../../launch/launch-plan.ts';
import { attributeBits, type MountAttribute, mountFlags } from '../../linux/mount-flags.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import * as calls from '../../sys/stub/call/file-calls.ts';
import * as files from '../../sys/stub/call/files.ts';
import {
  attachMount,
  attachMountCall,
  changeRootToWorkingDirectory,
  cloneMount,
  cloneMountCall,
  detachMount,
  mount,
  pivotToWorkingDirectory,
  removeVolatileMark,
  setMountAttributes,
} from '../../sys/stub/call/mounts.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { findPlace, isProcType, makePlace, openDirectory, openFilePlace, type StubRoot } from './root.ts';

/** Makes one mount read-only. */
const READ_ONLY = { bits: attributeBits(['ro']), recursive: false };

type StepOf<Kind extends Step['do']> = Extract<Step, { do: Kind }>;

/** Opens a file or directory of the host to mount it. @throws LAUNCH_FAILED */
export function openHost(stub: Stub, path: string): number {
  try {
    return files.openPath(stub, path, O_PATH);
  } catch (cause) {
    throw new TsimgError('LAUNCH_FAILED', 'cannot open the source of a mount', {
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
 * Binds the file or directory of a descriptor, with all mounts in it, to a place. No path is looked up, so no other
 * process can redirect the mount, and the attributes hold before the mount can be seen.
 */
export function bindOnto(stub: Stub, source: number, attachment: Attachment): void {
  files.withDescriptor(stub, cloneMount(stub, source, attachment.where), (tree) => attachWith(stub, tree, attachment));
}

/** Attaches a mount that was cloned already. */
export function attachWith(stub: Stub, tree: number, { place, attributes = [], where }: Attachment): void {
  if (attributes.length > 0)
    setMountAttributes(stub, tree, { bits: attributeBits(attributes), recursive: true, where });
  attachMount(stub, tree, place, where);
}

/** Mounts the container's root and opens it. Links in its host path are followed, for the caller chose the path. */
export function mountRoot(stub: Stub, { root, userXattr, attributes }: StepOf<'root'>): number {
  const rootFd = root.kind === 'directory' ? bindDirectory(stub, root.path) : mountOverlay(stub, root, userXattr);
  const where = root.kind === 'directory' ? root.path : root.directory;
  setMountAttributes(stub, rootFd, { bits: attributeBits(attributes), recursive: true, where });
  return rootFd;
}

/**
 * Mounts a directory of the host over itself and opens it, so that its mounts may be moved in another user namespace.
 */
export function bindDirectory(stub: Stub, path: string): number {
  const from = calls.openPathCall(path, O_PATH | constants.O_DIRECTORY);
  const tree = cloneMountCall(from);
  const performed = stub.perform([from, tree, attachMountCall(tree, from), calls.closeCall(from)]);
  const made = performed?.results[1];
  if (made !== undefined && performed?.call === 3) return made;
  // Once more, with its own error.
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
  { directory, lower, volatile }: Extract<RootSpec, { kind: 'overlay' }>,
  userXattr: boolean,
): number {
  stub.later({ name: 'chdir', args: [directory], where: directory });
  const names = lower.map((_, index) => `${CONTAINER_NAME.lowers}/${index}`).join(':');
  // `commit` reads whole files from the upper layer. The defaults of these two depend on the kernel; `userxattr` turns
  // both off.
  const settings = userXattr ? 'userxattr' : 'redirect_dir=off,metacopy=off';
  const data = `lowerdir=${names},upperdir=${CONTAINER_NAME.upper},workdir=${CONTAINER_NAME.work},${settings}`;
  // When an overlay is unmounted, the kernel flushes the whole file system of its upper directory, and the container's
  // end waits for that. It leaves this out for a volatile one.
  if (volatile) removeVolatileMark(stub, CONTAINER_NAME.work);
  mount(
    stub,
    {
      source: 'overlay',
      target: CONTAINER_NAME.merged,
      type: 'overlay',
      flags: 0,
      data: volatile ? `${data},volatile` : data,
    },
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

/** Refuses a user's mount below /proc, also through links: programs trust that the files in /proc are the kernel's. */
export function refuseProc(stub: Stub, place: number, target: string): void {
  checkNoProc(files.fileSystemOf(stub, place), target);
}

/** As `refuseProc`, by the type of the place's file system. @throws LAUNCH_FAILED */
export function checkNoProc(type: number, target: string): void {
  if (!isProcType(type)) return;
  throw new TsimgError('LAUNCH_FAILED', 'nothing may be mounted below /proc', { where: target });
}

/** Mounts a file system of the kernel's; a missing place is made. */
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

/** Mounts a directory tree of the host. No link is followed to the place. */
export function mountHostTree(root: StubRoot, step: StepOf<'host-tree'>): void {
  const { stub } = root;
  const { source, target, attributes } = step;
  files.withDescriptor(stub, openHost(stub, source), (from) => {
    files.withDescriptor(stub, openDirectory(root, target, 'never'), (place) => {
      bindOnto(stub, from, { place, attributes, where: target });
    });
  });
}

/** Checks that a file of the host is the device that a container gets. @throws LAUNCH_FAILED */
export function checkDevice({ target, major, minor }: StepOf<'device'>, found: calls.Status): void {
  if (found.kind === 'character-device' && found.major === major && found.minor === minor) return;
  throw new TsimgError('LAUNCH_FAILED', 'the host’s file of that name is another device', {
    where: target,
    facts: { major, minor },
  });
}

/**
 * Makes a device. Where that is not allowed, binds the host's device of that name, after a check that it is the same
 * one.
 */
export function makeDeviceNode(root: StubRoot, step: StepOf<'device'>): void {
  const { stub } = root;
  const { target, major, minor, make } = step;
  const kind = 'character-device';
  if (make) {
    try {
      makePlace(root, target, (place) => files.makeDeviceIn(place, { kind, mode: 0o666, major, minor }));
      return;
    } catch (error) {
      if (errnoOf(error instanceof TsimgError ? error.cause : error) !== 'EPERM') throw error;
    }
  }
  files.withDescriptor(stub, openHost(stub, target), (from) => {
    checkDevice(step, files.statusOf(stub, from));
    const place = openFilePlace(root, target, 'never');
    files.withDescriptor(stub, place, () => bindOnto(stub, from, { place, where: target }));
  });
}

export function makeDirectory(root: StubRoot, { target, mode }: StepOf<'directory'>): void {
  makePlace(root, target, (place, explain) => files.makeDirectoryIn(place, mode, explain));
}

export function makeLink(root: StubRoot, { target, to }: StepOf<'link'>): void {
  makePlace(root, target, (place, explain) => files.makeLinkIn(place, to, explain));
}

/** Returns the paths that match a pattern. It has at most one `*`, which is at the end of a name. */
export function expand(root: StubRoot, pattern: string): readonly string[] {
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

/** The attributes of the empty directory that is mounted over a masked directory. */
export const MASK_ATTRIBUTES: readonly MountAttribute[] = ['ro', 'nosuid', 'nodev', 'noexec'];

/**
 * Checks that /dev/null is the null device. If it were another file, it would be shown, writable, in place of the masked
 * one (CVE-2025-31133). @throws LAUNCH_FAILED
 */
export function checkNull({ kind, major, minor }: calls.Status): void {
  if (kind === 'character-device' && major === 1 && minor === 3) return;
  throw new TsimgError('LAUNCH_FAILED', '/dev/null is not the null device');
}

/**
 * Hides a path without a pattern: a file behind the container's own /dev/null, which is verified, a directory behind an
 * empty one.
 */
export function maskPath(root: StubRoot, { target }: StepOf<'mask'>): void {
  const { stub } = root;
  const place = findPlace(root, target, 'never');
  if (place === undefined) return;
  files.withDescriptor(stub, place, () => {
    if (files.statusOf(stub, place).kind === 'directory') {
      const flags = mountFlags(MASK_ATTRIBUTES);
      const at = files.descriptorPath(place);
      mount(stub, { source: 'tmpfs', target: at, type: 'tmpfs', flags, data: 'size=0k' }, target);
      return;
    }
    const empty = findPlace(root, '/dev/null', 'never');
    if (empty === undefined) throw new TsimgError('LAUNCH_FAILED', '/dev/null is missing', { where: target });
    files.withDescriptor(stub, empty, () => {
      checkNull(files.statusOf(stub, empty));
      bindOnto(stub, empty, { place, where: target });
    });
  });
}

export function makeReadOnly(root: StubRoot, { target, mounted }: StepOf<'read-only'>): void {
  const { stub } = root;
  const place = findPlace(root, target, 'never');
  if (place === undefined) return;
  files.withDescriptor(stub, place, () => {
    if (mounted) setMountAttributes(stub, place, { ...READ_ONLY, where: target });
    else bindOnto(stub, place, { place, attributes: ['ro'], where: target });
  });
}

/** Makes the container's root the root directory, and unmounts the old one. */
export function pivot({ stub, fd }: StubRoot, { readOnlyRoot }: StepOf<'pivot'>): void {
  files.goTo(stub, fd);
  if (readOnlyRoot) setMountAttributes(stub, fd, { ...READ_ONLY, where: '/' });
  pivotToWorkingDirectory(stub);
  detachMount(stub, '.');
  stub.later({ name: 'chdir', args: ['/'] });
}

/** Changes the root directory by chroot(2); the old root stays mounted. */
export function changeRoot({ stub, fd }: StubRoot, { readOnlyRoot }: StepOf<'chroot'>): void {
  if (readOnlyRoot) setMountAttributes(stub, fd, { ...READ_ONLY, where: '/' });
  files.goTo(stub, fd);
  changeRootToWorkingDirectory(stub);
  stub.later({ name: 'chdir', args: ['/'] });
}
