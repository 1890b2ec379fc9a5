import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { TsimgError } from '../../errors.ts';
import type { Image } from '../../image/image.ts';
import { remadeImage } from '../../image/remade.ts';
import { toOci } from '../../image/to-oci.ts';
import { buildTime } from '../../oci/commit/build-time.ts';
import { commitConfig } from '../../oci/commit/commit-config.ts';
import { checkCompression } from '../../streams/compress/choice.ts';
import { makeTemporaryDirectory } from '../../sys/file/temporary.ts';
import { repairPlaces } from '../image/open-image.ts';
import { withRepair } from '../image/repair-stored.ts';
import { foldImage } from '../layers/fold-image.ts';
import type { LayerFile } from '../layers/layer-file.ts';
import type { AuthoredImage, AuthorOptions } from './author-options.ts';
import { directoryLayer } from './directory-layer.ts';
import { layerFrom, type MadeLayersOptions } from './made-layers.ts';
import { openBase } from './open-base.ts';
import { parseTarget, publishImage } from './publish-image.ts';

/** How layers are put on top of an image. */
export interface AppendOptions extends AuthorOptions, MadeLayersOptions {
  /** A directory that the image was unpacked to: what changed there since becomes the last layer. */
  readonly changes?: string | undefined;
}

/** Makes the layer of the changes in a directory; undefined where nothing changed. */
async function changesLayer(
  image: Image,
  directory: string,
  newest: number | undefined,
  options: AppendOptions,
): Promise<LayerFile | undefined> {
  await using pool = await makeTemporaryDirectory();
  await using handle = await open(pool.path, constants.O_RDONLY | constants.O_DIRECTORY);
  const { limits, signal, onEvent, compression = { kind: 'gzip' } } = options;
  const tree = await foldImage(image, { limits, signal, onEvent }, handle.fd);
  const base = { root: tree.root, pool: pool.path };
  return await directoryLayer(directory, { base, withRoot: true, compression, newest }, options);
}

/** Makes the layers of directories and archives. Their files are closed at the end of the `await using`. */
async function makeLayers(
  paths: readonly string[],
  newest: number | undefined,
  options: AppendOptions,
): Promise<AsyncDisposable & { readonly made: readonly LayerFile[] }> {
  const made: LayerFile[] = [];
  const close = async () => {
    for (const layer of made) await layer[Symbol.asyncDispose]();
  };
  try {
    for (const path of paths) made.push(await layerFrom(path, { withRoot: false, newest }, options));
    return { made, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Makes an image with more layers on top: of directories, of tar archives, or of what changed in a directory since the
 * image was unpacked there. A directory's files are put over the image's; the bytes of a tar stay as they are,
 * whiteouts in it included. Changes are found by comparing the directory with all that the image has, contents
 * included; what is missing there is deleted in the new image. Where nothing changed, there is no new layer. What does
 * not come from the store must be accepted by policy.json.
 * @param text a reference, which is taken from the store or else from its registry, or any SOURCE
 * @param paths directories and archives, the lowest layer first; `-` is standard input
 * @throws USAGE, REFERENCE_INVALID, and the errors of `packImage` and `copySource`
 * @example
 * await unpackSource('alpine:3.20', './rootfs');
 * await writeFile('./rootfs/etc/motd', 'hello');
 * await appendLayers('alpine:3.20', [], { changes: './rootfs', tags: ['greeting:1'] });
 */
export async function appendLayers(
  text: string,
  paths: readonly string[],
  options: AppendOptions = {},
): Promise<AuthoredImage> {
  const { changes, author, message: comment, compression, owner } = options;
  if (paths.length === 0 && changes === undefined) {
    throw new TsimgError('USAGE', 'nothing to append', {
      hint: 'name directories or archives, or --changes with the directory that the image was unpacked to',
    });
  }
  if (changes !== undefined && owner !== undefined) {
    throw new TsimgError('USAGE', 'changes keep their owners', { where: '--owner', hint: 'leave it out' });
  }
  if ([text, ...paths].filter((each) => each === '-').length > 1) {
    throw new TsimgError('USAGE', 'standard input can be read once only', { where: '-', hint: 'write - once' });
  }
  const target = await parseTarget(options);
  if (compression !== undefined) checkCompression(compression);
  const { created, newest } = buildTime(process.env, new Date());
  // Standard input can be read once only: what is done again after a repair must not read it.
  await using given = await makeLayers(paths, newest, options);
  return await withRepair([text], repairPlaces(options), async () => {
    await using base = await openBase(text, options);
    await using last = changes === undefined ? undefined : await changesLayer(base.image, changes, newest, options);
    const layers = last === undefined ? given.made : [...given.made, last];
    if (layers.length === 0) {
      const message = `${changes} has not changed since ${text} was unpacked: the image gets no new layer`;
      options.onEvent?.({ kind: 'warning', message });
      return await publishImage(base.image, target, base.source, options);
    }
    const image = toOci(base.image);
    const steps = layers.map(({ diffId }) => ({ diffId, created, createdBy: 'tsimg append', author, comment }));
    const config = commitConfig(image.raw.config, { run: image.config.run, steps, author }, text);
    const appended = remadeImage(image, { layers: [...image.layers, ...layers], config });
    return await publishImage(appended, target, base.source, options);
  });
}
