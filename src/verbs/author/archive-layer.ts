import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { mayBeMarker, readWhiteout } from '../../rootfs/fold/whiteout-name.ts';
import { cleanName } from '../../rootfs/path.ts';
import { openArchiveFile } from '../../sources/files/archive-file.ts';
import { createByteBudget, withinBudget } from '../../streams/byte-budget.ts';
import { type CompressionChoice, checkCompression } from '../../streams/compress/choice.ts';
import { counted } from '../../streams/counted.ts';
import { type Compression, compressionOf, MAGIC_BYTES } from '../../streams/decompress/compression.ts';
import { decompressed } from '../../streams/decompress/decompress.ts';
import { type HashingStream, hashing } from '../../streams/hashing.ts';
import { pump } from '../../streams/pump.ts';
import { readSection } from '../../streams/read-section.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { openTemporaryFile, writeTemporary } from '../../sys/file/temporary.ts';
import { readTar } from '../../tar/read/entries.ts';
import { LAYER_TYPE, type LayerFile, layerOf, writeLayerFile } from '../layers/layer-file.ts';

/** How an archive becomes a layer. */
export interface ArchiveOptions extends Context {
  /** Default: as the archive is; gzip where it is not compressed, or with xz or bzip2. */
  readonly compression?: CompressionChoice | undefined;
  readonly limits?: ImageLimits | undefined;
  /** Read for `-`. */
  readonly stdin: () => Readable;
}

/** An open file of an archive, and how it is compressed. */
interface Opened {
  readonly file: FileHandle;
  readonly size: number;
  readonly compression: Compression;
}

async function compressionIn(file: FileHandle): Promise<Compression> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
  return compressionOf(buffer.subarray(0, bytesRead));
}

async function openFile(path: string, { stdin, limits, signal }: ArchiveOptions): Promise<FileHandle> {
  if (path === '-') {
    const file = await openTemporaryFile();
    try {
      await pump([stdin()], (chunk) => writeTemporary(file, chunk), signal);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw filesystemError('cannot open an archive', path, error);
    throw new TsimgError('SOURCE_NOT_FOUND', 'no such file or directory', { where: path, hint: 'check the path' });
  }
  const isFile = (await file.stat()).isFile();
  if (isFile && !['xz', 'bzip2'].includes(await compressionIn(file))) return file;
  await file.close();
  // Another program of the host reads these; a pipe can be read once only.
  return (await openArchiveFile(path, { limits, signal })).handle;
}

/** Refuses the archives of images, which are a likely mistake here. @throws FORMAT_UNSUPPORTED */
function refuseImages(names: ReadonlySet<string>, where: string): void {
  const isImage = names.has('oci-layout') || (names.has('manifest.json') && names.has('repositories'));
  if (!isImage) return;
  throw new TsimgError('FORMAT_UNSUPPORTED', 'an archive of images, not of a root filesystem', {
    where,
    hint: 'tsimg load brings images into the store; tsimg export makes an archive of a root filesystem',
  });
}

/** Opens the tar in an open file. */
function tarOf(
  { file, size }: Opened,
  label: string,
  { limits, signal }: ArchiveOptions,
  stored?: HashingStream,
): Readable {
  const budget = createByteBudget(limits);
  const blob = readSection(file, 0, size, signal);
  const hashed = stored === undefined ? blob : pipeline(blob, stored.stream, () => {});
  return withinBudget(decompressed(counted(hashed, budget.taken), { where: label }), budget, label);
}

/** Reads an archive once: it must be a tar with valid whiteouts. Returns the digests of its blob and of the tar. */
async function examine(opened: Opened, label: string, options: ArchiveOptions) {
  const [tar, stored] = [hashing(), hashing()];
  const names = new Set<string>();
  const { maxHeader, maxEntries } = options.limits ?? {};
  const limits = {
    ...(maxHeader !== undefined && { extendedHeaderBytes: maxHeader }),
    ...(maxEntries !== undefined && { entries: maxEntries }),
  };
  const chunks = pipeline(tarOf(opened, label, options, stored), tar.stream, () => {});
  for await (const { header } of readTar(chunks, { where: label, limits })) {
    if (!header.path.includes('/')) names.add(header.path);
    // An image with such a layer could be made, but not unpacked.
    if (mayBeMarker(header.path)) readWhiteout(cleanName(header.path).components, header);
  }
  refuseImages(names, label);
  if (tar.size() === 0) {
    throw new TsimgError('TAR_INVALID', 'an archive of no bytes', {
      where: label,
      why: 'even an empty tar archive has 1024 bytes',
      hint: 'check the command or the file that it comes from',
    });
  }
  return { diffId: tar.digest(), digest: stored.digest(), size: stored.size() };
}

/**
 * Makes a layer of a tar archive: the bytes of the tar stay as they are. A compressed archive is the blob of the layer
 * as it is, unless another compression is asked for. Whiteouts in it are the author's.
 * @param path a file; `-` is standard input
 * @throws SOURCE_NOT_FOUND, TAR_INVALID, LAYER_INVALID, COMPRESSION_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED,
 * FILESYSTEM, DIGEST_MISMATCH where the file changes while it is read
 */
export async function archiveLayer(path: string, options: ArchiveOptions): Promise<LayerFile> {
  const { signal } = options;
  if (options.compression !== undefined) checkCompression(options.compression);
  const label = path === '-' ? 'standard input' : path;
  const file = await openFile(path, options);
  try {
    const [{ size }, compression] = [await file.stat(), await compressionIn(file)];
    const opened: Opened = { file, size, compression };
    const { diffId, ...stored } = await examine(opened, label, options);
    const isBlob = compression === 'gzip' || compression === 'zstd' || compression === 'none';
    const wanted = options.compression ?? { kind: compression === 'zstd' ? 'zstd' : 'gzip' };
    if (isBlob && compression === wanted.kind) {
      return layerOf(file, { descriptor: { mediaType: LAYER_TYPE[compression], ...stored }, diffId, where: label });
    }
    const layer = await writeLayerFile([tarOf(opened, label, options)], wanted, signal);
    await file.close();
    if (layer.diffId === diffId) return layer;
    await layer[Symbol.asyncDispose]();
    throw new TsimgError('DIGEST_MISMATCH', 'the archive changed while it was read', {
      where: label,
      hint: 'try again when nothing writes to it',
      facts: { expected: diffId, found: layer.diffId },
    });
  } catch (error) {
    await file.close();
    throw error;
  }
}
