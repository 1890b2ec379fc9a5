import type { Home } from '../body.ts';
import type { DirectoryNode, FileNode } from '../node.ts';
import type { RootfsPath } from '../path.ts';
import type { Change } from './change.ts';

/** The homes of a pool that become directories of the tree, each one. */
export class Homes {
  readonly #taken = new Set<Home>();

  /** The change that makes a directory. @param isPooled whether a file's content is taken from the pool */
  makeDirectory(path: RootfsPath, directory: DirectoryNode, isPooled: (node: FileNode) => boolean): Change {
    const home = this.#take(directory, isPooled);
    return home === undefined ? { kind: 'directory', path } : { kind: 'directory', path, home };
  }

  /**
   * The home that a directory can be made of: all its files are this directory's, under their own names; the largest of such.
   */
  #take(directory: DirectoryNode, isPooled: (node: FileNode) => boolean): Home | undefined {
    const counts = new Map<Home, number>();
    let found: Home | undefined;
    for (const [name, node] of directory.children) {
      if (node.kind !== 'file' || node.body?.home === undefined || node.body.name !== name || !isPooled(node)) continue;
      const { home } = node.body;
      const count = (counts.get(home) ?? 0) + 1;
      counts.set(home, count);
      if (count === home.files && count > (found?.files ?? 0) && !this.#taken.has(home)) found = home;
    }
    if (found !== undefined) this.#taken.add(found);
    return found;
  }
}
