import { type CopyReport, copyImage } from '../../image/copy.ts';
import { copyGraph, type Graph, readGraph } from '../../image/copy-graph.ts';
import { type LoadedImage, loadImage } from '../../image/load.ts';
import { loadMembersOf } from '../../image/load-members.ts';
import type { Sink } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import { type Platform, platformOfNodeArch, platformRank } from '../../oci/platform.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { localDocument, preferLocal } from '../../sources/prefer-local.ts';
import { openRegistrySource, type RegistrySourceOptions } from '../../sources/registry.ts';
import { type Demands, type Gate, openGate } from '../verify/admit.ts';
import type { GoodAttached } from '../verify/verify-image.ts';

/** How an image is pulled. */
export interface PullOptions extends Omit<RegistrySourceOptions, 'known'>, Demands {
  /** The wanted platform. Default: this machine's. */
  readonly platform?: Platform | undefined;
  /**
   * Whether the images of all platforms are pulled, with their index: `platform` has no meaning then. Default false.
   */
  readonly allPlatforms?: boolean | undefined;
  /** The content of the sink as a source, where it can be read: documents that are there are not fetched again. */
  readonly local?: Source | undefined;
}

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

/** The content that a pull will copy, before anything is written. */
export interface PreparedPull {
  /** The complete reference. */
  readonly name: string;
  readonly source: Source;
  /** The document that the reference stands for. */
  readonly resolved: Descriptor;
  /** The images that are pulled: one, or those of all platforms, this machine's first. */
  readonly images: readonly [LoadedImage, ...LoadedImage[]];
  /** All that the reference leads to; undefined where the image of one platform is pulled. */
  readonly graph: Graph | undefined;
  /** The good signatures of the named signer. */
  readonly signatures: readonly GoodAttached[];
}

/** This machine's platform first: its image stands for all in a report. */
function ownFirst(images: readonly LoadedImage[]): readonly LoadedImage[] {
  const own = platformOfNodeArch(process.arch);
  const rank = ({ config }: LoadedImage) => platformRank(own, config.platform) ?? Number.MAX_SAFE_INTEGER;
  return images.toSorted((a, b) => rank(a) - rank(b));
}

interface Asked {
  readonly registry: Source;
  readonly source: Source;
  readonly reference: Reference;
  readonly gate: Gate;
}

async function prepareAll(asked: Asked, options: PullOptions): Promise<PreparedPull | undefined> {
  const { registry, source, reference, gate } = asked;
  const { signal, onEvent } = options;
  const name = formatReference(reference);
  const resolved = await source.resolve(reference.digest ?? reference.tag, signal);
  // Loading the image says what is missing; a single manifest has no other platforms.
  if (resolved === undefined || documentKindOf(resolved.mediaType) !== 'index') return undefined;
  onEvent?.({ kind: 'resolved', name, digest: resolved.digest });
  const graph = await readGraph(source, resolved, signal);
  const indexes = graph.documents.filter(({ descriptor }) => descriptor.digest === resolved.digest);
  const members = (await loadMembersOf(source, resolved, { signal })).map((image) => ({ ...image, indexes }));
  const signatures: GoodAttached[] = [];
  for (const image of members) signatures.push(...(await gate.admit({ image, source: registry, name })));
  const [first, ...others] = ownFirst(members);
  return first && { name, source, resolved, images: [first, ...others], graph, signatures };
}

async function prepareOne(asked: Asked, options: PullOptions): Promise<PreparedPull> {
  const { registry, source, reference, gate } = asked;
  const { platform, signal, onEvent } = options;
  const name = formatReference(reference);
  const image = await loadImage(source, { name: reference.digest ?? reference.tag, platform }, { signal, onEvent });
  onEvent?.({ kind: 'resolved', name, digest: image.resolved.digest });
  const signatures = await gate.admit({ image, source: registry, name });
  return { name, source, resolved: image.resolved, images: [image], graph: undefined, signatures };
}

/** Whether a store has an image of a repository, so that a tag may stand for a document that it has. */
async function hasRepository(local: Source, reference: Reference, signal?: AbortSignal): Promise<boolean> {
  const bare = formatReference({ ...reference, tag: undefined, digest: undefined });
  const images = (await local.list?.(signal)) ?? [];
  return images.some(({ name }) => name?.startsWith(`${bare}:`) || name?.startsWith(`${bare}@`));
}

/**
 * Asks the registry what a pull would copy, and whether the image is let in, and calls `use` with the answer. Documents
 * are fetched, layers are not.
 * @throws as `pullImage`
 */
export async function preparePull<T>(
  reference: Reference,
  options: PullOptions,
  use: (prepared: PreparedPull, registry: Source) => Promise<T>,
): Promise<T> {
  const { local, signal } = options;
  // A HEAD would be a round trip for nothing where the store has no image of the repository.
  const known =
    local !== undefined && (await hasRepository(local, reference, signal))
      ? async (descriptor: Descriptor) => (await localDocument(local, descriptor, signal)) !== undefined
      : undefined;
  const registry = openRegistrySource(reference, { ...options, known });
  try {
    const gate = await openGate(registry, options);
    const source = local === undefined ? registry : preferLocal(registry, local);
    const asked = { registry, source, reference, gate };
    const all = options.allPlatforms ? await prepareAll(asked, options) : undefined;
    return await use(all ?? (await prepareOne(asked, options)), registry);
  } finally {
    await registry.close();
  }
}

async function copyPrepared(prepared: PreparedPull, sink: Sink, options: PullOptions): Promise<CopyReport> {
  const { name, source, graph, images } = prepared;
  const { signal, onEvent, requests } = options;
  const common = { names: [name], concurrency: requests?.concurrency, signal, onEvent };
  if (graph !== undefined) return copyGraph(source, graph, sink, common);
  const [image] = images;
  for (const index of image.indexes) {
    if (!(await sink.has(index.descriptor, signal))) await sink.write(index.descriptor, index.bytes, signal);
  }
  return copyImage(image, sink, { ...common, descriptor: published(image) });
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
  return await preparePull(reference, options, async (prepared, registry) => {
    const { name, resolved, images, graph, signatures } = prepared;
    const { signal, onEvent } = options;
    const { blobs, reused, bytes } = await copyPrepared(prepared, sink, options);
    if (signatures.length > 0) {
      const { keepSignatures } = await import('../verify/keep-signatures.ts');
      await keepSignatures(signatures, registry, sink, { signal, onEvent });
    }
    const [{ descriptor, manifest, config }] = images;
    return {
      reference: name,
      digest: resolved.digest,
      manifestDigest: descriptor.digest,
      imageId: manifest.config.digest,
      platforms: (graph === undefined ? [config] : images.map((image) => image.config)).map(({ platform }) => platform),
      blobs,
      reused,
      bytesTransferred: bytes,
    };
  });
}
