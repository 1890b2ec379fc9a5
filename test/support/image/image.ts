import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../../src/crypto/digest.ts';
import { TsimgError } from '../../../src/errors.ts';
import type { Source } from '../../../src/image/source.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { MEDIA_TYPE } from '../../../src/oci/media-type.ts';
import type { Platform } from '../../../src/oci/platform.ts';
import { indexDocument } from '../../../src/oci/write-document.ts';
import { verified } from '../../../src/streams/verified.ts';

/** An image as documents and blobs in memory. */
export interface MadeImage {
  readonly descriptor: Descriptor;
  readonly blobs: ReadonlyMap<Digest, Buffer>;
  readonly diffIds: readonly Digest[];
  readonly config: Descriptor;
}

export interface ImageParts {
  /** Uncompressed layers, base first. */
  readonly layers?: readonly Buffer[];
  readonly platform?: Platform;
  readonly gzip?: boolean;
  /** Fields of the config document that replace the usual ones. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Fields of the manifest document that replace the usual ones. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly configType?: string;
  readonly layerType?: string;
}

export function describe(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Makes a whole image of its layers. */
export function makeImage(parts: ImageParts = {}): MadeImage {
  const { layers = [Buffer.alloc(1024)], gzip = false, platform = { os: 'linux', architecture: 'amd64' } } = parts;
  const blobs = new Map<Digest, Buffer>();
  const keep = (mediaType: string, bytes: Buffer): Descriptor => {
    const descriptor = describe(mediaType, bytes);
    blobs.set(descriptor.digest, bytes);
    return descriptor;
  };
  const layerType = parts.layerType ?? (gzip ? MEDIA_TYPE.ociLayerGzip : MEDIA_TYPE.ociLayer);
  const descriptors = layers.map((layer) => keep(layerType, gzip ? gzipSync(layer) : layer));
  const diffIds = layers.map((layer) => digestOf(layer));
  const { os, architecture, variant } = platform;
  const config = keep(
    parts.configType ?? MEDIA_TYPE.ociConfig,
    Buffer.from(
      JSON.stringify({
        architecture,
        os,
        variant,
        config: { Cmd: ['/bin/sh'], Env: ['PATH=/bin'] },
        rootfs: { type: 'layers', diff_ids: diffIds },
        ...parts.config,
      }),
    ),
  );
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config, layers: descriptors };
  const descriptor = keep(MEDIA_TYPE.ociManifest, Buffer.from(JSON.stringify({ ...document, ...parts.manifest })));
  return { descriptor, blobs, diffIds, config };
}

/** Makes an index of these descriptors. */
export function makeIndex(manifests: readonly Descriptor[]): {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
} {
  const bytes = Buffer.from(indexDocument(MEDIA_TYPE.ociIndex, manifests));
  return { descriptor: describe(MEDIA_TYPE.ociIndex, bytes), bytes };
}

/** A source of blobs in memory, which resolves every name to one descriptor. `opened` has the reads in order. */
export function memorySource(
  root: Descriptor | undefined,
  blobs: ReadonlyMap<Digest, Buffer>,
  options: { readonly list?: boolean } = {},
): Source & { readonly opened: Digest[] } {
  const opened: Digest[] = [];
  return {
    label: 'memory',
    opened,
    resolve: async () => root,
    async open(descriptor) {
      opened.push(descriptor.digest);
      const bytes = blobs.get(descriptor.digest);
      if (bytes === undefined) throw new TsimgError('BLOB_NOT_FOUND', 'a blob is missing', { where: 'memory' });
      return Readable.from([bytes]).pipe(verified(descriptor, 'memory'));
    },
    ...(options.list === true ? { list: async () => [] } : {}),
    close: async () => {},
  };
}
