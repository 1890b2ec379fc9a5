import { digestOf } from '../../crypto/digest.ts';
import { TsimgError } from '../../errors.ts';
import { isImageConfigType } from '../../image/check-image.ts';
import { type CopyOptions, type CopyReport, copyBlobs, copyImage } from '../../image/copy.ts';
import type { Graph, GraphDocument } from '../../image/copy-graph.ts';
import type { Image } from '../../image/image.ts';
import { layersOf } from '../../image/load.ts';
import { openerOf } from '../../image/open-from.ts';
import { readDocument } from '../../image/read-document.ts';
import { type Sink, writeUnlessThere } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import { checkLayerCount, parseImageConfig } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseJson } from '../../oci/document.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { documentKindOf, isDockerMediaType, isLayerMediaType, MEDIA_TYPE } from '../../oci/media-type.ts';
import type { Reference } from '../../oci/reference.ts';
import { formatReference } from '../../oci/reference.ts';
import type { CompressionChoice } from '../../streams/compress/choice.ts';
import { type RecompressedLayer, type RecompressOptions, recompressImage } from '../layers/recompress.ts';

/** How layers are stored at the destination. */
export interface RecompressChoice {
  /** How layers are compressed at the destination. Default: as they are. */
  readonly compression?: CompressionChoice | undefined;
}

/** The changes that come of layers in another form. */
export interface Recompression {
  /** The digest that the image or the index has at its source. */
  readonly sourceDigest: Digest;
  /** The layers that are stored in another form; those that were as asked for are left out. */
  readonly layers: readonly RecompressedLayer[];
}

/** The result of a copy with another compression. */
export interface RecompressedCopy extends CopyReport {
  readonly root: Descriptor;
  readonly recompression: Recompression;
}

type CopyContext = RecompressOptions & Pick<CopyOptions, 'concurrency'>;

/** Refuses a destination that demands a digest: nobody knows the new one before. @throws USAGE */
export function checkTarget(reference: Reference | undefined, { compression }: RecompressChoice): void {
  if (compression === undefined || reference?.digest === undefined) return;
  throw new TsimgError('USAGE', 'an image that is compressed anew has another digest', {
    where: formatReference(reference),
    hint: 'name a tag in the place of the digest, or leave out --compression',
  });
}

/** Warns where signatures of the image are lost, because they refer to it by its digest. */
export function warnOfDigest(from: Digest, to: Digest, { onEvent }: CopyContext): void {
  if (from === to) return;
  const message = `with other layers the image has another digest: signatures of ${from} do not hold for ${to}`;
  onEvent?.({ kind: 'warning', message });
}

/**
 * Copies an image whose layers are stored in another form. Publishes no name. @throws as `recompressImage`; the sink
 */
export async function copyRecompressed(
  image: Image,
  sink: Sink,
  choice: CompressionChoice,
  context: CopyContext,
): Promise<RecompressedCopy> {
  await using made = await recompressImage(image, choice, context);
  const { concurrency, signal, onEvent } = context;
  const report = await copyImage(made.image, sink, { concurrency, signal, onEvent });
  const root = made.image.descriptor;
  return { ...report, root, recompression: { sourceDigest: image.descriptor.digest, layers: made.changed } };
}

/** Whether a manifest is that of an image, and no attestation or other artifact. */
function isImage({ config, layers }: Manifest): boolean {
  return isImageConfigType(config.mediaType) && layers.every(({ mediaType }) => isLayerMediaType(mediaType));
}

async function imageOf(source: Source, document: GraphDocument, manifest: Manifest, signal?: AbortSignal) {
  const { descriptor, bytes } = document;
  const where = `${source.label} ${descriptor.digest}`;
  const rawConfig = await readDocument(source, manifest.config, signal);
  const config = parseImageConfig(rawConfig, `${source.label} ${manifest.config.digest}`);
  checkLayerCount(manifest.layers.length, config, where);
  const mediaType = descriptor.mediaType;
  const image: Image = {
    descriptor,
    manifest: { ...manifest, mediaType: manifest.mediaType ?? mediaType },
    config,
    layers: layersOf(source, manifest.layers, config.diffIds),
    raw: { manifest: bytes, config: rawConfig },
  };
  return image;
}

/** BuildKit's note in an index, of which image an attestation is. */
const ATTESTED = 'vnd.docker.reference.digest';

/**
 * Returns an index that names the new manifests, with all else that it says. An index of which no entry changes is
 * returned as it is.
 */
function remadeIndex(document: GraphDocument, renamed: ReadonlyMap<string, Descriptor>): GraphDocument {
  const { descriptor, bytes } = document;
  let isSame = true;
  const value = parseJson(bytes, 'index', descriptor.digest);
  const fields: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(Object(value)));
  const entries = Array.isArray(fields.manifests) ? fields.manifests : [];
  const manifests = entries.map((entry: unknown) => {
    const { data, ...old }: Record<string, unknown> = Object.fromEntries(Object.entries(Object(entry)));
    const to = renamed.get(String(old.digest));
    const notes: Record<string, unknown> = Object.fromEntries(Object.entries(Object(old.annotations ?? {})));
    const attested = renamed.get(String(notes[ATTESTED]));
    if (to !== undefined || attested !== undefined) isSame = false;
    const annotations = attested && { ...notes, [ATTESTED]: attested.digest };
    if (to === undefined) return { ...Object(entry), ...(annotations && { annotations }) };
    const { mediaType, digest, size } = to;
    return { ...old, mediaType, digest, size, ...(annotations && { annotations }) };
  });
  if (isSame) return document;
  const holdsOci = manifests.some(({ mediaType }) => !isDockerMediaType(String(mediaType)));
  const mediaType = holdsOci ? MEDIA_TYPE.ociIndex : descriptor.mediaType;
  const raw = Buffer.from(JSON.stringify({ ...fields, mediaType, manifests }));
  return { descriptor: { mediaType, digest: digestOf(raw), size: raw.length }, bytes: raw };
}

/**
 * Copies an index with the images of all platforms, whose layers are stored in another form: each manifest and the
 * index are written anew, artifacts stay as they are. Publishes no name.
 * @throws as `copyRecompressed`
 */
export async function copyGraphRecompressed(
  source: Source,
  graph: Graph,
  sink: Sink,
  { choice, ...context }: CopyContext & { readonly choice: CompressionChoice },
): Promise<RecompressedCopy> {
  const { concurrency, signal, onEvent } = context;
  const renamed = new Map<string, Descriptor>();
  const layers = new Map<Digest, RecompressedLayer>();
  let [blobs, reused, bytes] = [0, 0, 0];
  const add = (report: CopyReport) => {
    blobs += report.blobs;
    reused += report.reused;
    bytes += report.bytes;
  };
  const write = (document: GraphDocument) => writeUnlessThere(document, sink, signal);
  let root = graph.documents.at(-1)?.descriptor;
  const first = root;
  for (const document of graph.documents) {
    const { descriptor } = document;
    const where = `${source.label} ${descriptor.digest}`;
    root = descriptor;
    if (documentKindOf(descriptor.mediaType) === 'index') {
      const index = remadeIndex(document, renamed);
      await write(index);
      if (index !== document) renamed.set(descriptor.digest, index.descriptor);
    } else {
      const manifest = parseManifest(document.bytes, descriptor.mediaType, where);
      if (isImage(manifest)) {
        const image = await imageOf(source, document, manifest, signal);
        const copied = await copyRecompressed(image, sink, choice, context);
        add(copied);
        for (const layer of copied.recompression.layers) layers.set(layer.from.digest, layer);
        if (copied.root.digest !== descriptor.digest) renamed.set(descriptor.digest, copied.root);
      } else {
        const jobs = [...manifest.layers, manifest.config].map((part) => ({
          descriptor: part,
          content: openerOf(source, part),
        }));
        add(await copyBlobs(jobs, sink, { concurrency, signal, onEvent }));
        await write(document);
      }
    }
    root = renamed.get(descriptor.digest) ?? descriptor;
  }
  if (first === undefined || root === undefined) throw new RangeError('a graph has at least one document');
  const recompression = { sourceDigest: first.digest, layers: [...layers.values()] };
  return { blobs, reused, bytes, root, recompression };
}
