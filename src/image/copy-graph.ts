import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { parseImageIndex } from '../oci/image-index.ts';
import { parseManifest } from '../oci/manifest.ts';
import { documentKindOf } from '../oci/media-type.ts';
import { type CopyReport, copyBlobs, type Job } from './copy.ts';
import { readDocument } from './read-document.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';

/** Manifests and indexes of one copy, and their bytes together, for they are held in memory: more than people publish. */
const MAX_DOCUMENTS = 5000;
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;

interface Graph {
  readonly source: Source;
  readonly signal: AbortSignal | undefined;
  /** Blobs that are no manifests, each once. */
  readonly blobs: Map<Digest, Job>;
  /** What was looked into, children before parents; each once, however often it is named. */
  readonly documents: Map<Digest, { readonly descriptor: Descriptor; readonly bytes: Buffer }>;
  readonly seen: Set<Digest>;
  /** Of the documents so far. */
  bytes: number;
}

async function visit(graph: Graph, descriptor: Descriptor): Promise<void> {
  const { source, signal, seen, blobs, documents } = graph;
  if (seen.has(descriptor.digest)) return;
  seen.add(descriptor.digest);
  const where = `${source.label} ${descriptor.digest}`;
  graph.bytes += descriptor.size;
  if (seen.size > MAX_DOCUMENTS || graph.bytes > MAX_TOTAL_BYTES) {
    throw new TsimgError('LIMIT_EXCEEDED', 'too many images in one index', {
      where,
      why: `more than ${MAX_DOCUMENTS} documents or ${MAX_TOTAL_BYTES} bytes of them`,
      facts: { documents: MAX_DOCUMENTS, bytes: MAX_TOTAL_BYTES },
    });
  }
  const bytes = await readDocument(source, descriptor, signal);
  if (documentKindOf(descriptor.mediaType) === 'index') {
    for (const child of parseImageIndex(bytes, descriptor.mediaType, where).manifests) await visit(graph, child);
  } else {
    const { config, layers } = parseManifest(bytes, descriptor.mediaType, where);
    for (const blob of [...layers, config]) {
      blobs.set(blob.digest, { descriptor: blob, open: (abort) => source.open(blob, abort) });
    }
  }
  documents.set(descriptor.digest, { descriptor, bytes });
}

/**
 * A manifest or an index with everything that it leads to, all platforms and attestations, as it is: every digest stays. Blobs
 * first, then manifests, then indexes, each before what names it; the names last. Artifacts are copied too: nothing is asked of
 * what is in them. @param names see `copyImage`
 * @throws BLOB_NOT_FOUND where the source has a part of it only; DOCUMENT_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED; what the
 * source's streams and the sink throw
 */
export async function copyGraph(
  source: Source,
  descriptor: Descriptor,
  sink: Sink,
  names: readonly string[],
  context: Context = {},
): Promise<CopyReport> {
  const { signal } = context;
  const graph: Graph = { source, signal, blobs: new Map(), documents: new Map(), seen: new Set(), bytes: 0 };
  await visit(graph, descriptor);
  const report = await copyBlobs([...graph.blobs.values()], sink, context);
  for (const document of graph.documents.values()) {
    signal?.throwIfAborted();
    if (await sink.has(document.descriptor.digest, signal)) continue;
    await sink.write(document.descriptor, document.bytes, signal);
  }
  await sink.publish(descriptor, names, signal);
  return report;
}
