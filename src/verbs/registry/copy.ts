import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { type CopyReport, copyImage } from '../../image/copy.ts';
import { copyGraph, type GraphDocument, readGraph } from '../../image/copy-graph.ts';
import { loadImage } from '../../image/load.ts';
import type { Sink } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf, isManifestOrIndex } from '../../oci/media-type.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';
import type { RegistryOptions } from '../../registry/session.ts';
import { openSink, parseSinkSpec, type SinkSpec } from '../../sinks/open.ts';
import { openRegistrySink, type RegistrySinkOptions } from '../../sinks/registry.ts';
import { type ImageOptions, openAnywhere } from '../image/open-image.ts';
import { storePlace } from '../places.ts';
import { openPolicyGate } from '../verify/admit.ts';
import { attachedTag } from '../verify/attached-to.ts';
import { imageOf } from '../verify/loaded-from.ts';
import { checkDigest } from './check-digest.ts';

/** How an image is copied. */
export interface CopySourceOptions extends ImageOptions, Omit<RegistrySinkOptions, 'documentLimit' | 'mountFrom'> {
  /** Whether the images of all platforms are copied, with their index. Default: one image. */
  readonly all?: boolean | undefined;
  /** Whether what is attached to the image is copied, too: signatures, attestations, SBOMs. */
  readonly referrers?: boolean | undefined;
  /**
   * How the destination's registry is reached. The same options beside it are for the source's registry, and for the
   * destination's only where the source is none.
   */
  readonly destination?: Pick<RegistryOptions, 'tlsVerify' | 'certDir' | 'credentials' | 'trustedRealms'> | undefined;
}

/** The result of a copy. */
export interface CopySourceReport {
  /** The digest that the destination has: of the index, where all platforms were copied. */
  readonly digest: Digest;
  /** The names at the destination. */
  readonly names: readonly string[];
  readonly blobs: number;
  readonly reused: number;
  readonly bytesTransferred: number;
  /** How many attached manifests were copied. */
  readonly attached: number;
}

/** The tags at which cosign keeps what belongs to an image. */
const TAG_SUFFIXES = ['sig', 'att', 'sbom'] as const;

/** As many referrers of one image are copied. */
const MAX_REFERRERS = 1000;

/**
 * The attached manifests of one image: referrers, and those at cosign's tags. @throws LIMIT_EXCEEDED for more referrers
 * than any image has
 */
async function* attachedManifests(
  source: Source,
  subject: Digest,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly descriptor: Descriptor; readonly tag: string | undefined }> {
  const referrers = (await source.referrers?.(subject, signal)) ?? [];
  if (referrers.length > MAX_REFERRERS) {
    throw new TsimgError('LIMIT_EXCEEDED', 'too many manifests are attached to the image', {
      where: `${source.label} ${subject}`,
      why: `${referrers.length}, at most ${MAX_REFERRERS} are copied`,
      hint: 'leave out --referrers',
    });
  }
  for (const descriptor of referrers) {
    if (isManifestOrIndex(descriptor.mediaType)) yield { descriptor, tag: undefined };
  }
  for (const suffix of TAG_SUFFIXES) {
    const tag = attachedTag(subject, suffix);
    const descriptor = await source.attached?.(tag, signal);
    if (descriptor !== undefined) yield { descriptor, tag };
  }
}

/** The digest that a manifest or index refers to. @throws DOCUMENT_INVALID */
function subjectOf(document: GraphDocument | undefined): Digest | undefined {
  if (document === undefined) return undefined;
  const { bytes, descriptor } = document;
  const parse = documentKindOf(descriptor.mediaType) === 'index' ? parseImageIndex : parseManifest;
  return parse(bytes, descriptor.mediaType, descriptor.digest).subject?.digest;
}

/** Copies what is attached to images, and returns how many manifests these are. */
async function copyAttached(
  source: Source,
  subjects: readonly Digest[],
  sink: Sink,
  { signal, onEvent }: Context,
): Promise<number> {
  let count = 0;
  for (const subject of subjects) {
    for await (const { descriptor, tag } of attachedManifests(source, subject, signal)) {
      const graph = await readGraph(source, descriptor, signal);
      // The fetched manifest says to what it refers, never the list.
      if (tag === undefined && subjectOf(graph.documents.at(-1)) !== subject) continue;
      await copyGraph(source, graph, sink, { signal, onEvent });
      await sink.attach?.(subject, descriptor, tag, signal);
      count += 1;
    }
  }
  return count;
}

/** What is to be copied, once it is known. */
interface Prepared {
  readonly root: Descriptor;
  /** The digests that may have something attached. */
  readonly subjects: readonly Digest[];
  copyTo(sink: Sink): Promise<CopyReport>;
}

interface Opened {
  readonly source: Source;
  readonly name: string | undefined;
  readonly text: string;
}

/** The image of one platform. */
async function prepareOne({ source, name, text }: Opened, options: CopySourceOptions): Promise<Prepared> {
  const { platform, signal, onEvent } = options;
  const gate = await openPolicyGate(source, options);
  const image = await loadImage(source, { name, platform }, { signal, onEvent });
  await gate(imageOf({ image, source, name: name ?? text }));
  const { descriptor } = image;
  const copyTo = (sink: Sink) => copyImage(image, sink, { signal, onEvent });
  return { root: descriptor, subjects: [descriptor.digest], copyTo };
}

/** An index with the images of all platforms, an artifact, or whatever else the name stands for. */
async function prepareAll({ source, name, text }: Opened, options: CopySourceOptions): Promise<Prepared> {
  const { signal, onEvent } = options;
  const gate = await openPolicyGate(source, options);
  const root = await source.resolve(name, signal);
  if (root === undefined) {
    throw new TsimgError('IMAGE_NOT_FOUND', `no image ${name ?? ''}`, {
      where: source.label,
      hint: source.missingHint,
    });
  }
  await gate({ source, label: `${(name ?? text).replace(/@.*$/, '')}@${root.digest}`, digests: [root.digest] });
  const graph = await readGraph(source, root, signal);
  const copyTo = (sink: Sink) => copyGraph(source, graph, sink, { signal, onEvent });
  return { root, subjects: graph.documents.map(({ descriptor }) => descriptor.digest), copyTo };
}

/** The repository that blobs may be mounted from: the source's, where it is one of the same registry. */
function mountFrom({ place }: Source, { registry }: Reference): string | undefined {
  return place?.transport === 'docker' && place.reference.registry === registry
    ? place.reference.repository
    : undefined;
}

/**
 * How the sink's registry is reached. What is said of the source's registry, credentials above all, does not hold for
 * another one.
 */
function sinkOptions(source: Source, to: Reference, options: CopySourceOptions): RegistrySinkOptions {
  const { authFile, env, retry, timeouts, chunkSize, signal, onEvent, destination } = options;
  const common = { authFile, env, retry, timeouts, chunkSize, signal, onEvent, mountFrom: mountFrom(source, to) };
  if (source.place?.transport === 'docker') return { ...common, ...destination };
  const { tlsVerify, certDir, credentials, trustedRealms } = options;
  return { ...common, tlsVerify, certDir, credentials, trustedRealms, ...destination };
}

function referenceOf(spec: SinkSpec): Reference | undefined {
  if (spec.kind === 'registry') return spec.reference;
  return spec.kind === 'store' ? parseReference(spec.name) : undefined;
}

/** @throws USAGE for what a sink does not keep, before anything is asked of the source */
function checkSink(spec: SinkSpec, { referrers }: CopySourceOptions): void {
  if (!referrers || spec.kind === 'registry' || spec.kind === 'store') return;
  throw new TsimgError('USAGE', 'what is attached to images is not kept there', {
    where: `${spec.kind}:${spec.path}`,
    hint: 'copy it to a registry or the store, or leave out --referrers',
  });
}

/**
 * Copies an image from any SOURCE to any SINK, without the store between them. Digests stay. Blobs come first, then
 * manifests, then what is attached to them, then the names. Between repositories of one registry, blobs are mounted.
 * What does not come from the store must be accepted by policy.json.
 * @param text a reference, which is taken from the store or else from its registry, or any SOURCE
 * @param sink a reference, `store:REFERENCE`, `oci:PATH[:NAME]`, `oci-archive:FILE[:NAME]`, `docker-archive:FILE[:NAME]`
 * @throws USAGE, IMAGE_NOT_FOUND, BLOB_NOT_FOUND, IMAGE_REJECTED, LIMIT_EXCEEDED, REGISTRY_…, and what the sink throws
 * @example
 * await copySource('docker://alpine:3.20', 'docker://localhost:5000/alpine:3.20', { all: true });
 */
export async function copySource(
  text: string,
  sink: string,
  options: CopySourceOptions = {},
): Promise<CopySourceReport> {
  const { signal, onEvent } = options;
  const spec = parseSinkSpec(sink);
  checkSink(spec, options);
  const { source, name } = await openAnywhere(text, options, { signal, onEvent });
  try {
    const { root, subjects, copyTo } = await (options.all ? prepareAll : prepareOne)({ source, name, text }, options);
    const reference = referenceOf(spec);
    if (reference !== undefined) checkDigest(reference, root.digest);
    const openRegistry = (to: Reference) => openRegistrySink(to, sinkOptions(source, to, options));
    const opened = await openSink(spec, { storeRoot: storePlace(options), openRegistry, signal });
    try {
      const { blobs, reused, bytes } = await copyTo(opened.sink);
      const attached = options.referrers ? await copyAttached(source, subjects, opened.sink, { signal, onEvent }) : 0;
      await opened.sink.publish(root, opened.names, signal);
      await opened.sink.close();
      return { digest: root.digest, names: opened.names, blobs, reused, bytesTransferred: bytes, attached };
    } catch (error) {
      // The first error is the one to tell.
      await (opened.sink.abort ?? opened.sink.close)().catch(() => undefined);
      throw error;
    }
  } finally {
    await source.close();
  }
}
