import { pipeline, type Readable } from 'node:stream';
import { sizeMismatch } from '../../crypto/digest.ts';
import { TsimgError } from '../../errors.ts';
import type { FileSection } from '../../image/file-section.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { verified } from '../../streams/verified.ts';
import type { Files } from './files.ts';
import { refuseLfsPointerAt } from './lfs-pointer.ts';

/**
 * Opens the file that holds a descriptor's content. The stream fails, in the place of ending, when size or digest are
 * wrong. A file of another size is refused before it is read.
 * @throws BLOB_NOT_FOUND, SIZE_MISMATCH; ARCHIVE_INVALID for a Git LFS pointer
 */
export async function openBlob(
  files: Files,
  name: string,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<Readable> {
  const where = `${files.label} ${descriptor.digest}`;
  const size = await files.size(name);
  if (size !== undefined && size !== descriptor.size) {
    await refuseLfsPointerAt(files, name, signal);
    throw sizeMismatch(descriptor.size, size, where);
  }
  const stream = size === undefined ? undefined : await files.open(name, signal);
  if (stream === undefined) {
    throw new TsimgError('BLOB_NOT_FOUND', 'a blob is missing', {
      where,
      why: 'this is a partial copy of the image',
      hint: 'take the image from where it is whole',
      facts: { digest: descriptor.digest },
    });
  }
  // pipeline needs a callback; the reader gets the error from the returned stream.
  return pipeline(stream, verified(descriptor, where), () => {});
}

/**
 * Finds the part of a file that holds a descriptor's content; undefined where it is missing or has another size:
 * `openBlob` throws the error.
 */
export async function locateBlob(files: Files, name: string, descriptor: Descriptor): Promise<FileSection | undefined> {
  const section = await files.locate(name);
  if (section === undefined || section.size === descriptor.size) return section;
  await section.close();
  return undefined;
}
