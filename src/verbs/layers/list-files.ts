import type { Image } from '../../image/image.ts';
import { entriesOf, type TreeEntry } from '../../rootfs/tree.ts';
import { type FoldOptions, foldImage } from './fold-image.ts';

/**
 * Lists the files that unpacking an image makes: parents before children, names in byte order, the root first (its path
 * is ''). All layers are read, and checked, before the first entry comes.
 * @throws the errors of {@link foldImage}, before the first entry
 * @example
 * await using opened = await openImage('alpine.tar');
 * for await (const { path, node } of listFiles(opened.image)) {
 *   console.log(node.kind, node.attributes.mode.toString(8), `/${path}`);
 * }
 */
export async function* listFiles(image: Image, context: FoldOptions = {}): AsyncGenerator<TreeEntry, void, undefined> {
  yield* entriesOf(await foldImage(image, context));
}
