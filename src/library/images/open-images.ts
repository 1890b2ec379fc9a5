import type { Readable } from 'node:stream';
import type { UnpackOptions, UnpackReport } from '../../disk/unpack-options.ts';
import type { Context } from '../../events.ts';
import type { Image } from '../../image/image.ts';
import { type InspectedImage, inspectImage as inspect } from '../../verbs/image/inspect.ts';
import { type ImageOptions, type OpenedImage, openImage as open, sourcePlaces } from '../../verbs/image/open-image.ts';
import {
  type UnpackImageOptions,
  unpackSource as unpackAny,
  unpackTar as unpackArchive,
  unpackImage as unpackOpened,
} from '../../verbs/rootfs/unpack.ts';
import { checkOptions, hasMethods, takes, text } from '../options/check-options.ts';
import { IMAGE_CHECKS, UNPACK_CHECKS, UNPACK_TAR_CHECKS } from '../options/image-checks.ts';
import { checkImage, checkSource, type WithPlatform, withPlatform } from '../options/image-options.ts';

/**
 * Opens an image for a platform, from any SOURCE that the command line takes: a file (docker or OCI archive, root
 * filesystem), a directory (`./layout`), `docker://REFERENCE`, `oci:PATH:TAG`, or a name in the store. Manifest and
 * config are read and checked; a layer is opened, and verified, when it is read.
 * @throws USAGE, REFERENCE_INVALID, PLATFORM_INVALID, SOURCE_NOT_FOUND, IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS,
 * PLATFORM_NOT_FOUND, BLOB_NOT_FOUND, ARCHIVE_INVALID, DOCUMENT_INVALID, FORMAT_UNSUPPORTED, COMPRESSION_INVALID,
 * LAYER_INVALID, TAR_INVALID, DIGEST_MISMATCH, SIZE_MISMATCH, LIMIT_EXCEEDED, STORE_INVALID, FILESYSTEM; from a
 * registry REGISTRY_… and AUTHENTICATION_…
 * @example
 * await using opened = await openImage('alpine.tar', { platform: 'linux/amd64' });
 * for await (const { path, node } of listFiles(opened.image)) console.log(node.kind, path);
 */
export async function openImage(
  source: string,
  options: WithPlatform<ImageOptions & Context> = {},
): Promise<OpenedImage> {
  checkSource('source', source);
  checkOptions('openImage', options, IMAGE_CHECKS);
  return await open(source, withPlatform(options));
}

/**
 * Describes an image (any SOURCE) under docker's keys, as `tsimg inspect` does. Layers are not read.
 * @throws the errors of {@link openImage}
 * @example
 * const { Architecture, Config } = await inspectImage('alpine:3.20');
 */
export async function inspectImage(
  source: string,
  options: WithPlatform<ImageOptions & Context> = {},
): Promise<InspectedImage> {
  checkSource('source', source);
  checkOptions('inspectImage', options, IMAGE_CHECKS);
  const { platform, signal, onEvent, ...places } = withPlatform(options);
  return await inspect(source, { ...sourcePlaces(places), platform }, { signal, onEvent });
}

/**
 * Unpacks an image. `destination` must be absent or an empty directory, unless `force` is set. Each layer is checked
 * against its digest and its diff ID before the result appears at the destination, whole: after a failure the
 * destination is as it was.
 * @throws USAGE, DIFF_ID_MISMATCH, LAYER_INVALID, TAR_INVALID, COMPRESSION_INVALID, DESTINATION_EXISTS,
 * DESTINATION_INVALID, FILESYSTEM, LIMIT_EXCEEDED, POLICY_VIOLATED (with `strict`), the errors of a layer's stream;
 * HOST_UNSUPPORTED where the host or the caller lacks the IDs for `ids`; LAUNCH_FAILED
 * @example
 * await using opened = await openImage('alpine.tar');
 * const { names, tolerated } = await unpackImage(opened.image, './rootfs');
 */
export async function unpackImage(
  image: Image,
  destination: string,
  options: UnpackImageOptions = {},
): Promise<UnpackReport> {
  checkImage('image', image);
  text('destination', destination);
  checkOptions('unpackImage', options, UNPACK_CHECKS);
  return await unpackOpened(image, destination, options);
}

/**
 * Unpacks an image from any SOURCE, as `tsimg unpack` does: {@link openImage} and {@link unpackImage} in one. Blobs of
 * the store that are damaged are fetched again.
 * @throws the errors of {@link openImage} and {@link unpackImage}
 * @example
 * await unpackSource('docker://alpine:3.20', './rootfs', { platform: 'linux/arm64' });
 */
export async function unpackSource(
  source: string,
  destination: string,
  options: WithPlatform<ImageOptions & UnpackImageOptions> = {},
): Promise<UnpackReport> {
  checkSource('source', source);
  text('destination', destination);
  checkOptions('unpackSource', options, { ...IMAGE_CHECKS, ...UNPACK_CHECKS });
  return await unpackAny(source, destination, withPlatform(options));
}

/**
 * Unpacks one tar archive of a root filesystem, compressed or not, as `docker export` writes it. There is no digest to
 * check it against.
 * @param options `label` names the archive in errors; `size` is its size in bytes, for progress
 * @throws USAGE, LAYER_INVALID, TAR_INVALID, COMPRESSION_INVALID, DESTINATION_EXISTS, DESTINATION_INVALID, FILESYSTEM,
 * LIMIT_EXCEEDED, POLICY_VIOLATED, and the errors of the stream
 * @example
 * await unpackTar(createReadStream('rootfs.tar.gz'), './rootfs');
 */
export async function unpackTar(
  archive: Readable,
  destination: string,
  options: UnpackOptions & { readonly label?: string; readonly size?: number } = {},
): Promise<UnpackReport> {
  takes('a stream of Node, such as that of createReadStream', (value) => hasMethods(value, 'pipe', 'on'))(
    'archive',
    archive,
  );
  text('destination', destination);
  checkOptions('unpackTar', options, UNPACK_TAR_CHECKS);
  return await unpackArchive(archive, destination, options);
}
