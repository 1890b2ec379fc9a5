import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { type CopyReport, copyImage } from '../../image/copy.ts';
import { copyGraph, readGraph } from '../../image/copy-graph.ts';
import { loadImage } from '../../image/load.ts';
import type { Sink } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import type { Reference } from '../../oci/reference.ts';
import { openSink, parseSinkSpec } from '../../sinks/open.ts';
import { openRegistrySink, type RegistrySinkOptions } from '../../sinks/registry.ts';
import { type ImageOptions, openAnywhere } from '../image/open-image.ts';
import { storePlace } from '../places.ts';
import { openPolicyGate } from '../verify/admit.ts';
import { attachedTag } from '../verify/attached-to.ts';
import { imageOf } from '../verify/loaded-from.ts';

/** How an image is copied. */
export interface CopySourceOptions extends ImageOptions, Omit<RegistrySinkOptions, 'documentLimit' | 'mountFrom'> {
  /** Whether the images of all platforms are copied, with their index. Default: one image. */
  readonly all?: boolean | undefined;
  /** Whether what is attached to the image is copied, too: signatures, attestations, SBOMs. */
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
}

/** The tags at which cosign keeps what belongs to an image. */
const TAG_SUFFIXES = ['sig', 'att', 'sbom'] as const;

/** The attached manifests of one image: referrers, and those at cosign's tags. */
async function* attachedManifests(
  source: Source,
  subject: Digest,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly descriptor: Descriptor; readonly tag: string | undefined }> {
  for (const descriptor of (await source.referrers?.(subject, signal)) ?? []) {
    if (documentKindOf(descriptor.mediaType) !== 'other') yield { descriptor, tag: undefined };
  }
  for (const suffix of TAG_SUFFIXES) {
    const tag = attachedTag(subject, suffix);
    const descriptor = await source.attached?.(tag, signal);
    if (descriptor !== undefined) yield { descriptor, tag };
  }
}

/** Copies what is attached to images, and returns how many manifests these are. */
async function copyAttached(
  source: Source,
  subjects: readonly Digest[],
  sink: Sink,
  { signal, onEvent }: Context,
): Promise<number> {
  if (sink.attach === undefined) {
    throw new TsimgError('USAGE', 'what is attached to images is not kept there', {
      where: sink.label,
      hint: 'copy it to a registry or the store, or leave out --referrers',
    });
  }
  let count = 0;
  for (const subject of subjects) {
    for await (const { descriptor, tag } of attachedManifests(source, subject, signal)) {
      await copyGraph(source, await readGraph(source, descriptor, signal), sink, { signal, onEvent });
      await sink.attach(subject, descriptor, tag, signal);
      count += 1;
    }
  }
  return count;
}

/** What is copied: the report of its blobs, its descriptor, and the digests that may have something attached. */
interface Copied {
  readonly report: CopyReport;
  readonly root: Descriptor;
  readonly subjects: readonly Digest[];
}

interface Opened {
  readonly source: Source;
  readonly name: string | undefined;
  readonly text: string;
}

/** Copies the image of one platform. */
async function copyOne({ source, name, text }: Opened, sink: Sink, options: CopySourceOptions): Promise<Copied> {
  const { platform, signal, onEvent } = options;
  const gate = await openPolicyGate(source, options);
  const image = await loadImage(source, { name, platform }, { signal, onEvent });
  await gate(imageOf({ image, source, name: name ?? text }));
  const report = await copyImage(image, sink, { signal, onEvent });
  return { report, root: image.descriptor, subjects: [image.descriptor.digest] };
}

/** Copies an index with the images of all platforms, an artifact, or whatever else the name stands for. */
async function copyAll({ source, name, text }: Opened, sink: Sink, options: CopySourceOptions): Promise<Copied> {
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
  const report = await copyGraph(source, graph, sink, { signal, onEvent });
  return { report, root, subjects: graph.documents.map(({ descriptor }) => descriptor.digest) };
}

/** The repository that blobs may be mounted from: the source's, where it is one of the same registry. */
function mountFrom({ place }: Source, { registry }: Reference): string | undefined {
  return place?.transport === 'docker' && place.reference.registry === registry
    ? place.reference.repository
    : undefined;
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
  const { source, name } = await openAnywhere(text, options, { signal, onEvent });
  try {
    const openRegistry = (reference: Reference) =>
      openRegistrySink(reference, { ...options, mountFrom: mountFrom(source, reference) });
    const opened = await openSink(spec, { storeRoot: storePlace(options), openRegistry, signal });
    try {
      const copy = options.all ? copyAll : copyOne;
      const { report, root, subjects } = await copy({ source, name, text }, opened.sink, options);
      const attached = options.referrers ? await copyAttached(source, subjects, opened.sink, { signal, onEvent }) : 0;
      await opened.sink.publish(root, opened.names, signal);
      await opened.sink.close();
      const { blobs, reused, bytes } = report;
      return { digest: root.digest, names: opened.names, blobs, reused, bytesTransferred: bytes, attached };
    } catch (error) {
      await (opened.sink.abort ?? opened.sink.close)();
      throw error;
    }
  } finally {
    await source.close();
  }
}
