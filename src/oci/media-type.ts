/** The media types that tsimg reads and writes. OCI image spec, media-types.md; docker's image manifest v2 schema 2. */
export const MEDIA_TYPE = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

const SCHEMA1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/;

/** The kind of a JSON document; `schema1` is docker's, which tsimg refuses. */
export type DocumentKind = 'index' | 'manifest' | 'schema1' | 'other';

/** Returns the kind of document that has a media type; parameters (`; charset=…`) are ignored. */
export function documentKindOf(mediaType: string): DocumentKind {
  const bare = mediaType.split(';', 1)[0]?.trim() ?? '';
  if (bare === MEDIA_TYPE.ociIndex || bare === MEDIA_TYPE.dockerIndex) return 'index';
  if (bare === MEDIA_TYPE.ociManifest || bare === MEDIA_TYPE.dockerManifest) return 'manifest';
  return SCHEMA1.test(bare) ? 'schema1' : 'other';
}

/** Returns whether content of a media type is a manifest or an index, which name other content. */
export function isManifestOrIndex(mediaType: string): boolean {
  const kind = documentKindOf(mediaType);
  return kind === 'manifest' || kind === 'index';
}

/** Returns whether a media type is docker's, and not OCI's. */
export function isDockerMediaType(mediaType: string): boolean {
  return mediaType.startsWith('application/vnd.docker.');
}

const LAYER = new RegExp(
  '^application/vnd\\.(' +
    'oci\\.image\\.layer\\.(nondistributable\\.)?v1\\.tar(\\+gzip|\\+zstd)?|' +
    'docker\\.image\\.rootfs\\.(foreign\\.)?diff\\.tar(\\.gzip|\\.zstd|\\+gzip|\\+zstd)?)$',
);

/**
 * Returns whether blobs of a media type are tar layers. The bytes tell the compression, not the type
 * (containerd#14160).
 */
export function isLayerMediaType(mediaType: string): boolean {
  return LAYER.test(mediaType);
}
