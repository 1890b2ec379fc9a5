import { TsimgError } from '../../errors.ts';
import { sameAttributes } from '../../rootfs/fold/recorded.ts';
import { childPath, pathText, ROOT_PATH, type RootfsPath } from '../../rootfs/path.ts';
import { DEFAULT_MAX_ENTRIES } from '../../rootfs/tree.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import {
  findLower,
  isOpaque,
  isWhiteout,
  type LowerNode,
  lowerNames,
  type OverlayForm,
  readOverlayNode,
} from './overlay-node.ts';
import { type DiskNode, namesIn, openDirectoryAt } from './read-node.ts';

/** One change that a container made to its image. */
export interface UpperChange {
  readonly kind: 'added' | 'changed' | 'deleted';
  readonly path: RootfsPath;
  /** The node that is there now; undefined for a deletion. */
  readonly node: DiskNode | undefined;
  /** Whether the node is a directory that hides everything below it, with or without whiteouts. */
  readonly opaque: boolean;
  /** Whether an opaque directory above deletes the name: the layer needs no whiteout for it then. */
  readonly covered: boolean;
  /**
   * False for a directory that differs in its time alone: a list of changes leaves it out, but a copy of the tree needs
   * it.
   */
  readonly shown: boolean;
}

export interface UpperOptions extends OverlayForm {
  /**
   * Places that tsimg itself made to mount something there, and the directories above them. They are not changes of the
   * container as long as they are empty.
   */
  readonly mountPlaces: ReadonlySet<string>;
}

/** A directory of the upper layer that is being read. */
interface Level {
  /** Its descriptor, and those of the directories that it is merged with, top first. */
  readonly directory: number;
  readonly below: readonly number[];
  readonly path: RootfsPath;
  /** How far it lies below the root. */
  readonly depth: number;
}

type Found = { -readonly [Key in keyof UpperChange]: UpperChange[Key] };

/** The default of a tree: each level needs open descriptors. */
const MAX_DEPTH = 512;

function limitExceeded(what: string, path: string): TsimgError {
  return new TsimgError('LIMIT_EXCEEDED', `the container has ${what}`, { where: pathText(path) });
}

/**
 * Compares the upper layer of a container with the layers below it. Parents come before their children, names are in
 * byte order, and unchanged directories on the way are left out. No link is followed, whatever the container does
 * meanwhile.
 * @param upper descriptor of its directory
 * @param lowers descriptors of the layers, top first
 * @throws FILESYSTEM, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED
 */
export function upperChanges(upper: number, lowers: readonly number[], options: UpperOptions): readonly UpperChange[] {
  const changes: Found[] = [];

  function add(change: Pick<Found, 'kind' | 'path' | 'node'> & Partial<Found>): Found {
    if (changes.length >= DEFAULT_MAX_ENTRIES) throw limitExceeded('changed too many files', change.path);
    const found = { opaque: false, covered: false, shown: true, ...change };
    changes.push(found);
    return found;
  }

  /** Adds the changes inside of a directory; returns whether one of them is shown. */
  function inside(level: Level): boolean {
    const { directory, below, path, depth } = level;
    if (depth > MAX_DEPTH) throw limitExceeded(`a path of more than ${MAX_DEPTH} directories`, path.slice(0, 200));
    let shown = false;
    for (const name of namesIn(directory, path)) {
      const place = childPath(path, name);
      const node = readOverlayNode({ directory, name }, place, options);
      if (node === undefined) continue;
      using lower = findLower(below, { name, path: place }, options);
      if (node.kind === 'directory') {
        shown = visitDirectory({ ...level, name, path: place }, node, lower) || shown;
      } else if (isWhiteout(node)) {
        if (lower === undefined) continue;
        add({ kind: 'deleted', path: place, node: undefined });
        shown = true;
      } else if (lower !== undefined || node.size > 0 || !options.mountPlaces.has(place)) {
        add({ kind: lower === undefined ? 'added' : 'changed', path: place, node });
        shown = true;
      }
    }
    return shown;
  }

  /** @param at its parent, with its own name and path */
  function visitDirectory(
    at: Level & { readonly name: string },
    node: DiskNode,
    lower: LowerNode | undefined,
  ): boolean {
    const { path } = at;
    const before = lower?.node.kind === 'directory' ? lower : undefined;
    const opaque = before !== undefined && isOpaque(at, options);
    const first = changes.length;
    const own = add({ kind: lower === undefined ? 'added' : 'changed', path, node, opaque });
    const directory = openDirectoryAt(at, path);
    let shown: boolean;
    try {
      const below = before === undefined || opaque ? [] : before.directories;
      shown = inside({ directory, below, path, depth: at.depth + 1 });
      if (opaque) shown = hidden(directory, before.directories, path) || shown;
    } finally {
      closeDescriptor(directory);
    }
    if (before === undefined) {
      const isPlace = lower === undefined && options.mountPlaces.has(path);
      if (isPlace && changes.length === first + 1) changes.pop();
      return !isPlace || shown;
    }
    own.shown = shown || opaque || !sameAttributes(node.attributes, before.node.attributes, false);
    const isSame = !own.shown && sameAttributes(node.attributes, before.node.attributes, true);
    if (isSame && changes.length === first + 1) changes.pop();
    return own.shown;
  }

  /** Adds the names that an opaque directory hides and does not have itself. */
  function hidden(directory: number, below: readonly number[], path: RootfsPath): boolean {
    const present = new Set(namesIn(directory, path));
    const gone = lowerNames(below, path, options).filter((name) => !present.has(name));
    for (const name of gone) add({ kind: 'deleted', path: childPath(path, name), node: undefined, covered: true });
    return gone.length > 0;
  }

  const root = readOverlayNode({ directory: upper, name: '.' }, ROOT_PATH, options);
  const [top] = lowers;
  const before = top === undefined ? undefined : readOverlayNode({ directory: top, name: '.' }, ROOT_PATH, options);
  // Making a container changes the time of its root
  if (root !== undefined && before !== undefined && !sameAttributes(root.attributes, before.attributes, false)) {
    add({ kind: 'changed', path: ROOT_PATH, node: root, shown: false });
  }
  inside({ directory: upper, below: lowers, path: ROOT_PATH, depth: 0 });
  return changes;
}
