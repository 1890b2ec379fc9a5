import type { Bucket } from '../body.ts';
import type { DirectoryNode, FileNode } from '../node.ts';
import type { RootfsPath } from '../path.ts';
import type { Change } from './change.ts';

/** Chooses the buckets that become directories of the tree. */
export class Buckets {
  readonly #taken = new Set<Bucket>();

  /** Returns the change that makes a directory. @param isPooled whether a file's content comes from the pool */
  makeDirectory(path: RootfsPath, directory: DirectoryNode, isPooled: (node: FileNode) => boolean): Change {
    const bucket = this.#take(directory, isPooled);
    return bucket === undefined ? { kind: 'directory', path } : { kind: 'directory', path, bucket };
  }

  /**
   * Finds the bucket of which a directory can be made: all its files are in this directory, under their own names. The
   * largest one wins.
   */
  #take(directory: DirectoryNode, isPooled: (node: FileNode) => boolean): Bucket | undefined {
    const counts = new Map<Bucket, number>();
    let found: Bucket | undefined;
    for (const [name, node] of directory.children) {
      if (node.kind !== 'file' || node.body?.bucket === undefined || node.body.name !== name || !isPooled(node))
        continue;
      const { bucket } = node.body;
      const count = (counts.get(bucket) ?? 0) + 1;
      counts.set(bucket, count);
      if (count === bucket.files && count > (found?.files ?? 0) && !this.#taken.has(bucket)) found = bucket;
    }
    if (found !== undefined) this.#taken.add(found);
    return found;
  }
}
