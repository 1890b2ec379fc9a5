import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { checkContent } from '../crypto/digest.ts';
import { errnoOf } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { pump } from '../streams/pump.ts';
import { verified } from '../streams/verified.ts';
import { filesystemError } from '../sys/filesystem-error.ts';
import { blobPath } from './layout-files.ts';
import { makeDirectory, replaceFile } from './replace-file.ts';

/** A directory that holds an OCI layout, and the place on the same file system where files are made ready. */
export interface LayoutDirectory {
  readonly root: string;
  readonly partial: string;
}

/** Whether a blob is there. It was verified when it was written, and is again whenever it is read. */
export async function hasBlob({ root }: LayoutDirectory, digest: Digest): Promise<boolean> {
  const path = blobPath(root, digest);
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return false;
    throw filesystemError('cannot look for a blob', path, error);
  }
}

/**
 * Content under its digest. Idempotent and atomic: two that write the same blob both succeed. Verifies size and digest
 * before anything can be seen.
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
    if (await hasBlob(layout, descriptor.digest)) return;
    await makeDirectory(dirname(path));
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
