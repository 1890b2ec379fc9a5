import { placeOfBody } from '../../disk/read/layers-ahead.ts';
import { TsimgError } from '../../errors.ts';
import type { Image } from '../../image/image.ts';
import { resolveNode } from '../../rootfs/fold/resolve.ts';
import { decompressed } from '../../streams/decompress/decompress.ts';
import { readTar } from '../../tar/read/entries.ts';
import { type FoldOptions, foldImage } from './fold-image.ts';

/** The most bytes of a file, unless the caller gives another bound: 64 MiB. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Options of {@link readImageFile}. */
export interface ReadImageFileOptions extends FoldOptions {
  /** The most bytes that are read. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
}

/**
 * Reads one file of an image, as a container of it would: whiteouts and links count, and no link leads out of the
 * image. All layers are read and checked before; the layer that has the file is read twice.
 * @param path from the root of the image, with or without a slash before it
 * @throws SOURCE_NOT_FOUND where the image has no such file, LIMIT_EXCEEDED for one that is larger than `maxBytes`, and
 * the errors of {@link foldImage}
 * @example
 * await using opened = await openImage('alpine.tar');
 * const text = (await readImageFile(opened.image, '/etc/os-release')).toString();
 */
export async function readImageFile(image: Image, path: string, options: ReadImageFileOptions = {}): Promise<Buffer> {
  const { maxBytes = MAX_BYTES, signal } = options;
  const tree = await foldImage(image, options);
  const node = resolveNode(tree, Buffer.from(path).toString('latin1'));
  if (node?.kind !== 'file') {
    const what = node === undefined ? 'no such file in the image' : 'not a regular file';
    throw new TsimgError('SOURCE_NOT_FOUND', what, { where: path, hint: 'tsimg ls lists the files of an image' });
  }
  const { size, body } = node;
  if (size > maxBytes) {
    throw new TsimgError('LIMIT_EXCEEDED', 'the file is larger than the reader takes', {
      where: path,
      why: `${size} bytes, and ${maxBytes} is the limit`,
      facts: { maximum: maxBytes },
    });
  }
  if (body === undefined) return Buffer.alloc(0);
  const { ordinal, index } = placeOfBody(body);
  const layer = image.layers[ordinal];
  if (layer === undefined) throw new Error(`no layer ${ordinal}`);
  const blob = await layer.open(signal);
  let passed = 0;
  let content: Buffer | undefined;
  // To the end: only there the stream has verified that these are the bytes of the first reading.
  for await (const { header, body: bytes } of readTar(decompressed(blob, { where: layer.diffId }))) {
    if (header.kind !== 'file' || header.size === 0) continue;
    if (passed === index) {
      const chunks: Buffer[] = [];
      for await (const chunk of bytes) chunks.push(Buffer.from(chunk));
      content = Buffer.concat(chunks);
    }
    passed += 1;
  }
  if (content === undefined) throw new Error(`the layer has no file ${index}`);
  return content;
}
