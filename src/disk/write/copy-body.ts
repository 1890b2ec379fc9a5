import { constants, copyFileSync } from 'node:fs';
import type { RootfsPath } from '../../rootfs/path.ts';
import { pathText } from '../../rootfs/path.ts';
import { closeDescriptor, openAt } from '../../sys/file/files.ts';
import { attempt, check } from '../directory/check.ts';
import { DirectoryStack, type NameAt } from '../directory/directory-stack.ts';

/** A file of an unpacked layer. */
export interface LayerFile {
  /** Descriptor of the layer's directory. */
  readonly layer: number;
  readonly path: RootfsPath;
}

/**
 * Copies a file of an unpacked lower layer; shares its blocks where the file system can (reflink).
 * @throws FILESYSTEM
 */
export function copyBody(from: LayerFile, to: NameAt, path: RootfsPath): void {
  const directories = new DirectoryStack(from.layer);
  try {
    const at = directories.locate(from.path);
    const source = check(openAt(at.directory, at.name, constants.O_RDONLY), 'read a file of a lower layer', from.path);
    try {
      const target = Buffer.from(`/proc/self/fd/${to.directory}/${to.name}`, 'latin1');
      const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
      attempt('copy a file of a lower layer', pathText(path), () =>
        copyFileSync(`/proc/self/fd/${source}`, target, flags),
      );
    } finally {
      closeDescriptor(source);
    }
  } finally {
    directories.close();
  }
}
