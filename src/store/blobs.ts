import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { checkContent, isMismatch, sizeMismatch } from '../crypto/digest.ts';
import { errnoOf } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';
import { pump } from '../streams/pump.ts';
import { verified } from '../streams/verified.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { openRegularFile, readRegularFile } from '../sys/file/regular-file.ts';
import { blobPath } from './layout-names.ts';

/** A directory with an OCI layout, and a directory on the same file system where files are written first. */
export interface LayoutDirectory {
  readonly root: string;
  readonly partial: string;
  /** Whether it may be on a file system without locks: then two writers at once may disturb each other. */
  readonly locksAreOptional?: boolean | undefined;
}

/** The digest and the size in bytes that a blob must have. */
export type PromisedBlob = Pick<Descriptor, 'digest' | 'size'>;

/** The state of a blob's file. `damaged`: another content, or no regular file. */
export type BlobState = 'right' | 'missing' | 'damaged';

interface Found {
  readonly isFile: boolean;
  readonly size: number;
  readonly ino: number;
}

// lstatSync takes microseconds, an asynchronous look a hundred; and each blob is looked at several times.
function look(path: string): Found | undefined {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats && { isFile: stats.isFile(), size: stats.size, ino: stats.ino };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOTDIR') return undefined;
    throw filesystemError('cannot look for a blob', path, error);
  }
}

/** Bytes of a small blob. */
const SMALL = 256 * 1024;

/** Whether a blob is read and written at once, without threads of Node: the trips to them would take longer. */
export function isSmall({ size }: Pick<PromisedBlob, 'size'>): boolean {
  return size <= SMALL;
}

/** Whether a file has the right bytes. A file that its disk cannot read has not. */
async function isRight(path: string, blob: PromisedBlob, signal?: AbortSignal): Promise<boolean> {
  try {
    if (isSmall(blob)) {
      const bytes = readRegularFile(path, blob.size);
      if (bytes !== undefined) checkContent(bytes, { ...blob, mediaType: '' }, path);
      return bytes !== undefined;
    }
    const file = await openRegularFile(path);
    if (file === undefined) return false;
    await pump([file.handle.createReadStream(), verified(blob, path)], async () => {}, signal);
    return true;
  } catch (error) {
    // ENOENT: another process has moved it away since the look.
    if (isMismatch(error) || ['EIO', 'ENOENT'].includes(errnoOf(error) ?? '')) return false;
    throw filesystemError('cannot read a blob', path, error);
  }
}

/** Reads all bytes of a blob, and returns its state. @throws FILESYSTEM */
export async function checkBlob(
  { root }: LayoutDirectory,
  blob: PromisedBlob,
  signal?: AbortSignal,
): Promise<BlobState> {
  const path = blobPath(root, blob.digest);
  const found = look(path);
  if (found === undefined) return 'missing';
  if (!found.isFile || found.size !== blob.size) return 'damaged';
  return (await isRight(path, blob, signal)) ? 'right' : 'damaged';
}

/**
 * Whether a blob exists: a file of the right size, and of the right digest if it can be a document (at most 4 MiB).
 * Larger blobs are verified on every read.
 * @throws FILESYSTEM
 */
export async function hasBlob(layout: LayoutDirectory, blob: PromisedBlob, signal?: AbortSignal): Promise<boolean> {
  if (blob.size <= MAX_DOCUMENT_BYTES) return (await checkBlob(layout, blob, signal)) === 'right';
  const found = look(blobPath(layout.root, blob.digest));
  return found?.isFile === true && found.size === blob.size;
}

/**
 * Reads all bytes of a blob. A damaged blob is moved to the unfinished writes, so that it is not used any more; a
 * process that reads it can go on. The next sweep removes it.
 * @throws FILESYSTEM; SIZE_MISMATCH where the blob is undamaged and has another size than the promised one
 */
export async function verifyBlob(
  layout: LayoutDirectory,
  blob: PromisedBlob,
  signal?: AbortSignal,
): Promise<BlobState> {
  const path = blobPath(layout.root, blob.digest);
  const before = look(path);
  const state = await checkBlob(layout, blob, signal);
  if (state !== 'damaged' || before === undefined) return state;
  // The manifest of a hostile image may promise another size: the blob must stay for the images that need it.
  const isOther = before.isFile && before.size !== blob.size;
  if (isOther && (await isRight(path, { ...blob, size: before.size }, signal))) {
    throw sizeMismatch(blob.size, before.size, path);
  }
  return (await moveAway(layout, blob.digest, before.ino)) ? 'damaged' : verifyBlob(layout, blob, signal);
}

/** Moves a file away; false where another process has replaced the file meanwhile. */
async function moveAway({ root, partial }: LayoutDirectory, digest: Digest, ino: number): Promise<boolean> {
  const path = blobPath(root, digest);
  const aside = join(partial, `damaged.${basename(path)}.${randomUUID()}`);
  if (look(path)?.ino !== ino) return false;
  try {
    await rename(path, aside);
    // Another process may have written the right file since the look.
    if (look(aside)?.ino === ino) return true;
    await rename(aside, path);
    return false;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw filesystemError('cannot move a damaged blob away', path, error);
  }
}

/**
 * Makes way for a file at the path of a blob: a rename replaces a file or a link, but no directory.
 * @throws FILESYSTEM
 */
export async function clearWay(layout: LayoutDirectory, digest: Digest): Promise<void> {
  const found = look(blobPath(layout.root, digest));
  if (found?.isFile === false) await moveAway(layout, digest, found.ino);
}
