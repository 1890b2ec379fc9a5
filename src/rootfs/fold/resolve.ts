import { TsimgError } from '../../errors.ts';
import type { DirectoryNode, TreeNode } from '../node.ts';
import { childPath, MAX_PATH, pathText, ROOT_PATH, type RootfsPath } from '../path.ts';
import type { Tree } from '../tree.ts';

/** Symlinks that one path may cross, as in Linux (path_resolution(7)). */
const MAX_HOPS = 40;
/**
 * Components of one path after links are replaced. Linux has no such limit: it follows 40 links of 2,000 names each.
 */
const MAX_STEPS = 8192;

/** A directory that was found. */
export interface Place {
  readonly kind: 'directory';
  readonly directory: DirectoryNode;
  readonly path: RootfsPath;
  /** From the root to the directory itself. */
  readonly chain: readonly DirectoryNode[];
}

export type Resolution =
  | Place
  /** A component is missing. */
  | { readonly kind: 'absent' }
  /** A component is neither a directory nor a symlink. */
  | { readonly kind: 'not-directory'; readonly path: RootfsPath }
  /** Too many symlinks. */
  | { readonly kind: 'loop' };

export interface ResolveOptions {
  /** Looks up a name in a directory. Default: in the tree. */
  readonly childOf?: (directory: DirectoryNode, name: string) => TreeNode | undefined;
  /** Makes a missing directory; without it, the result is `absent`. */
  readonly make?: (parent: DirectoryNode, name: string) => DirectoryNode;
  /** Whether the symlink at this literal part of the path counts as absent. */
  readonly isReplaced?: (literal: string) => boolean;
}

/**
 * Walks components to a directory as a process chrooted into the tree would: symlinks are followed, absolute ones start
 * at the root of the tree, and `..` stops there. No path leads out of the tree.
 * @throws LIMIT_EXCEEDED when the directory is deeper than a path on Linux can be
 */
export function resolveDirectory(tree: Tree, components: readonly string[], options: ResolveOptions = {}): Resolution {
  const { childOf = inTree, make, isReplaced } = options;
  let rest = components;
  const chain = [tree.root];
  const paths = [ROOT_PATH];
  let hops = 0;
  let steps = 0;
  for (let index = 0; index < rest.length; index += 1) {
    const name = rest[index] ?? '';
    const directory = chain.at(-1) ?? tree.root;
    const path = childPath(paths.at(-1) ?? ROOT_PATH, name);
    steps += 1;
    if (steps > MAX_STEPS) return { kind: 'loop' };
    if (name === '..') {
      if (chain.length > 1) {
        chain.pop();
        paths.pop();
      }
      continue;
    }
    const child = childOf(directory, name) ?? make?.(directory, name);
    if (child === undefined) return { kind: 'absent' };
    if (child.kind === 'directory') {
      if (path.length > MAX_PATH) throw tooDeep(path);
      chain.push(child);
      paths.push(path);
    } else if (child.kind === 'symlink') {
      if (hops === 0 && isReplaced?.(rest.slice(0, index + 1).join('/'))) return { kind: 'absent' };
      hops += 1;
      if (hops > MAX_HOPS) return { kind: 'loop' };
      if (child.target.startsWith('/')) {
        chain.length = 1;
        paths.length = 1;
      }
      rest = [...linkComponents(child.target), ...rest.slice(index + 1)];
      index = -1;
    } else {
      return { kind: 'not-directory', path };
    }
  }
  return { kind: 'directory', directory: chain.at(-1) ?? tree.root, path: paths.at(-1) ?? ROOT_PATH, chain };
}

/**
 * Finds the file or directory at a path as a process chrooted into the tree would open it: a symlink at the end is
 * followed too. Undefined where there is none.
 * @param path bytes (latin1)
 * @throws LIMIT_EXCEEDED as `resolveDirectory`
 */
export function resolveNode(tree: Tree, path: string): TreeNode | undefined {
  let components = linkComponents(path);
  for (let hops = 0; hops <= MAX_HOPS; hops += 1) {
    const name = components.at(-1);
    const isDirectory = name === undefined || name === '..';
    const place = resolveDirectory(tree, isDirectory ? components : components.slice(0, -1));
    if (place.kind !== 'directory') return undefined;
    if (isDirectory) return place.directory;
    const node = inTree(place.directory, name);
    if (node?.kind !== 'symlink') return node;
    const from = node.target.startsWith('/') ? [] : linkComponents(place.path);
    components = [...from, ...linkComponents(node.target)];
  }
  return undefined;
}

/** Looks up a name in a directory of the tree. */
export function inTree(directory: DirectoryNode, name: string): TreeNode | undefined {
  return directory.children.get(name);
}

function linkComponents(target: string): readonly string[] {
  return target.split('/').filter((component) => component !== '' && component !== '.');
}

function tooDeep(path: RootfsPath): TsimgError {
  return new TsimgError('LIMIT_EXCEEDED', 'the layer nests directories too deeply', {
    where: `${pathText(path.slice(0, 100))}…`,
    why: `a path is longer than ${MAX_PATH} bytes`,
  });
}
