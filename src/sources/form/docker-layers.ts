import { TsimgError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { type Compression, compressionOf, MAGIC_BYTES } from '../../streams/decompress/compression.ts';
import { decompressed } from '../../streams/decompress/decompress.ts';
import { createHasher } from '../../streams/hashing.ts';
import type { Files } from '../files/files.ts';

const MEDIA_TYPES: Readonly<Record<Compression, string>> = {
  none: MEDIA_TYPE.ociLayer,
  gzip: MEDIA_TYPE.ociLayerGzip,
  zstd: MEDIA_TYPE.ociLayerZstd,
  // The decompressor refuses it, with the reason.
  xz: MEDIA_TYPE.ociLayer,
  bzip2: MEDIA_TYPE.ociLayer,
};

/** The error for a file that the archive's list names and that is missing. */
export function memberMissing(files: Files, name: string): TsimgError {
  return new TsimgError('BLOB_NOT_FOUND', 'a file is missing in the archive', {
    where: `${files.label} ${name}`,
    why: 'the archive is damaged or was written in part',
  });
}

async function compressionIn(files: Files, name: string, signal?: AbortSignal): Promise<Compression> {
  const stream = await files.open(name, signal);
  if (stream === undefined) throw memberMissing(files, name);
  let head = Buffer.alloc(0);
  for await (const chunk of stream) {
    head = Buffer.concat([head, chunk]);
    if (head.length >= MAGIC_BYTES) break;
  }
  return compressionOf(head);
}

/** Returns the sha256 digest of a file, in one pass. */
async function digestOfFile(files: Files, name: string, signal?: AbortSignal): Promise<Digest> {
  const stream = await files.open(name, signal);
  if (stream === undefined) throw memberMissing(files, name);
  const hasher = createHasher();
  for await (const chunk of stream) hasher.update(chunk);
  return hasher.digest();
}

/** Computes the diff ID of a layer: the sha256 digest of its decompressed content. */
export async function diffIdOfFile(files: Files, name: string, signal?: AbortSignal): Promise<Digest> {
  const stream = await files.open(name, signal);
  if (stream === undefined) throw memberMissing(files, name);
  const hasher = createHasher();
  for await (const chunk of decompressed(stream, { where: `${files.label} ${name}` })) hasher.update(chunk);
  return hasher.digest();
}

/**
 * Makes the descriptor of a layer, which a docker archive lacks. The digest of an uncompressed layer is its diff ID,
 * and is verified when the layer is read; a compressed layer is read once for its digest.
 * @throws BLOB_NOT_FOUND
 */
export async function describeLayer(
  files: Files,
  name: string,
  diffId: Digest,
  signal?: AbortSignal,
): Promise<Descriptor> {
  const size = await files.size(name);
  if (size === undefined) throw memberMissing(files, name);
  const compression = await compressionIn(files, name, signal);
  const digest = compression === 'none' ? diffId : await digestOfFile(files, name, signal);
  return { mediaType: MEDIA_TYPES[compression], digest, size };
}
