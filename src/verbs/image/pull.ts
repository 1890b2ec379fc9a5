import { type CopyReport, copyBlobs, type Job } from '../../image/copy.ts';
import { copyGraph } from '../../image/copy-graph.ts';
import type { LoadedImage } from '../../image/load.ts';
import { openerOf } from '../../image/open-from.ts';
import { type Sink, writeUnlessThere } from '../../image/sink.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import type { Reference } from '../../oci/reference.ts';
import {
  type AdmittedImages,
  type Asked,
  admitAll,
  admitOne,
  type PullOptions,
  withRepository,
} from './prepare-pull.ts';

/** The result of a pull. */
export interface PullReport {
  /** The complete reference: `docker.io/library/alpine:3.19`. */
  readonly reference: string;
  /** The digest that the reference stands for: of the index, where there is one. Pin this one. */
  readonly digest: Digest;
  /** The digest of the manifest for the platform; of all platforms, of this machine's or else the first. */
  readonly manifestDigest: Digest;
  /** The digest of the config. */
  readonly imageId: Digest;
  /** The platforms of the images that were pulled. */
  readonly platforms: readonly Platform[];
  /** Layers and config, each digest once. */
  readonly blobs: number;
  /** How many of these blobs the sink had before. */
  readonly reused: number;
  /** Bytes that came over the network for the other blobs: what an earlier pull has left of them does not count. */
  readonly bytesTransferred: number;
}

/**
 * Returns the descriptor to publish: the manifest's, with the digest of the index that the name has at the registry,
 * and with the platform, by which images of one index are told apart.
 */
function published({ descriptor, resolved, config }: LoadedImage): Descriptor {
  if (descriptor.digest === resolved.digest) return descriptor;
  const platform = descriptor.platform ?? (config.platform.architecture === '' ? undefined : config.platform);
  return {
    ...descriptor,
    platform,
    annotations: { ...descriptor.annotations, [ANNOTATION.chosenFrom]: resolved.digest },
  };
}

/** The images that a pull has copied. */
interface Pulled extends AdmittedImages {
  readonly report: CopyReport;
}

/**
 * Copies the image of one platform. Its layers are on their way while its config is read, as with docker and
 * containerd: that saves a round trip. The config is read first where it alone can tell that the image is for the
 * wanted platform, and where the sink has it.
 */
async function pullOne(asked: Asked, sink: Sink, options: PullOptions): Promise<Pulled> {
  const { platform, requests, signal, onEvent } = options;
  const { found, signatures, load } = await admitOne(asked, options);
  const { manifest, resolved } = found;
  const isConfigFirst = (!found.labelled && platform !== undefined) || (await sink.has(manifest.config, signal));
  let image = isConfigFirst ? await load(signal) : undefined;
  for (const index of found.indexes) await writeUnlessThere(index, sink, signal);
  const readConfig = async (own: AbortSignal) => {
    image ??= await load(own);
    return image.raw.config;
  };
  const config: Job = { descriptor: manifest.config, content: readConfig };
  const layers = manifest.layers.map((layer) => ({ descriptor: layer, content: openerOf(asked.source, layer) }));
  const report = await copyBlobs([config, ...layers], sink, { concurrency: requests?.concurrency, signal, onEvent });
  // The job of a layer with the same digest takes the place of the config's
  image ??= await load(signal);
  await writeUnlessThere(found, sink, signal);
  await sink.publish(published(image), [asked.name], signal);
  return { resolved, images: [image], signatures, report };
}

/** Copies the images of all platforms, with their index; undefined where the reference stands for one image. */
async function pullAll(asked: Asked, sink: Sink, options: PullOptions): Promise<Pulled | undefined> {
  const admitted = await admitAll(asked, options);
  if (admitted === undefined) return undefined;
  const { requests, signal, onEvent } = options;
  const common = { names: [asked.name], concurrency: requests?.concurrency, signal, onEvent };
  return { ...admitted, report: await copyGraph(asked.source, admitted.graph, sink, common) };
}

/**
 * Pulls an image of one platform, or of all, from its registry into a sink: a few blobs at a time, without those that
 * the sink has, and the name last. The index that the image was chosen from is stored too. Size and digest of
 * everything are verified. The caller closes the sink. {@link pullToStore} pulls into the local store.
 * @throws IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, DIGEST_MISMATCH, SIZE_MISMATCH, REGISTRY_…, AUTHENTICATION_…, and the
 * errors of the sink
 * @example
 * const sink = await openOciLayoutSink('./layout');
 * const { digest } = await pullImage(parseReference('alpine:3.19'), sink);
 * await sink.close();
 */
export async function pullImage(reference: Reference, sink: Sink, options: PullOptions = {}): Promise<PullReport> {
  return await withRepository(reference, options, async (asked) => {
    const { signal, onEvent } = options;
    const all = options.allPlatforms ? await pullAll(asked, sink, options) : undefined;
    const { resolved, images, graph, signatures, report } = all ?? (await pullOne(asked, sink, options));
    if (signatures.length > 0) {
      const { keepSignatures } = await import('../verify/keep-signatures.ts');
      await keepSignatures(signatures, asked.registry, sink, { signal, onEvent });
    }
    const [{ descriptor, manifest, config }] = images;
    return {
      reference: asked.name,
      digest: resolved.digest,
      manifestDigest: descriptor.digest,
      imageId: manifest.config.digest,
      platforms: (graph === undefined ? [config] : images.map((image) => image.config)).map(({ platform }) => platform),
      blobs: report.blobs,
      reused: report.reused,
      bytesTransferred: report.bytes,
    };
  });
}
