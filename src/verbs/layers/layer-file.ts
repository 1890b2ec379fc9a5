import type { FileHandle } from 'node:fs/promises';
import type { Duplex, Readable } from 'node:stream';
import type { Layer } from '../../image/image.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import type { CompressionChoice, LayerCompression } from '../../streams/compress/choice.ts';
import { compressing } from '../../streams/compress/compress.ts';
import { hashing } from '../../streams/hashing.ts';
import { pump } from '../../streams/pump.ts';
import { readSection } from '../../streams/read-section.ts';
import { openTemporaryFile, writeTemporary } from '../../sys/file/temporary.ts';

/** A layer in a file, which is closed at the end of the `await using`. */
export interface LayerFile extends Layer, AsyncDisposable {}

/** OCI's media types of layers. OCI image spec, media-types.md. */
export const LAYER_TYPE: Readonly<Record<LayerCompression, string>> = {
  gzip: MEDIA_TYPE.ociLayerGzip,
  zstd: MEDIA_TYPE.ociLayerZstd,
  none: MEDIA_TYPE.ociLayer,
};

/** Returns a layer of which an open file holds the blob. It closes the file. */
export function layerOf(file: FileHandle, parts: Pick<Layer, 'descriptor' | 'diffId' | 'where'>): LayerFile {
  // A stream of node:fs would close the file when its reader fails.
  const open = async (signal?: AbortSignal) => readSection(file, 0, parts.descriptor.size, signal);
  return { ...parts, open, [Symbol.asyncDispose]: () => file.close() };
}

/**
 * Writes a tar into a temporary file, as a compressed layer.
 * @param chain the tar, or streams that end with it
 * @throws the errors of the streams; HOST_UNSUPPORTED, FILESYSTEM
 */
export async function writeLayerFile(
  chain: readonly [Readable, ...Duplex[]],
  compression: CompressionChoice,
  signal?: AbortSignal,
): Promise<LayerFile> {
  const [tar, stored] = [hashing(), hashing()];
  const compressors = compressing(compression);
  const file = await openTemporaryFile();
  try {
    await pump([...chain, tar.stream, ...compressors, stored.stream], (chunk) => writeTemporary(file, chunk), signal);
    const descriptor: Descriptor = {
      mediaType: LAYER_TYPE[compression.kind],
      digest: stored.digest(),
      size: stored.size(),
    };
    return layerOf(file, { descriptor, diffId: tar.digest() });
  } catch (error) {
    await file.close();
    throw error;
  }
}
