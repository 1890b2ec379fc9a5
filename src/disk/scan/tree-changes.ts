import { TsimgError } from '../../errors.ts';
import type { DirectoryNode, TreeNode } from '../../rootfs/node.ts';
import { childPath, pathText, ROOT_PATH, type RootfsPath } from '../../rootfs/path.ts';
import { DEFAULT_MAX_ENTRIES } from '../../rootfs/tree.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import { type AuthoredNode, readAuthoredNode, type TreeForm } from './authored-node.ts';
import { type BaseTree, sameContent, sameNode } from './base-tree.ts';
import { namesIn, openDirectoryAt } from './read-node.ts';
import type { UpperChange } from './upper-changes.ts';
import { isKernelDirectory } from './walk-tree.ts';

export interface TreeChangesOptions extends TreeForm {
  /** The image that the directory was unpacked from; without one, every file is new. */
  readonly base?: BaseTree | undefined;
  /** Whether the directory itself, too, is an entry: it is the root of the image. */
  readonly withRoot: boolean;
  /** As in `UpperOptions`; none when absent. */
  readonly mountPlaces?: ReadonlySet<string> | undefined;
  /** Whether new sockets are changes, too: no layer can hold them. They are left out when absent. */
  readonly withSockets?: boolean | undefined;
  /** Is called for each file that is left out, with the reason. */
  readonly onSkipped: (path: RootfsPath, why: string) => void;
  /** Is called with the owner of each file, on the disk. */
  readonly onOwner?: ((uid: number) => void) | undefined;
  /** Is called for each file that belongs to somebody else than root in the image, and has no record of that here. */
  readonly onLostRecord?: ((path: RootfsPath) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A name, and whether the layer gets an entry for it. */
interface Found {
  readonly change: Omit<UpperChange, 'shown'>;
  readonly before: TreeNode | undefined;
  isChanged: boolean;
  /** As in `UpperChange`. */
  shown: boolean;
}

/** The default of a tree: each level needs open descriptors. */
const MAX_DEPTH = 512;

/**
 * Hard links are changed together: the names of one file on the disk are written together, so that they are one file
 * again, where one of them changed or where they were not all names of one file of the image. Where one file of the
 * image became several, the first that has not changed stays.
 */
function settleLinks(all: readonly Found[]): void {
  const groups = new Map<string, Found[]>();
  const singles: Found[][] = [];
  for (const found of all) {
    const { node } = found.change;
    if (node === undefined || node.kind === 'directory') continue;
    const group = node.identity === undefined ? undefined : groups.get(node.identity);
    if (group !== undefined) group.push(found);
    else if (node.identity === undefined) singles.push([found]);
    else groups.set(node.identity, [found]);
  }
  const claimed = new Set<TreeNode>();
  for (const group of [...groups.values(), ...singles]) {
    const before = group[0]?.before;
    const isSame = before !== undefined && group.every((found) => !found.isChanged && found.before === before);
    if (isSame && !claimed.has(before)) claimed.add(before);
    else for (const found of group) found.isChanged = true;
  }
}

/** Whether a file could have the record of its owner in the image, and has none. */
function lostRecord({ kind, recordable, attributes }: AuthoredNode, before: TreeNode | undefined): boolean {
  if (!recordable || before === undefined || before.kind !== kind) return false;
  const { uid, gid } = before.attributes;
  return (uid !== 0 || gid !== 0) && attributes.uid === 0 && attributes.gid === 0;
}

/** A directory is an entry where something in it changed: some readers make no missing parents. The root needs none. */
function settleParents(all: readonly Found[]): void {
  const directories = new Map<string, Found>();
  for (const found of all) if (found.change.node?.kind === 'directory') directories.set(found.change.path, found);
  // Children come after their parents.
  for (const { change, isChanged, shown } of all.toReversed()) {
    const slash = change.path.lastIndexOf('/');
    const parent = slash === -1 ? undefined : directories.get(change.path.slice(0, slash));
    if (!isChanged || parent === undefined) continue;
    parent.isChanged = true;
    parent.shown ||= shown;
  }
}

/**
 * Lists what a directory has that an image has not, and the other way round: the changes that make its tree of the
 * image's. Parents come before their children, names are in byte order. Unchanged directories are listed only where
 * something in them changed. No link is followed. Contents are compared, not only times.
 * @param root descriptor of the directory
 * @throws FILESYSTEM, LIMIT_EXCEEDED, FORMAT_UNSUPPORTED; an AbortError on `signal`
 */
export async function treeChanges(root: number, options: TreeChangesOptions): Promise<readonly UpperChange[]> {
  const { base, withRoot, mountPlaces, onSkipped, onOwner, onLostRecord, signal } = options;
  const all: Found[] = [];

  function add(change: Found['change'], before: TreeNode | undefined, isChanged: boolean, shown = true): void {
    if (all.length >= DEFAULT_MAX_ENTRIES) {
      const where = pathText(change.path);
      throw new TsimgError('LIMIT_EXCEEDED', 'the directory has too many files', { where });
    }
    all.push({ change, before, isChanged, shown });
  }

  function deleted(path: RootfsPath, before: TreeNode, covered: boolean): void {
    add({ kind: 'deleted', path, node: undefined, opaque: false, covered }, before, true);
  }

  /** Whether an opaque mark says the same as a whiteout for each name: no name of the image is left. */
  function isEmptied(before: DirectoryNode | undefined, names: readonly string[], path: RootfsPath): boolean {
    if (before === undefined || path === ROOT_PATH || before.children.size < 2) return false;
    return names.every((name) => !before.children.has(name));
  }

  async function isSame(at: NameAt, path: RootfsPath, node: AuthoredNode, before: TreeNode): Promise<boolean> {
    if (!sameNode(node, before, options, true)) return false;
    if (before.kind !== 'file' || before.size === 0 || base === undefined) return true;
    return await sameContent(at, path, before, base.pool);
  }

  async function visitDirectory(
    at: NameAt,
    path: RootfsPath,
    { node, given, depth }: { node: AuthoredNode; given: TreeNode | undefined; depth: number },
  ): Promise<void> {
    if (depth > MAX_DEPTH) {
      const where = pathText(path.slice(0, 200));
      throw new TsimgError('LIMIT_EXCEEDED', `a path of more than ${MAX_DEPTH} directories`, { where });
    }
    const before = given?.kind === 'directory' ? given : undefined;
    const directory = openDirectoryAt(at, path);
    try {
      const isKernels = path !== ROOT_PATH && isKernelDirectory({ directory, name: '.' });
      if (isKernels) onSkipped(path, 'the kernel makes its content');
      const names = isKernels ? [] : namesIn(directory, path);
      const opaque = !isKernels && isEmptied(before, names, path);
      // A mount there hides the directory and its attributes, so nothing says that they changed.
      const isSameBut = (withTime: boolean) => {
        return !opaque && before !== undefined && (isKernels || sameNode(node, before, options, withTime));
      };
      const kind = given === undefined ? 'added' : 'changed';
      // Nobody sets the time of the root.
      const isOther = !isSameBut(path !== ROOT_PATH);
      const first = all.length;
      add({ kind, path, node, opaque, covered: false }, given, isOther, path !== ROOT_PATH && !isSameBut(false));
      const union = [...new Set([...names, ...(isKernels ? [] : (before?.children.keys() ?? []))])].sort();
      for (const name of union) {
        await visit({ directory, name }, childPath(path, name), { before: before?.children.get(name), opaque, depth });
      }
      const isOnlyPlace = given === undefined && all.length === first + 1 && mountPlaces?.has(path);
      if (isOnlyPlace) all.pop();
    } finally {
      closeDescriptor(directory);
    }
  }

  async function visit(
    at: NameAt,
    path: RootfsPath,
    { before, opaque, depth }: { before: TreeNode | undefined; opaque: boolean; depth: number },
  ): Promise<void> {
    signal?.throwIfAborted();
    const node = readAuthoredNode(at, path, options);
    if (node === undefined || node.kind === 'socket') {
      if (before !== undefined) deleted(path, before, opaque);
      if (node === undefined) return;
      if (!options.withSockets) return onSkipped(path, 'it is a socket');
      if (before === undefined) add({ kind: 'added', path, node, opaque: false, covered: false }, before, true);
      return;
    }
    onOwner?.(node.ownerOnDisk);
    if (lostRecord(node, before)) onLostRecord?.(path);
    if (node.kind === 'directory') return await visitDirectory(at, path, { node, given: before, depth: depth + 1 });
    if (before === undefined && node.size === 0 && mountPlaces?.has(path)) return;
    const kind = before === undefined ? 'added' : 'changed';
    const isChanged = before === undefined || !(await isSame(at, path, node, before));
    add({ kind, path, node, opaque: false, covered: false }, before, isChanged);
  }

  const here = { directory: root, name: '.' };
  const node = readAuthoredNode(here, ROOT_PATH, options);
  if (node === undefined) throw new TsimgError('FILESYSTEM', 'the directory was removed');
  await visitDirectory(here, ROOT_PATH, { node, given: base?.root, depth: 0 });
  settleLinks(all);
  settleParents(all);
  return all
    .filter(({ change, isChanged }) => isChanged && (withRoot || change.path !== ROOT_PATH))
    .map(({ change, shown }) => ({ ...change, shown }));
}
