import {
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path/posix';
import { errnoOf, TsimgError } from '../errors.ts';
import type { RootSpec, Step } from '../launch/plan.ts';
import { makeDevice } from '../linux/device.ts';
import { attributeBits, type MountAttribute, mountFlags } from '../linux/mount-flags.ts';
import { makeCharacterDevice } from '../sys/device.ts';
import { attachMount, cloneMount, mount, setMountAttributes } from '../sys/mount.ts';
import {
  descriptorPath,
  findPlace,
  makePlace,
  O_PATH,
  openDirectory,
  openFilePlace,
  withDescriptor,
} from './root-targets.ts';

type StepOf<Kind extends Step['do']> = Extract<Step, { do: Kind }>;

const PROC_SUPER_MAGIC = 0x9fa0;

/** Opens something of the host for mounting it. @throws LAUNCH_FAILED */
export function openHost(path: string): number {
  try {
    return openSync(path, O_PATH);
  } catch (cause) {
    throw new TsimgError('LAUNCH_FAILED', 'cannot open what is to be mounted', {
      where: path,
      why: errnoOf(cause) ?? 'unknown',
      cause,
    });
  }
}

/**
 * Binds what one descriptor names, with all that is mounted in it, to the place that another names. No path is looked up
 * between the two, so nothing can be put in their way; attributes hold before the mount can be seen.
 */
export function bindOnto(source: number, place: number, attributes: readonly MountAttribute[], where: string): void {
  withDescriptor(cloneMount(source, where), (tree) => {
    if (attributes.length > 0) setMountAttributes(tree, attributeBits(attributes), true, where);
    attachMount(tree, place, where);
  });
}

/** Mounts the container's root and opens it. The host path may hold links: it is the caller's word. */
export function mountRoot({ root, userXattr, attributes }: StepOf<'root'>): number {
  const rootFd = root.kind === 'directory' ? bindDirectory(root.path) : mountOverlay(root, userXattr);
  setMountAttributes(rootFd, attributeBits(attributes), true, root.kind === 'directory' ? root.path : root.directory);
  return rootFd;
}

function bindDirectory(path: string): number {
  return withDescriptor(openHost(path), (fd) => {
    if (!fstatSync(fd).isDirectory()) throw new TsimgError('LAUNCH_FAILED', 'not a directory', { where: path });
    const tree = cloneMount(fd, path);
    attachMount(tree, fd, path);
    return tree;
  });
}

function mountOverlay({ directory, lower }: Extract<RootSpec, { kind: 'overlay' }>, userXattr: boolean): number {
  process.chdir(directory);
  const names = lower.map((_, index) => `l/${index}`).join(':');
  // The two are settings of the host's kernel else: `commit` reads whole files from the upper layer. `userxattr` turns them off.
  const settings = userXattr ? 'userxattr' : 'redirect_dir=off,metacopy=off';
  const data = `lowerdir=${names},upperdir=upper,workdir=work,${settings}`;
  try {
    mount({ source: 'overlay', target: 'merged', type: 'overlay', flags: 0, data }, directory);
  } catch (cause) {
    throw new TsimgError('LAUNCH_FAILED', 'the layers cannot be mounted over each other', {
      where: directory,
      why: errnoOf(cause) ?? 'unknown',
      hint: 'an overlay cannot lie on another one: keep images elsewhere, with --root',
      facts: { overlayRefused: true, errno: errnoOf(cause) ?? 'unknown' },
      cause,
    });
  }
  const rootFd = openSync('merged', O_PATH | constants.O_DIRECTORY);
  process.chdir('/');
  return rootFd;
}

/** What the user asked for is never mounted below /proc, whatever links lead there: the kernel answers from it. */
export function refuseProc(place: number, target: string): void {
  if (statfsSync(descriptorPath(place)).type !== PROC_SUPER_MAGIC) return;
  throw new TsimgError('LAUNCH_FAILED', 'nothing may be mounted below /proc', { where: target });
}

/** A file system of the kernel's, at a place that is made where it is missing. */
export function mountKernelFs(rootFd: number, { type, target, attributes, data, strict }: StepOf<'mount'>): void {
  withDescriptor(openDirectory(rootFd, target, strict ? 'never' : 'inside'), (place) => {
    if (!strict) refuseProc(place, target);
    mount(
      { source: type, target: descriptorPath(place), type, flags: mountFlags(attributes), data },
      `${type} on ${target}`,
    );
  });
}

/** A directory tree of the host, at a place that no link leads to. */
export function mountHostTree(rootFd: number, { source, target, attributes }: StepOf<'host-tree'>): void {
  withDescriptor(openHost(source), (from) => {
    withDescriptor(openDirectory(rootFd, target, 'never'), (place) => {
      bindOnto(from, place, attributes, target);
    });
  });
}

/** Makes a device, or binds the host's own where that is not allowed, once it is sure to be the same device. */
export function makeDeviceNode(rootFd: number, { target, major, minor, make }: StepOf<'device'>): void {
  const device = makeDevice(major, minor);
  if (make) {
    try {
      makePlace(rootFd, target, (path) => makeCharacterDevice(path, device, target));
      return;
    } catch (error) {
      if (errnoOf(error instanceof TsimgError ? error.cause : error) !== 'EPERM') throw error;
    }
  }
  withDescriptor(openHost(target), (from) => {
    const found = fstatSync(from, { bigint: true });
    if (!found.isCharacterDevice() || found.rdev !== device) {
      throw new TsimgError('LAUNCH_FAILED', 'not the device of that name', { where: target, facts: { major, minor } });
    }
    withDescriptor(openFilePlace(rootFd, target, 'never'), (place) => bindOnto(from, place, [], target));
  });
}

export function makeDirectory(rootFd: number, { target, mode }: StepOf<'directory'>): void {
  makePlace(rootFd, target, (path) => mkdirSync(path, { mode }));
}

export function makeLink(rootFd: number, { target, to }: StepOf<'link'>): void {
  makePlace(rootFd, target, (path) => symlinkSync(to, path));
}

/** The paths that a pattern with one `*` in one of its names stands for. */
function expand(rootFd: number, pattern: string): readonly string[] {
  const star = pattern.indexOf('*');
  if (star === -1) return [pattern];
  const parent = dirname(pattern.slice(0, star + 1));
  const prefix = basename(pattern.slice(0, star));
  const rest = pattern.slice(star + 1);
  const fd = findPlace(rootFd, parent, 'never');
  if (fd === undefined) return [];
  const names = withDescriptor(fd, () => readdirSync(`${descriptorPath(fd)}/`));
  return names.filter((name) => name.startsWith(prefix)).map((name) => `${parent}/${name}${rest}`);
}

/** Hides what is there: a file behind the container's own, verified /dev/null, a directory behind an empty one. */
export function maskPath(rootFd: number, { target }: StepOf<'mask'>): void {
  for (const path of expand(rootFd, target)) {
    const place = findPlace(rootFd, path, 'never');
    if (place === undefined) continue;
    withDescriptor(place, () => {
      if (fstatSync(place).isDirectory()) {
        const flags = mountFlags(['ro', 'nosuid', 'nodev', 'noexec']);
        mount({ source: 'tmpfs', target: descriptorPath(place), type: 'tmpfs', flags, data: 'size=0k' }, path);
        return;
      }
      const empty = findPlace(rootFd, '/dev/null', 'never');
      if (empty === undefined) throw new TsimgError('LAUNCH_FAILED', '/dev/null is missing', { where: path });
      withDescriptor(empty, () => {
        const { rdev } = fstatSync(empty, { bigint: true });
        // A /dev/null that is something else would be shown, writable, where the masked file was (CVE-2025-31133).
        if (rdev !== makeDevice(1, 3)) throw new TsimgError('LAUNCH_FAILED', '/dev/null is not the null device');
        bindOnto(empty, place, [], path);
      });
    });
  }
}

export function makeReadOnly(rootFd: number, { target, mounted }: StepOf<'read-only'>): void {
  const place = findPlace(rootFd, target, 'never');
  if (place === undefined) return;
  withDescriptor(place, () => {
    if (mounted) setMountAttributes(place, attributeBits(['ro']), false, target);
    else bindOnto(place, place, ['ro'], target);
  });
}

/** An empty file of the container's /dev for the terminal to be bound to. */
export function bindConsole(rootFd: number, terminal: string): void {
  makePlace(rootFd, '/dev/console', (path) => writeFileSync(path, '', { flag: 'wx', mode: 0o600 }));
  const source = findPlace(rootFd, terminal, 'never');
  const place = findPlace(rootFd, '/dev/console', 'never');
  if (source === undefined || place === undefined)
    throw new TsimgError('LAUNCH_FAILED', 'no terminal', { where: terminal });
  withDescriptor(source, () => withDescriptor(place, () => bindOnto(source, place, [], '/dev/console')));
}
