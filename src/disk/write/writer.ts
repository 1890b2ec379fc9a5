import { constants } from 'node:fs';
import { type Body, type Bucket, nameInPool } from '../../rootfs/body.ts';
import type { Form } from '../../rootfs/fold/real-attributes.ts';
import { childPath, type RootfsPath } from '../../rootfs/path.ts';
import type { BodySource, Change } from '../../rootfs/plan/change.ts';
import type { Tolerated } from '../../rootfs/tolerated.ts';
import {
  chmodAt,
  closeDescriptor,
  FILE_TYPE,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  openAt,
  setXattrAt,
  symlinkAt,
} from '../../sys/file/files.ts';
import { lastErrno } from '../../sys/libc.ts';
import { check } from '../directory/check.ts';
import { DirectoryStack, type NameAt } from '../directory/directory-stack.ts';
import { type BodyPool, placeBody, placeBucket } from './body-pool.ts';
import { copyBody } from './copy-body.ts';
import { setAttributes } from './set-attributes.ts';

export interface WriterOptions {
  /** Descriptor of the empty directory in which the tree is made. */
  readonly root: number;
  /** Holds the stored bodies, on the same file system. */
  readonly pool: BodyPool;
  /** Descriptor of the unpacked form of a lower layer; needed where changes copy from one. */
  readonly lowerLayer?: ((layer: number) => number) | undefined;
  readonly form: Form;
  readonly tolerated: Tolerated;
}

/** Performs changes. It decides nothing: the changes were planned on the tree. */
export interface RootfsWriter {
  /** @throws FILESYSTEM, POLICY_VIOLATED */
  perform(change: Change): void;
  close(): void;
}

export function createWriter({ root, pool, lowerLayer, form, tolerated }: WriterOptions): RootfsWriter {
  const directories = new DirectoryStack(root);
  const placedBuckets = new Map<Bucket, RootfsPath>();
  /** Separate from `directories`, which would leave the current directory for the target of each link. */
  const targets = new DirectoryStack(root);

  function makeDirectory(at: NameAt, path: RootfsPath, bucket: Bucket | undefined): void {
    if (bucket !== undefined && placeBucket({ directory: pool.directory, name: bucket.name }, at, path)) {
      placedBuckets.set(bucket, path);
      return;
    }
    check(makeDirectoryAt(at.directory, at.name, 0o700), 'make a directory', path);
    // Adds the bits that the umask removed
    check(chmodAt(at.directory, at.name, 0o700), 'set the mode', path);
  }

  /**
   * Places a body. In a bucket that became a directory it may be in its place already; otherwise it is moved from
   * there.
   */
  function placePooled(at: NameAt, path: RootfsPath, body: Body): void {
    const parent = body.bucket && placedBuckets.get(body.bucket);
    const there = parent === undefined ? undefined : childPath(parent, body.name);
    if (there === path) return;
    const from = there === undefined ? { directory: pool.directory, name: nameInPool(body) } : targets.locate(there);
    placeBody(from, at, path);
  }

  function makeFile(at: NameAt, path: RootfsPath, source: BodySource | undefined): void {
    if (source === undefined) makeEmptyFile(at, path);
    else if (source.from === 'pool') placePooled(at, path, source.body);
    else if (lowerLayer === undefined) throw new RangeError('a change copies from a layer, and none was given');
    else copyBody({ layer: lowerLayer(source.layer), path: source.path }, at, path);
  }

  function makeSpecial(at: NameAt, change: Change & { kind: keyof typeof FILE_TYPE }): void {
    const { kind, path, attributes, major, minor } = change;
    if (form.ownership === 'set' || kind === 'fifo') {
      const made = makeNodeAt(at.directory, at.name, FILE_TYPE[kind], major, minor);
      // EPERM: root in a user namespace cannot make devices
      if (made >= 0 || lastErrno() !== 'EPERM') {
        check(made, `make a ${kind}`, path);
        setAttributes(at, change, { path, form, tolerated });
        return;
      }
    }
    makeEmptyFile(at, path);
    const standsFor = { kind, major, minor };
    setAttributes(at, { kind: 'file', attributes, standsFor }, { path, form, tolerated });
  }

  function perform(change: Change): void {
    const { kind, path } = change;
    const at = directories.locate(path);
    switch (kind) {
      case 'directory':
        makeDirectory(at, path, change.bucket);
        break;
      case 'file':
        makeFile(at, path, change.source);
        setAttributes(at, change, {
          path,
          form,
          tolerated,
          pool: change.source?.from === 'pool' ? pool : undefined,
        });
        break;
      case 'symlink':
        check(symlinkAt(change.target, at.directory, at.name), 'make a symlink', path);
        setAttributes(at, change, { path, form, tolerated });
        break;
      case 'hardlink': {
        const target = targets.locate(change.target);
        check(linkAt(target.directory, target.name, at.directory, at.name), 'make a hard link', path);
        break;
      }
      case 'character-device':
      case 'block-device':
      case 'fifo':
        makeSpecial(at, change);
        break;
      case 'attributes':
        setAttributes(at, { ...change, kind: 'directory' }, { path, form, tolerated });
        break;
      case 'whiteout':
        check(makeNodeAt(at.directory, at.name, FILE_TYPE['character-device'], 0, 0), 'make a whiteout', path);
        break;
      case 'opaque':
        markOpaque(at, path, form);
    }
  }

  return {
    perform,
    close() {
      directories.close();
      targets.close();
    },
  };
}

function makeEmptyFile({ directory, name }: NameAt, path: RootfsPath): void {
  closeDescriptor(
    check(
      openAt(directory, name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600),
      'make a file',
      path,
    ),
  );
}

/**
 * Marks a directory so that overlayfs shows nothing of the layers below in it. Only mounts with `userxattr` (Linux
 * 5.11) read the mark in `user.*`. Without the mark the layer would be wrong, so no policy tolerates that it is
 * missing.
 */
function markOpaque({ directory, name }: NameAt, path: RootfsPath, { overlay = 'trusted' }: Form): void {
  check(setXattrAt(directory, name, `${overlay}.overlay.opaque`, Buffer.from('y')), 'mark a directory as opaque', path);
}
