import { pipeline, Readable } from 'node:stream';
import { checkContent, sizeMismatch } from '../../crypto/digest.ts';
import { TsimgError } from '../../errors.ts';
import type { FileSection } from '../../image/file-section.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { verified } from '../../streams/verified.ts';
import type { Files } from './files.ts';
import { refuseLfsPointerAt } from './lfs-pointer.ts';

/** Bytes of a blob that is read at once, where it can be: a stream of a file takes some milliseconds. */
const SMALL = 256 * 1024;

/** The content of a small file of the right size; undefined for another one. */
async function readSmall(files: Files, name: string, descriptor: Descriptor): Promise<Buffer | undefined> {
  if (descriptor.size > SMALL) return undefined;
  const bytes = await files.read?.(name, descriptor.size);
  return bytes?.length === descriptor.size ? bytes : undefined;
}

async function* verifiedBytes(bytes: Buffer, descriptor: Descriptor, where: string): AsyncGenerator<Buffer, void> {
  checkContent(bytes, descriptor, where);
  yield bytes;
}

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
  const small = await readSmall(files, name, descriptor);
  if (small !== undefined) return Readable.from(verifiedBytes(small, descriptor, where));
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
