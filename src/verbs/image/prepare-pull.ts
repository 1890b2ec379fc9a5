import { imagesOf } from '../../image/choose-platform.ts';
import { type Graph, readGraph } from '../../image/copy-graph.ts';
import { type FoundImage, findImage, type LoadedImage, loadFound } from '../../image/load.ts';
import { loadMembersOf } from '../../image/load-members.ts';
import type { Source } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import { type Platform, platformOfNodeArch, platformRank } from '../../oci/platform.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { localDocument, preferLocal } from '../../sources/prefer-local.ts';
import { openRegistrySource, type RegistrySourceOptions } from '../../sources/registry.ts';
import { type Demands, type Gate, openGate } from '../verify/admit.ts';
import type { GoodAttached } from '../verify/verify-image.ts';

// What a pull asks before it copies anything: which image is meant, and whether the image is let in.

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

/** A repository that an image is pulled from, and the checks that the image must pass. */
export interface Asked {
  /** The registry alone, which has the signatures. */
  readonly registry: Source;
  /** The store where there is one, then the registry. */
  readonly source: Source;
  readonly reference: Reference;
  /** The complete reference. */
  readonly name: string;
  readonly gate: Gate;
}

/** Images that are let in, with their configs. */
export interface AdmittedImages {
  /** The document that the reference stands for. */
  readonly resolved: Descriptor;
  /** One image, or those of all platforms, this machine's first. */
  readonly images: readonly [LoadedImage, ...LoadedImage[]];
  /** All that the reference leads to; undefined where the image of one platform is pulled. */
  readonly graph?: Graph | undefined;
  /** The good signatures of the named signer. */
  readonly signatures: readonly GoodAttached[];
}

/** This machine's platform first: its image stands for all in a report. */
function ownFirst(images: readonly LoadedImage[]): readonly LoadedImage[] {
  const own = platformOfNodeArch(process.arch);
  const rank = ({ config }: LoadedImage) => platformRank(own, config.platform) ?? Number.MAX_SAFE_INTEGER;
  return images.toSorted((a, b) => rank(a) - rank(b));
}

/** What indexes list as images. Some are none, or cannot be unpacked: these are copied too, and so must be let in. */
function listedBy({ documents }: Graph, where: string): Iterable<Descriptor> {
  const listed = documents
    .filter(({ descriptor }) => documentKindOf(descriptor.mediaType) === 'index')
    .flatMap(({ descriptor, bytes }) => imagesOf(parseImageIndex(bytes, descriptor.mediaType, where)))
    .filter(({ mediaType }) => documentKindOf(mediaType) !== 'index');
  return new Map(listed.map((descriptor) => [descriptor.digest, descriptor])).values();
}

/**
 * Admits the images of all platforms; undefined where the reference stands for one image, or for none.
 * @throws BLOB_NOT_FOUND, FORMAT_UNSUPPORTED, DOCUMENT_INVALID, LIMIT_EXCEEDED, IMAGE_REJECTED, SIGNATURE_MISSING,
 * SIGNATURE_INVALID, REGISTRY_…, AUTHENTICATION_…
 */
export async function admitAll(
  { registry, source, reference, name, gate }: Asked,
  { signal, onEvent }: PullOptions,
): Promise<(AdmittedImages & { readonly graph: Graph }) | undefined> {
  const resolved = await source.resolve(reference.digest ?? reference.tag, signal);
  // Loading the image says what is missing; a single manifest has no other platforms.
  if (resolved === undefined || documentKindOf(resolved.mediaType) !== 'index') return undefined;
  onEvent?.({ kind: 'resolved', name, digest: resolved.digest });
  const graph = await readGraph(source, resolved, signal);
  const indexes = graph.documents.filter(({ descriptor }) => descriptor.digest === resolved.digest);
  const signatures: GoodAttached[] = [];
  for (const descriptor of listedBy(graph, name)) {
    const image = { descriptor, indexes, resolved };
    signatures.push(...(await gate.admit({ image, source: registry, name })));
  }
  const members = (await loadMembersOf(source, resolved, { signal })).map((image) => ({ ...image, indexes }));
  const [first, ...others] = ownFirst(members);
  return first && { resolved, images: [first, ...others], graph, signatures };
}

/** An image of one platform that is let in, and whose config is still to be read. */
export interface AdmittedManifest {
  readonly found: FoundImage;
  readonly signatures: readonly GoodAttached[];
  /** Reads the config, and checks it. @throws as `loadFound` */
  load(signal: AbortSignal | undefined): Promise<LoadedImage>;
}

/**
 * Admits the image of one platform.
 * @throws as `findImage`; IMAGE_REJECTED, SIGNATURE_MISSING, SIGNATURE_INVALID, REGISTRY_…, AUTHENTICATION_…
 */
export async function admitOne(
  { registry, source, reference, name, gate }: Asked,
  { platform, signal, onEvent }: PullOptions,
): Promise<AdmittedManifest> {
  const found = await findImage(source, { name: reference.digest ?? reference.tag, platform }, { signal });
  onEvent?.({ kind: 'resolved', name, digest: found.resolved.digest });
  const signatures = await gate.admit({ image: found, source: registry, name });
  return { found, signatures, load: (own) => loadFound(source, found, { name, platform }, { signal: own, onEvent }) };
}

/** Whether a store has an image of a repository, so that a tag may stand for a document that it has. */
async function hasRepository(local: Source, reference: Reference, signal?: AbortSignal): Promise<boolean> {
  const bare = formatReference({ ...reference, tag: undefined, digest: undefined });
  const images = (await local.list?.(signal)) ?? [];
  return images.some(({ name }) => name?.startsWith(`${bare}:`) || name?.startsWith(`${bare}@`));
}

/**
 * Opens the repository of a pull, and closes it after the use.
 * @throws REFERENCE_INVALID, POLICY_INVALID, KEY_INVALID, TRUST_ROOT_INVALID, USAGE, SOURCE_NOT_FOUND, FILESYSTEM, and
 * the errors of `use`
 */
export async function withRepository<T>(
  reference: Reference,
  options: PullOptions,
  use: (asked: Asked) => Promise<T>,
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
    return await use({ registry, source, reference, name: formatReference(reference), gate });
  } finally {
    await registry.close();
  }
}
