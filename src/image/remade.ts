import { digestOf } from '../crypto/digest.ts';
import { parseImageConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isDockerMediaType, MEDIA_TYPE } from '../oci/media-type.ts';
import { manifestDocument } from '../oci/write-document.ts';
import type { Image, Layer } from './image.ts';
import { toOci } from './to-oci.ts';

/** The parts of an image that are replaced. */
export interface RemadeParts {
  /** All layers, base first; those of the image when absent. */
  readonly layers?: readonly Layer[] | undefined;
  /** The bytes of the config; those of the image when absent. */
  readonly config?: Buffer | undefined;
  /** Of the manifest; those of the image when absent. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Whether docker's manifest can have these parts: it knows neither annotations nor zstd. */
function staysDocker(image: Image, layers: readonly Layer[], annotations: Readonly<Record<string, string>>): boolean {
  return (
    image.manifest.mediaType === MEDIA_TYPE.dockerManifest &&
    Object.keys(annotations).length === 0 &&
    layers.every(({ descriptor }) => isDockerMediaType(descriptor.mediaType))
  );
}

/**
 * Returns the image with other parts, and so with another digest. Docker's media types stay where docker's manifest can
 * have the new parts; otherwise they become OCI's. Pure.
 * @throws DOCUMENT_INVALID
 */
export function remadeImage(image: Image, parts: RemadeParts): Image {
  const {
    layers = image.layers,
    config = Buffer.from(image.raw.config),
    annotations = image.manifest.annotations ?? {},
  } = parts;
  const given: Image = {
    ...image,
    layers,
    manifest: { ...image.manifest, layers: layers.map(({ descriptor }) => descriptor) },
  };
  const isDocker = staysDocker(image, layers, annotations);
  const base = isDocker ? given : toOci(given);
  const mediaType = isDocker ? MEDIA_TYPE.dockerManifest : MEDIA_TYPE.ociManifest;
  const configType = base.manifest.config.mediaType;
  const configDescriptor: Descriptor = { mediaType: configType, digest: digestOf(config), size: config.length };
  const manifest = {
    mediaType,
    // Docker's manifest has neither of them.
    ...(!isDocker && { artifactType: base.manifest.artifactType, subject: base.manifest.subject }),
    config: configDescriptor,
    layers: base.layers.map(({ descriptor }) => descriptor),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  const raw = manifestDocument(manifest);
  return {
    descriptor: { mediaType, digest: digestOf(raw), size: raw.length },
    manifest,
    config: parseImageConfig(config, 'the new image'),
    layers: base.layers,
    raw: { manifest: raw, config },
  };
}
