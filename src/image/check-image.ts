import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Manifest } from '../oci/manifest.ts';
import { isLayerMediaType, MEDIA_TYPE } from '../oci/media-type.ts';

/** Docker Hub's oldest images have octet-stream (moby#29807), hand-made ones have none. */
const CONFIG_TYPES: ReadonlySet<string> = new Set([
  MEDIA_TYPE.ociConfig,
  MEDIA_TYPE.dockerConfig,
  'application/octet-stream',
  '',
]);

/** Returns whether a config of this media type is an image's. '' (no media type) is accepted. */
export function isImageConfigType(mediaType: string): boolean {
  return CONFIG_TYPES.has(mediaType);
}

interface Refused {
  readonly where: string;
  readonly mediaType: string;
  readonly hint: string;
}

function unsupported(what: string, { where, mediaType, hint }: Refused): TsimgError {
  return new TsimgError('FORMAT_UNSUPPORTED', what, {
    where,
    why: `its media type is ${mediaType.slice(0, 255)}`,
    hint,
    facts: { mediaType: mediaType.slice(0, 255) },
  });
}

function checkConfig({ mediaType }: Descriptor, where: string): void {
  if (isImageConfigType(mediaType)) return;
  if (mediaType === 'application/vnd.docker.plugin.v1+json') {
    const hint = 'docker plugin install installs plugins';
    throw unsupported('a docker plugin, not an image', { where, mediaType, hint });
  }
  const hint = 'tsimg manifest shows it, tsimg copy --all copies it';
  throw unsupported('an artifact, not an image', { where, mediaType, hint });
}

function checkLayer({ mediaType, size }: Descriptor, where: string): void {
  if (size === 0) {
    throw new TsimgError('LAYER_INVALID', 'a layer of no bytes', {
      where,
      why: 'even an empty tar archive has 1024 bytes',
    });
  }
  if (isLayerMediaType(mediaType)) return;
  if (mediaType.endsWith('+encrypted')) {
    const hint = 'decrypt the image first, such as with skopeo copy';
    throw unsupported('an encrypted layer', { where, mediaType, hint });
  }
  if (mediaType.startsWith('application/vnd.erofs')) {
    throw unsupported('a layer that is an EROFS image', { where, mediaType, hint: 'convert the image to tar layers' });
  }
  throw unsupported('a layer that is not a tar archive', {
    where,
    mediaType,
    hint: 'it may be an artifact, not an image',
  });
}

/**
 * Checks that a manifest is that of an image: the config is an image's, the layers are tar archives.
 * @throws FORMAT_UNSUPPORTED, LAYER_INVALID
 */
export function checkImage(manifest: Manifest, where: string): void {
  checkConfig(manifest.config, where);
  for (const layer of manifest.layers) checkLayer(layer, `${where} ${layer.digest}`);
}
