import type { Form } from '../../rootfs/fold/real-attributes.ts';
import type { RootfsPath } from '../../rootfs/path.ts';
import { setXattrAt } from '../../sys/file/files.ts';
import { check } from '../directory/check.ts';
import type { NameAt } from '../directory/directory-stack.ts';

/**
 * Marks a directory so that overlayfs shows nothing of the layers below in it; `user.*` is read by mounts with
 * `userxattr` (Linux 5.11) only. Without the mark the layer would be wrong, so no policy lets it be missing.
 * @throws FILESYSTEM
 */
export function markOpaque({ directory, name }: NameAt, path: RootfsPath, { overlay = 'trusted' }: Form): void {
  check(setXattrAt(directory, name, `${overlay}.overlay.opaque`, Buffer.from('y')), 'mark a directory as opaque', path);
}
