import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { type CopyReport, copyImage } from '../../image/copy.ts';
import { copyGraph, type GraphDocument, readGraph } from '../../image/copy-graph.ts';
import { loadImage } from '../../image/load.ts';
import { type Sink, withSink } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf, isManifestOrIndex } from '../../oci/media-type.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';
import { openConnections } from '../../registry/connections.ts';
import { checkDockerLoads } from '../../sinks/archive.ts';
import { openSink, type SinkSpec } from '../../sinks/open.ts';
import { openRegistrySink } from '../../sinks/registry.ts';
import { checkCompression } from '../../streams/compress/choice.ts';
import { openAnywhere } from '../image/open-image.ts';
import { withRepair } from '../image/repair-stored.ts';
import { atRegistry } from '../image/stored-names.ts';
import { recordNames } from '../image/tag.ts';
import { storePlace } from '../places.ts';
import { openPolicyGate } from '../verify/admit.ts';
import { attachedTag } from '../verify/attached-form.ts';
import { imageOf } from '../verify/loaded-from.ts';
import { checkDigest } from './check-digest.ts';
import {
  checkTarget,
  copyGraphRecompressed,
  copyRecompressed,
  type RecompressChoice,
  type RecompressedCopy,
  type Recompression,
  warnOfDigest,
} from './recompressed-copy.ts';
import { completeSink, type ReachOptions, sinkOptions } from './sink-options.ts';
import { wholeOf } from './whole-of.ts';

/** How an image is copied. */
export interface CopySourceOptions extends ReachOptions, RecompressChoice {
  /** Whether the images of all platforms are copied, with their index. Default: one image. */
  readonly all?: boolean | undefined;
  /** Whether signatures, attestations, SBOMs and other manifests that are attached to the image are copied, too. */
  readonly referrers?: boolean | undefined;
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
  /** The differences where another compression was asked for. */
  readonly recompression?: Recompression | undefined;
}

/** The suffixes of the tags at which cosign keeps the signatures, attestations and SBOMs of an image. */
const TAG_SUFFIXES = ['sig', 'att', 'sbom'] as const;

/** The most referrers of one image, and the most attached manifests in all, that are copied. */
const MAX_REFERRERS = 1000;
const MAX_ATTACHED = 10_000;

function tooManyAttached(where: string, why: string): TsimgError {
  const hint = 'leave out --referrers';
  return new TsimgError('LIMIT_EXCEEDED', 'too many manifests are attached to the image', { where, why, hint });
}

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
    const why = `${referrers.length}, at most ${MAX_REFERRERS} are copied`;
    throw tooManyAttached(`${source.label} ${subject}`, why);
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

/**
 * Copies the manifests that are attached to images, and those that are attached to these, such as the signature of an
 * SBOM. Returns their count. @throws LIMIT_EXCEEDED where they do not end
 */
async function copyAttached(
  source: Source,
  subjects: readonly Digest[],
  sink: Sink,
  { signal, onEvent }: Context,
): Promise<number> {
  let count = 0;
  // A set goes on with what is added while it is read, and has each digest once.
  const all = new Set(subjects);
  for (const subject of all) {
    for await (const { descriptor, tag } of attachedManifests(source, subject, signal)) {
      const graph = await readGraph(source, descriptor, signal);
      // The fetched manifest says to what it refers, never the list.
      if (tag === undefined && subjectOf(graph.documents.at(-1)) !== subject) continue;
      await copyGraph(source, graph, sink, { signal, onEvent });
      await sink.attach?.(subject, descriptor, tag, signal);
      count += 1;
      if (count > MAX_ATTACHED) throw tooManyAttached(source.label, `more than ${MAX_ATTACHED} in all`);
      for (const document of graph.documents) all.add(document.descriptor.digest);
    }
  }
  return count;
}

/** The content to copy, once it is known. */
interface Prepared {
  readonly root: Descriptor;
  /** The digests that may have something attached. */
  readonly subjects: readonly Digest[];
  copyTo(sink: Sink): Promise<CopyReport & Partial<RecompressedCopy>>;
}

interface Opened {
  readonly source: Source;
  readonly name: string | undefined;
  readonly text: string;
  /** The archive that is written, where docker is to load it. */
  readonly docker: string | undefined;
}

/** The image of one platform. */
async function prepareOne({ source, name, text }: Opened, options: CopySourceOptions): Promise<Prepared> {
  const { platform, signal, onEvent } = options;
  const gate = await openPolicyGate(source, options);
  const image = await loadImage(source, { name, platform }, { signal, onEvent });
  await gate(imageOf({ image, source, name: name ?? text }));
  const { descriptor } = image;
  const { compression, requests, limits } = options;
  const concurrency = requests?.concurrency;
  const copyTo: Prepared['copyTo'] = (sink) =>
    compression === undefined
      ? copyImage(image, sink, { concurrency, signal, onEvent })
      : copyRecompressed(image, sink, compression, { concurrency, limits, signal, onEvent });
  return { root: descriptor, subjects: [descriptor.digest], copyTo };
}

/** An index with the images of all platforms, an artifact, or whatever else the name stands for. */
async function prepareAll({ source, name, text, docker }: Opened, options: CopySourceOptions): Promise<Prepared> {
  const { signal, onEvent } = options;
  const gate = await openPolicyGate(source, options);
  const descriptor = await source.resolve(name, signal);
  if (descriptor === undefined) {
    throw new TsimgError('IMAGE_NOT_FOUND', `no image ${name ?? ''}`, {
      where: source.label,
      hint: source.missingHint,
    });
  }
  const root = await wholeOf({ source, name, descriptor }, storePlace(options), signal);
  await gate({ source, label: `${(name ?? text).replace(/@.*$/, '')}@${root.digest}`, digests: [root.digest] });
  const graph = await readGraph(source, root, signal);
  const last = graph.documents.at(-1);
  if (docker !== undefined && last !== undefined) checkDockerLoads(last.descriptor, last.bytes, docker);
  const { compression: choice, requests, limits } = options;
  const concurrency = requests?.concurrency;
  const copyTo: Prepared['copyTo'] = (sink) =>
    choice === undefined
      ? copyGraph(source, graph, sink, { concurrency, signal, onEvent })
      : copyGraphRecompressed(source, graph, sink, { choice, concurrency, limits, signal, onEvent });
  return { root, subjects: graph.documents.map(({ descriptor }) => descriptor.digest), copyTo };
}

function referenceOf(spec: SinkSpec): Reference | undefined {
  if (spec.kind === 'registry') return spec.reference;
  return spec.kind === 'store' ? parseReference(spec.name) : undefined;
}

/** Refuses options that the sink cannot follow, before anything is asked of the source. @throws USAGE */
function checkSink(spec: SinkSpec, options: CopySourceOptions): void {
  const { referrers, compression } = options;
  if (compression !== undefined) checkCompression(compression);
  checkTarget(referenceOf(spec), options);
  if (referrers && compression !== undefined) {
    throw new TsimgError('USAGE', 'what is attached to the image does not belong to it any more', {
      where: '--referrers',
      why: 'an image that is compressed anew has another digest',
      hint: 'leave out --referrers or --compression',
    });
  }
  if (!referrers || spec.kind !== 'docker-archive') return;
  throw new TsimgError('USAGE', 'what is attached to images is not kept there', {
    where: `${spec.kind}:${spec.path}`,
    hint: 'write an oci-archive, or leave out --referrers',
  });
}

/**
 * Copies an image from any SOURCE to any SINK, without the store between them. Digests stay, unless another compression
 * is asked for. Blobs come first, then manifests, then what is attached to them, then the names. Between repositories
 * of one registry, blobs are mounted. What does not come from the store must be accepted by policy.json.
 * @param text a reference, which is taken from the store or else from its registry, or any SOURCE
 * @param sink a reference, `store:REFERENCE`, `oci:PATH[:NAME]`, `oci-archive:FILE[:NAME]`,
 * `docker-archive:FILE[:NAME]`
 * @throws USAGE, IMAGE_NOT_FOUND, BLOB_NOT_FOUND, IMAGE_REJECTED, LIMIT_EXCEEDED, REGISTRY_…, and what the sink throws:
 * DESTINATION_EXISTS for an archive that exists
 * @example
 * await copySource('docker://alpine:3.20', 'docker://localhost:5000/alpine:3.20', { all: true });
 */
export async function copySource(
  text: string,
  sink: string,
  options: CopySourceOptions = {},
): Promise<CopySourceReport> {
  const { signal, onEvent } = options;
  // Damage of the store is told, and not mended: credentials and certificates of the options are for the two places.
  const repairs = { storeRoot: storePlace(options), signal, onEvent };
  using own = openConnections();
  const connected = { ...options, connections: options.connections ?? own };
  return await withRepair([text], repairs, () => copyBy(text, sink, connected));
}

/** Copies by open connections: one registry may be source and sink. */
async function copyBy(text: string, sink: string, options: CopySourceOptions): Promise<CopySourceReport> {
  const { signal, onEvent } = options;
  const spec = await completeSink(sink, options);
  checkSink(spec, options);
  const from = await openAnywhere(text, options, { signal, onEvent });
  const { source, name } = from;
  if (options.referrers && source.label === storePlace(options)) {
    const registry = await atRegistry(from, text);
    const message = `what is attached is copied from the store; what was attached since comes from ${registry}`;
    onEvent?.({ kind: 'warning', message });
  }
  try {
    const docker = spec.kind === 'docker-archive' ? spec.path : undefined;
    const prepare = options.all ? prepareAll : prepareOne;
    const { root, subjects, copyTo } = await prepare({ source, name, text, docker }, options);
    const reference = referenceOf(spec);
    if (reference !== undefined) checkDigest(reference, root.digest);
    const openRegistry = (to: Reference) => openRegistrySink(to, sinkOptions(source, to, options));
    const opened = await openSink(spec, {
      storeRoot: storePlace(options),
      openRegistry,
      replace: options.force,
      signal,
      onEvent,
    });
    return await withSink(opened.sink, async () => {
      const copied = await copyTo(opened.sink);
      const { blobs, reused, bytes, recompression } = copied;
      const { digest } = copied.root ?? root;
      warnOfDigest(root.digest, digest, { onEvent });
      const attached = options.referrers ? await copyAttached(source, subjects, opened.sink, { signal, onEvent }) : 0;
      await opened.sink.publish(copied.root ?? root, opened.names, signal);
      const { names } = opened;
      if (spec.kind === 'store') recordNames(storePlace(options), names);
      return {
        digest,
        names,
        blobs,
        reused,
        bytesTransferred: bytes,
        attached,
        ...(recompression && { recompression }),
      };
    });
  } finally {
    await source.close();
  }
}
