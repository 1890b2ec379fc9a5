import { digestOf } from '../../crypto/digest.ts';
import type { Image, Layer } from '../../image/image.ts';
import { buildTime } from '../../oci/commit/build-time.ts';
import { commitConfig } from '../../oci/commit/commit-config.ts';
import { editPairs } from '../../oci/commit/edit-run-config.ts';
import { parseImageConfig } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { type Platform, platformOfNodeArch } from '../../oci/platform.ts';
import { EMPTY_RUN_CONFIG } from '../../oci/run-config.ts';
import { manifestDocument } from '../../oci/write-document.ts';
import { checkCompression } from '../../streams/compress/choice.ts';
import type { AuthoredImage, AuthorOptions } from './author-options.ts';
import { checkEdit, editSettings, type ImageEdit } from './config.ts';
import { layerFrom, type MadeLayersOptions } from './made-layers.ts';
import { parseTarget, publishImage } from './publish-image.ts';

/** How an image is packed. `platform` is that of the new image; default: this machine's. */
export interface PackOptions extends AuthorOptions, MadeLayersOptions {}

function imageOf(layer: Layer, config: Buffer, annotations: Readonly<Record<string, string>>): Image {
  const mediaType = MEDIA_TYPE.ociManifest;
  const configDescriptor: Descriptor = {
    mediaType: MEDIA_TYPE.ociConfig,
    digest: digestOf(config),
    size: config.length,
  };
  const manifest = {
    mediaType,
    config: configDescriptor,
    layers: [layer.descriptor],
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  const raw = manifestDocument(manifest);
  return {
    descriptor: { mediaType, digest: digestOf(raw), size: raw.length },
    manifest,
    config: parseImageConfig(config, 'the new image'),
    layers: [layer],
    raw: { manifest: raw, config },
  };
}

function documentOf({ architecture, os, variant, osVersion, osFeatures }: Platform): Buffer {
  return Buffer.from(JSON.stringify({ architecture, os, variant, 'os.version': osVersion, 'os.features': osFeatures }));
}

/**
 * Makes an image with one layer: of a directory, or of a tar archive of a root filesystem. Of a directory, everything
 * is kept that a layer can hold: hard links, devices, extended attributes, names that are no UTF-8. No link is
 * followed. With `ids: 'single'`, owners that `unpack` recorded for an ordinary user are those of the image, so that
 * the same tree gives the same layer to root and to that user. With `$SOURCE_DATE_EPOCH`, equal trees give equal
 * images.
 * @param path a directory, a file, or `-` for standard input
 * @throws USAGE, REFERENCE_INVALID, SOURCE_NOT_FOUND, FILESYSTEM, FORMAT_UNSUPPORTED, TAR_INVALID, COMPRESSION_INVALID,
 * LIMIT_EXCEEDED, HOST_UNSUPPORTED; SIZE_MISMATCH where a file becomes shorter while it is read; what the sink throws
 * @example
 * await packImage('./rootfs', { cmd: '["/bin/app"]', env: ['PATH=/bin'] }, { tags: ['app:1'] });
 */
export async function packImage(path: string, edit: ImageEdit, options: PackOptions = {}): Promise<AuthoredImage> {
  const target = await parseTarget(options);
  checkEdit(edit);
  if (options.compression !== undefined) checkCompression(options.compression);
  const { created, newest } = buildTime(process.env, new Date());
  const { author, message: comment, platform = platformOfNodeArch(process.arch) } = options;
  const run = editSettings(EMPTY_RUN_CONFIG, edit);
  await using layer = await layerFrom(path, { withRoot: true, newest }, options);
  const step = { diffId: layer.diffId, created, createdBy: 'tsimg pack', author, comment };
  const config = commitConfig(documentOf(platform), { run, steps: [step], author }, path);
  return await publishImage(
    imageOf(layer, config, editPairs({}, 'annotation', edit.annotation ?? [])),
    target,
    undefined,
    options,
  );
}
