import { type AppendOptions, appendLayers as append } from '../../verbs/author/append.ts';
import type { AuthoredImage, AuthorOptions } from '../../verbs/author/author-options.ts';
import { configureImage as configure } from '../../verbs/author/config.ts';
import { type PackOptions, packImage as pack } from '../../verbs/author/pack.ts';
import { checkOptions, texts } from '../options/check-options.ts';
import { APPEND_CHECKS, AUTHOR_CHECKS, PACK_CHECKS, SETTING_CHECKS } from '../options/image-checks.ts';
import { checkSource, editOf, type ImageSettings, type WithPlatform, withPlatform } from '../options/image-options.ts';

/**
 * Makes an image with one layer: of a directory, or of a tar archive of a root filesystem. Of a directory, everything
 * is kept that a layer can hold: hard links, devices, extended attributes, names that are no UTF-8. No link is
 * followed. With `ids: 'single'`, owners that `unpack` recorded for an ordinary user are those of the image, so that
 * the same tree gives the same layer to root and to that user. With `$SOURCE_DATE_EPOCH`, equal trees give equal
 * images.
 * @param path a directory, a file, or `-` for standard input
 * @throws USAGE, REFERENCE_INVALID, PLATFORM_INVALID, SOURCE_NOT_FOUND, FILESYSTEM, FORMAT_UNSUPPORTED, TAR_INVALID,
 * COMPRESSION_INVALID, LIMIT_EXCEEDED, HOST_UNSUPPORTED; SIZE_MISMATCH where a file becomes shorter while it is read;
 * what the sink throws
 * @example
 * await packImage('./rootfs', { cmd: ['/bin/app'], env: { PATH: '/bin' } }, { tags: ['app:1'] });
 */
export async function packImage(
  path: string,
  settings: ImageSettings = {},
  options: WithPlatform<PackOptions> = {},
): Promise<AuthoredImage> {
  checkSource('path', path);
  checkOptions('packImage', settings, SETTING_CHECKS);
  checkOptions('packImage', options, PACK_CHECKS);
  return await pack(path, editOf(settings), withPlatform(options));
}

/**
 * Makes an image with more layers on top: of directories, of tar archives, or of what changed in a directory since the
 * image was unpacked there. A directory's files are put over the image's; the bytes of a tar stay as they are,
 * whiteouts in it included. Changes are found by comparing the directory with all that the image has, contents
 * included; what is missing there is deleted in the new image. Where nothing changed, there is no new layer. What does
 * not come from the store must be accepted by policy.json.
 * @param source a reference, which is taken from the store or else from its registry, or any SOURCE
 * @param paths directories and archives, the lowest layer first; `-` is standard input
 * @throws the errors of {@link packImage} and {@link copySource}
 * @example
 * await unpackSource('alpine:3.20', './rootfs');
 * await writeFile('./rootfs/etc/motd', 'hello');
 * await appendLayers('alpine:3.20', [], { changes: './rootfs', tags: ['greeting:1'] });
 */
export async function appendLayers(
  source: string,
  paths: readonly string[],
  options: WithPlatform<AppendOptions> = {},
): Promise<AuthoredImage> {
  checkSource('source', source);
  texts('paths', paths);
  checkOptions('appendLayers', options, APPEND_CHECKS);
  return await append(source, paths, withPlatform(options));
}

/**
 * Makes an image with other settings of the same layers: config and manifest are new, layers and their digests stay.
 * What does not come from the store must be accepted by policy.json.
 * @param source a reference, which is taken from the store or else from its registry, or any SOURCE
 * @throws the errors of {@link packImage} and {@link copySource}
 * @example
 * await configureImage('alpine:3.20', { user: '1000', label: { a: 'b' } }, { tags: ['mine:1'] });
 */
export async function configureImage(
  source: string,
  settings: ImageSettings,
  options: WithPlatform<AuthorOptions> = {},
): Promise<AuthoredImage> {
  checkSource('source', source);
  checkOptions('configureImage', settings, SETTING_CHECKS);
  checkOptions('configureImage', options, AUTHOR_CHECKS);
  return await configure(source, editOf(settings), withPlatform(options));
}
