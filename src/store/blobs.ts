import { randomUUID } from 'node:crypto';
import { lstat, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { checkContent, sizeMismatch } from '../crypto/digest.ts';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';
import { type Content, openContent } from '../streams/content.ts';
import { pump } from '../streams/pump.ts';
import { verified } from '../streams/verified.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';
import { openRegularFile } from '../sys/file/regular-file.ts';
import { replaceFile } from '../sys/file/replace-file.ts';
import { blobPath } from './layout-files.ts';

/** A directory with an OCI layout, and a directory on the same file system where files are written first. */
export interface LayoutDirectory {
  readonly root: string;
  readonly partial: string;
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

async function look(path: string): Promise<Found | undefined> {
  try {
    const stats = await lstat(path);
    return { isFile: stats.isFile(), size: stats.size, ino: stats.ino };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw filesystemError('cannot look for a blob', path, error);
  }
}

/** Whether a file has the right bytes. A file that its disk cannot read has not. */
async function isRight(path: string, blob: PromisedBlob, signal?: AbortSignal): Promise<boolean> {
  const file = await openRegularFile(path);
  if (file === undefined) return false;
  try {
    await pump([file.handle.createReadStream(), verified(blob, path)], async () => {}, signal);
    return true;
  } catch (error) {
    const damaged = error instanceof TsimgError && /^(DIGEST|SIZE)_MISMATCH$/.test(error.code);
    if (damaged || errnoOf(error) === 'EIO') return false;
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
  const found = await look(path);
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
  const found = await look(blobPath(layout.root, blob.digest));
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
  const before = await look(path);
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
  if ((await look(path))?.ino !== ino) return false;
  try {
    await rename(path, aside);
    // Another process may have written the right file since the look.
    if ((await look(aside))?.ino === ino) return true;
    await rename(aside, path);
    return false;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw filesystemError('cannot move a damaged blob away', path, error);
  }
}

/**
 * Writes content under its digest. Idempotent and atomic: several writers of one blob all succeed, and a damaged blob
 * is replaced. Size and digest are verified before the blob becomes visible.
 * @throws SIZE_MISMATCH, DIGEST_MISMATCH, FILESYSTEM; the errors of the stream
 */
export async function writeBlob(
  layout: LayoutDirectory,
  descriptor: Descriptor,
  content: Content,
  signal?: AbortSignal,
): Promise<void> {
  const path = blobPath(layout.root, descriptor.digest);
  // A stream that fails before it is read gives its error to the reader later, and must not end the process.
  if (content instanceof Readable) content.on('error', () => {});
  try {
    if (await hasBlob(layout, descriptor, signal)) return;
    await makeDirectory(dirname(path));
    // A directory cannot be replaced by a file.
    const found = await look(path);
    if (found?.isFile === false) await moveAway(layout, descriptor.digest, found.ino);
    await replaceFile(path, layout.partial, async (write) => {
      if (content instanceof Uint8Array) {
        checkContent(content, descriptor, path);
        await write(content);
        return;
      }
      await pump([await openContent(content), verified(descriptor, path)], write, signal);
    });
  } finally {
    if (content instanceof Readable) content.destroy();
  }
}
