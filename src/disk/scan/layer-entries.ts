import { TsimgError } from '../../errors.ts';
import { formatWhiteout, OPAQUE_MARK, saysWhiteout } from '../../rootfs/fold/whiteout-name.ts';
import { pathText, ROOT_PATH, type RootfsPath } from '../../rootfs/path.ts';
import type { ByteBudget } from '../../streams/byte-budget.ts';
import type { TarHeaderToWrite } from '../../tar/write/encode.ts';
import type { TarEntryToWrite } from '../../tar/write/tar-chunks.ts';
import { DirectoryStack } from '../directory/directory-stack.ts';
import { headerOf, readContent } from './read-node.ts';
import type { UpperChange } from './upper-changes.ts';

export interface LayerEntriesOptions {
  /** Bounds the size of the layer against its size on the disk, because files may be mostly holes. */
  readonly budget: ByteBudget;
  /** Is called for each file that no layer can hold. */
  readonly onSkipped: (path: RootfsPath) => void;
}

function marker(path: string): TarEntryToWrite {
  const header: TarHeaderToWrite = {
    kind: 'file',
    path,
    linkPath: '',
    mode: 0,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: { seconds: 0, nanoseconds: 0 },
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
  };
  return { header };
}

function refuseName(path: RootfsPath): void {
  if (!saysWhiteout(path)) return;
  throw new TsimgError('FORMAT_UNSUPPORTED', 'a file has a name that no layer can hold', {
    where: pathText(path),
    why: 'in a layer a name that begins with .wh. means that something is deleted',
    hint: 'give it another name',
  });
}

/**
 * Yields the changes of a container or of a tree as the entries of a layer, in OCI's form (layer.md). The same changes
 * always give the same entries. Contents are read as they are taken.
 * @param upper descriptor of the upper layer
 * @throws FILESYSTEM, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED
 */
export async function* layerEntries(
  upper: number,
  changes: readonly UpperChange[],
  { budget, onSkipped }: LayerEntriesOptions,
): AsyncGenerator<TarEntryToWrite> {
  const directories = new DirectoryStack(upper);
  const firstNames = new Map<string, RootfsPath>();
  try {
    for (const { path, node, opaque, covered } of changes) {
      if (covered) continue;
      if (node === undefined) {
        yield marker(formatWhiteout(path));
        continue;
      }
      refuseName(path);
      if (node.kind === 'socket') {
        onSkipped(path);
        continue;
      }
      const link = node.identity === undefined ? undefined : firstNames.get(node.identity);
      if (node.identity !== undefined && link === undefined) firstNames.set(node.identity, path);
      const header = headerOf(node, path === ROOT_PATH ? '.' : path, link);
      if (header.size > 0) {
        budget.taken(node.allocated);
        budget.given(header.size, pathText(path));
        yield { header, content: readContent(directories.locate(path), path, header.size) };
      } else yield { header };
      if (opaque) yield marker(`${path}/${OPAQUE_MARK}`);
    }
  } finally {
    directories.close();
  }
}
