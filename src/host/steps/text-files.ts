import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Step } from '../../launch/launch-plan.ts';
import { type MountAttribute, mountFlags } from '../../linux/mount-flags.ts';
import { withLine } from '../../linux/passwd.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import * as calls from '../../sys/stub/call/file-calls.ts';
import * as files from '../../sys/stub/call/files.ts';
import {
  attachMountCall,
  cloneMountCall,
  detachCall,
  detachMount,
  mount,
  mountCall,
} from '../../sys/stub/call/mounts.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { attachWith, bindOnto } from './mounts.ts';
import { openDirectory, openFilePlace, readBytesOfRoot, type StubRoot } from './root.ts';
import type { StepCalls } from './step-request.ts';

const READ_ONLY: readonly MountAttribute[] = ['ro', 'nosuid', 'nodev', 'noexec'];

/** The largest file of the host that is copied: bytes. */
const MAX_BYTES = 1024 * 1024;
/** The mount options of each file's own memory. The container may make the file longer. */
const MEMORY = 'mode=755,size=4m,nr_inodes=4';
const FLAGS = mountFlags(['nosuid', 'nodev', 'noexec']);
/** The longest text that is written by one call, in a request with other steps: bytes. */
const MAX_TEXT = 32 * 1024;
/** Where this memory is mounted for a moment. */
const DEV = '/dev';

/** Reads a file of the host; undefined where it is missing, too large or no regular file. */
function readHostFile(stub: Stub, path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = files.openPath(stub, path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return files.withDescriptor(stub, fd, () =>
    files.statusOf(stub, fd).kind === 'file' ? files.readAll(stub, fd, MAX_BYTES) : undefined,
  );
}

/** Opens a place for a file in the root filesystem; undefined where none can be made, as on a read-only disk. */
function placeFor(root: StubRoot, target: string): number | undefined {
  try {
    return openFilePlace(root, target, 'inside');
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'LAUNCH_FAILED') return undefined;
    throw error;
  }
}

/** A file of the host that is bound. */
interface SharedFile {
  readonly path: string;
  /** Made by `cloneSources`. */
  readonly clone: number | undefined;
}

/** Binds a file of the host read-only: the container sees the host's later changes to it. */
function bindSharedFile(root: StubRoot, target: string, { path, clone }: SharedFile): void {
  const { stub } = root;
  const place = placeFor(root, target);
  if (place === undefined) return;
  const attachment = { place, attributes: READ_ONLY, where: target };
  files.withDescriptor(stub, place, () =>
    files.withDescriptor(stub, clone ?? files.openPath(stub, path, O_PATH), (source) =>
      clone === undefined ? bindOnto(stub, source, attachment) : attachWith(stub, source, attachment),
    ),
  );
}

type FileStep = Extract<Step, { do: 'file' }>;

/** Returns the content; undefined where nothing is mounted. */
function bytesOf(
  root: StubRoot,
  target: string,
  content: Exclude<FileStep['content'], { readonly shared: string }>,
): Buffer | undefined {
  const { stub } = root;
  if ('text' in content) return Buffer.from(content.text);
  if ('line' in content) return withLine(readBytesOfRoot(root, target), content.line, content.unlessId);
  const host = readHostFile(stub, content.hostFile);
  if (content.append === undefined) return host;
  return Buffer.concat([host ?? Buffer.alloc(0), Buffer.from(content.append)]);
}

/** The name of a file in memory. No process sees it, because the file is bound to its place. */
const FILE = 'file';

/**
 * Calls `make` with the directory of a new tmpfs, which is mounted on the container's /dev meanwhile. Files that `make`
 * binds from it stay when it is unmounted. Unlinking the file instead would make it unfit for mounts on it:
 * move_mount(2) fails with ENOENT.
 */
function inMemory(root: StubRoot, make: (folder: number) => void): void {
  const { stub } = root;
  files.withDescriptor(stub, openDirectory(root, DEV, 'never'), (dev) => {
    const target = files.descriptorPath(dev);
    mount(stub, { source: 'tmpfs', target, type: 'tmpfs', flags: FLAGS, data: MEMORY }, DEV);
  });
  files.withDescriptor(stub, openDirectory(root, DEV, 'never'), (folder) => {
    make(folder);
    detachMount(stub, files.descriptorPath(folder));
  });
}

/**
 * The calls that mount a text over a file that is there, as `inMemory` does; undefined for another content and a longer
 * text.
 * @throws LAUNCH_FAILED by its check
 */
export function textFileCalls({ fd }: StubRoot, { target, content }: FileStep): StepCalls | undefined {
  if (!('text' in content)) return undefined;
  const bytes = Buffer.from(content.text);
  if (bytes.length > MAX_TEXT) return undefined;
  const place = calls.openInRootCall(fd, target, { flags: O_PATH, links: 'inside' });
  const openDev = () => calls.openInRootCall(fd, DEV, { flags: O_PATH | constants.O_DIRECTORY, links: 'never' });
  const [dev, folder] = [openDev(), openDev()];
  const memory = mountCall({ source: 'tmpfs', target: '.', type: 'tmpfs', flags: FLAGS, data: MEMORY });
  const file = calls.makeFileCall(folder, FILE, 0o644);
  const written = calls.writeCall(file, bytes);
  const source = calls.openInRootCall(folder, FILE, { flags: O_PATH, links: 'never' });
  const tree = cloneMountCall(source);
  const before = [place, dev, calls.goToCall(dev), memory];
  const inside = [folder, file, written, source, tree, attachMountCall(tree, place)];
  const after = [calls.goToCall(folder), detachCall('.'), calls.LEAVE];
  const all = [...before, ...inside, ...after];
  return {
    calls: [...all, ...[place, dev, folder, file, source, tree].map(calls.closeCall)],
    // From here on, memory is mounted on /dev.
    redoable: before.length,
    check(results) {
      if (results[all.indexOf(written)] === bytes.length) return;
      throw new TsimgError('LAUNCH_FAILED', 'a file of the container was not written whole', { where: target });
    },
  };
}

/** Mounts a file of the container's own over a file of the root filesystem. @param clone made by `cloneSources` */
export function mountTextFile(root: StubRoot, { target, content }: FileStep, clone?: number): void {
  const { stub } = root;
  if ('shared' in content) {
    bindSharedFile(root, target, { path: content.shared, clone });
    return;
  }
  const bytes = bytesOf(root, target, content);
  if (bytes === undefined) return;
  const place = placeFor(root, target);
  if (place === undefined) return;
  files.withDescriptor(stub, place, () =>
    inMemory(root, (folder) => {
      files.makeFile({ stub, directory: folder, name: FILE }, 0o644, bytes);
      const source = files.openInRoot(stub, folder, FILE, { flags: O_PATH, links: 'never' });
      files.withDescriptor(stub, source, () => bindOnto(stub, source, { place, where: target }));
    }),
  );
}
