import { randomUUID } from 'node:crypto';
import { lstat, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { checkContent, sizeMismatch } from '../crypto/digest.ts';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';
import { pump } from '../streams/pump.ts';
import { verified } from '../streams/verified.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';
import { openRegularFile } from '../sys/file/regular-file.ts';
import { replaceFile } from '../sys/file/replace-file.ts';
import { blobPath } from './layout-files.ts';

/** A directory that holds an OCI layout, and the place on the same file system where files are made ready. */
export interface LayoutDirectory {
  readonly root: string;
  readonly partial: string;
}

/** What must be there: digest, and size in bytes. */
export type PromisedBlob = Pick<Descriptor, 'digest' | 'size'>;

/** What lies in a blob's place: `damaged` is all that is neither the blob nor nothing. */
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

/** Whether the bytes of a file are what they should be; one that cannot be read from its disk is not. */
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

/** What lies in a blob's place, by all of its bytes. @throws FILESYSTEM */
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
 * Whether a blob is there: a file of the right size, and the right digest where it is so small that it can be a document
 * (4 MiB). Larger ones are verified whenever they are read. @throws FILESYSTEM
 */
export async function hasBlob(layout: LayoutDirectory, blob: PromisedBlob, signal?: AbortSignal): Promise<boolean> {
  if (blob.size <= MAX_DOCUMENT_BYTES) return (await checkBlob(layout, blob, signal)) === 'right';
  const found = await look(blobPath(layout.root, blob.digest));
  return found?.isFile === true && found.size === blob.size;
}

/**
 * The same by all of its bytes. What is damaged is moved to where unfinished writes lie, so that nobody takes it for the blob any
 * more; whoever reads it goes on. The next sweep removes it.
 * @throws FILESYSTEM; SIZE_MISMATCH where it is undamaged, and has another size than was promised
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
  // Whoever promises another size of it, such as the manifest of a hostile image, must not cost the images that need it.
  const isOther = before.isFile && before.size !== blob.size;
  if (isOther && (await isRight(path, { ...blob, size: before.size }, signal))) {
    throw sizeMismatch(blob.size, before.size, path);
  }
  return (await moveAway(layout, blob.digest, before.ino)) ? 'damaged' : verifyBlob(layout, blob, signal);
}

/** False where somebody else has put something in its place meanwhile: that stays. */
async function moveAway({ root, partial }: LayoutDirectory, digest: Digest, ino: number): Promise<boolean> {
  const path = blobPath(root, digest);
  const aside = join(partial, `damaged.${basename(path)}.${randomUUID()}`);
  if ((await look(path))?.ino !== ino) return false;
  try {
    await rename(path, aside);
    // Between the look and the rename another may have brought the right one.
    if ((await look(aside))?.ino === ino) return true;
    await rename(aside, path);
    return false;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw filesystemError('cannot set a damaged blob aside', path, error);
  }
}

/**
 * Content under its digest. Idempotent and atomic: two that write the same blob both succeed, and what is damaged is
 * replaced. Verifies size and digest before anything can be seen.
 * @throws SIZE_MISMATCH, DIGEST_MISMATCH, FILESYSTEM; what the stream fails with
 */
export async function writeBlob(
  layout: LayoutDirectory,
  descriptor: Descriptor,
  content: Readable | Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const path = blobPath(layout.root, descriptor.digest);
  // It may fail before it is read: then whoever reads it is told, not the process.
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
      await pump([content, verified(descriptor, path)], write, signal);
    });
  } finally {
    if (content instanceof Readable) content.destroy();
  }
}
