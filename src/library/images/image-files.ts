import type { Image } from '../../image/image.ts';
import type { Tree, TreeEntry } from '../../rootfs/tree.ts';
import { type FoldOptions, foldImage as fold } from '../../verbs/layers/fold-image.ts';
import { listFiles as list } from '../../verbs/layers/list-files.ts';
import { type ReadImageFileOptions, readImageFile as read } from '../../verbs/layers/read-file.ts';
import { checkBound, checkWhole } from '../options/check-number.ts';
import { checkOptions, text } from '../options/check-options.ts';
import { FOLD_CHECKS } from '../options/image-checks.ts';
import { checkImage } from '../options/image-options.ts';

/**
 * Folds the layers of an image into a tree in memory: names and attributes, no content. Each layer is read whole and
 * checked against its digest and its diff ID. Nothing is written, unless `pool` is given.
 * @param pool the open descriptor of a directory in which the content of files is stored, under their numbers
 * @throws USAGE, DIFF_ID_MISMATCH, LAYER_INVALID, TAR_INVALID, COMPRESSION_INVALID, LIMIT_EXCEEDED, and the errors of a
 * layer's stream
 */
export async function foldImage(image: Image, options: FoldOptions = {}, pool?: number): Promise<Tree> {
  checkImage('image', image);
  checkOptions('foldImage', options, FOLD_CHECKS);
  checkWhole('pool', pool);
  return await fold(image, options, pool);
}

/**
 * Lists the files that unpacking an image makes: parents before children, names in byte order, the root first (its path
 * is ''). All layers are read, and checked, before the first entry comes.
 * @throws USAGE at once; the errors of {@link foldImage}, before the first entry
 * @example
 * await using opened = await openImage('alpine.tar');
 * for await (const { path, node } of listFiles(opened.image)) {
 *   console.log(node.kind, node.attributes.mode.toString(8), `/${path}`);
 * }
 */
export function listFiles(image: Image, options: FoldOptions = {}): AsyncGenerator<TreeEntry, void, undefined> {
  checkImage('image', image);
  checkOptions('listFiles', options, FOLD_CHECKS);
  return list(image, options);
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
  checkImage('image', image);
  text('path', path);
  checkOptions('readImageFile', options, { ...FOLD_CHECKS, maxBytes: checkBound });
  return await read(image, path, options);
}
