import type { ImageLimits } from '../../disk/unpack-options.ts';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { Image, Layer } from '../../image/image.ts';
import { mayBeRightElsewhere } from '../../image/open-from.ts';
import { remadeImage } from '../../image/remade.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { isLayerMediaType, MEDIA_TYPE } from '../../oci/media-type.ts';
import { createByteBudget, withinBudget } from '../../streams/byte-budget.ts';
import type { CompressionChoice, LayerCompression } from '../../streams/compress/choice.ts';
import { counted } from '../../streams/counted.ts';
import { compressionOf, MAGIC_BYTES } from '../../streams/decompress/compression.ts';
import { decompressed } from '../../streams/decompress/decompress.ts';
import { peeked } from '../../streams/peeked.ts';
import { type LayerFile, writeLayerFile } from './layer-file.ts';

/** A layer that is stored in another form than before. */
export interface RecompressedLayer {
  readonly diffId: Digest;
  /** The digests and sizes of the blobs. */
  readonly from: Pick<Descriptor, 'digest' | 'size'>;
  readonly to: Pick<Descriptor, 'digest' | 'size'>;
}

/** An image whose layers lie in temporary files where they are stored in another form; they end with `await using`. */
export interface RecompressedImage extends AsyncDisposable {
  /** The image as it was, where all layers were as they were asked for. */
  readonly image: Image;
  readonly changed: readonly RecompressedLayer[];
}

export interface RecompressOptions extends Context {
  readonly limits?: ImageLimits | undefined;
}

const DOCKER_TYPE: Readonly<Record<LayerCompression, string | undefined>> = {
  gzip: MEDIA_TYPE.dockerLayerGzip,
  none: MEDIA_TYPE.dockerLayer,
  // Docker's manifest has no type for it.
  zstd: undefined,
};

/** Annotations that speak of the bytes of a blob: of eStargz, and of zstd:chunked. */
const OF_BYTES =
  /^(containerd\.io\/snapshot\/stargz\/|io\.containers\.estargz\.|io\.github\.containers\.zstd-chunked\.)/;

/** Layers that are recompressed at a time. */
const CONCURRENCY = 2;

function typeSays(mediaType: string): LayerCompression {
  return /zstd$/.test(mediaType) ? 'zstd' : /gzip$/.test(mediaType) ? 'gzip' : 'none';
}

/** A layer, and its number among those of an image. */
interface LayerJob {
  readonly layer: Layer;
  readonly index: number;
  readonly count: number;
}

/** Stores a layer in another form; undefined where it is stored so already. */
async function recompressOnce(
  { layer, index, count }: LayerJob,
  choice: CompressionChoice,
  { limits, signal, onEvent }: RecompressOptions,
): Promise<LayerFile | undefined> {
  const { descriptor, diffId, where = descriptor.digest } = layer;
  const isForeign = (descriptor.urls?.length ?? 0) > 0;
  if (isForeign || !isLayerMediaType(descriptor.mediaType) || typeSays(descriptor.mediaType) === choice.kind) {
    return undefined;
  }
  const blob = await layer.open(signal);
  const { head, whole } = await peeked(blob, MAGIC_BYTES);
  // Media types are often wrong.
  if (compressionOf(head) === choice.kind) {
    blob.destroy();
    return undefined;
  }
  const { size } = descriptor;
  onEvent?.({ kind: 'layer-started', diffId, index, count, size });
  const budget = createByteBudget(limits);
  let done = 0;
  const taken = (bytes: number) => {
    budget.taken(bytes);
    done += bytes;
    onEvent?.({ kind: 'layer-progress', diffId, done, size });
  };
  const tar = withinBudget(decompressed(counted(whole, taken), { where }), budget, where);
  const made = await writeLayerFile([tar], choice, signal);
  if (made.diffId === diffId) {
    const { digest, size: to } = made.descriptor;
    onEvent?.({ kind: 'layer-compressed', diffId, digest, from: size, to });
    return made;
  }
  await made[Symbol.asyncDispose]();
  throw new TsimgError('DIFF_ID_MISMATCH', 'a layer is not the one that the image lists', {
    where,
    why: `expected ${diffId}, found ${made.diffId}`,
    hint: 'the image was damaged, or put together wrongly: get it again',
    facts: { expected: diffId, found: made.diffId },
  });
}

/** As {@link recompressOnce}; content that turns out wrong is asked of another host once. */
async function recompressLayer(
  job: LayerJob,
  choice: CompressionChoice,
  options: RecompressOptions,
): Promise<LayerFile | undefined> {
  try {
    return await recompressOnce(job, choice, options);
  } catch (error) {
    if (!(await mayBeRightElsewhere(job.layer, error))) throw error;
    return await recompressOnce(job, choice, options);
  }
}

/** The descriptor of a layer in its new form. */
function descriptorOf(old: Descriptor, { descriptor }: LayerFile, type: string | undefined): Descriptor {
  const kept = Object.entries(old.annotations ?? {}).filter(([name]) => !OF_BYTES.test(name));
  return {
    ...descriptor,
    mediaType: type ?? descriptor.mediaType,
    ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }),
  };
}

/**
 * Returns an image whose layers are stored in another form: what their tars hold stays, and so do their diff IDs, which
 * are checked. Layers that are stored so already are left as they are, foreign ones too. Docker's manifest becomes
 * OCI's where zstd is asked for. The image's digest changes where a layer does.
 * @throws DIFF_ID_MISMATCH, COMPRESSION_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED, HOST_UNSUPPORTED, FILESYSTEM, and
 * the errors of the layers
 */
export async function recompressImage(
  image: Image,
  choice: CompressionChoice,
  options: RecompressOptions,
): Promise<RecompressedImage> {
  const isDocker = image.manifest.mediaType === MEDIA_TYPE.dockerManifest;
  const type = isDocker ? DOCKER_TYPE[choice.kind] : undefined;
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  // The same layer may stand twice in an image.
  const unique = new Map(image.layers.map((layer) => [layer.descriptor.digest, layer] as const));
  const files = new Map<Digest, LayerFile>();
  const queue = [...unique.values()].entries();
  const close = async () => {
    for (const file of files.values()) await file[Symbol.asyncDispose]();
  };
  let failure: { readonly error: unknown } | undefined;
  const work = async () => {
    for (const [index, layer] of queue) {
      try {
        const file = await recompressLayer({ layer, index, count: unique.size }, choice, { ...options, signal });
        if (file !== undefined) files.set(layer.descriptor.digest, file);
      } catch (error) {
        failure ??= { error };
        stop.abort();
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  if (failure !== undefined) {
    await close();
    throw failure.error;
  }
  const changed: RecompressedLayer[] = [];
  const layers = image.layers.map((layer): Layer => {
    const file = files.get(layer.descriptor.digest);
    if (file === undefined) return layer;
    const descriptor = descriptorOf(layer.descriptor, file, type);
    const { digest, size } = layer.descriptor;
    changed.push({
      diffId: layer.diffId,
      from: { digest, size },
      to: { digest: descriptor.digest, size: descriptor.size },
    });
    return { descriptor, diffId: layer.diffId, where: layer.where, open: file.open };
  });
  const made = changed.length === 0 ? image : remadeImage(image, { layers });
  return { image: made, changed, [Symbol.asyncDispose]: close };
}
