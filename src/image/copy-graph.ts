import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { parseImageIndex } from '../oci/image-index.ts';
import { parseManifest } from '../oci/manifest.ts';
import { documentKindOf, isManifestOrIndex } from '../oci/media-type.ts';
import { formatPlatform } from '../oci/platform.ts';
import { type CopyOptions, type CopyReport, copyBlobs, type Job } from './copy.ts';
import { openerOf } from './open-from.ts';
import { readDocument } from './read-document.ts';
import { type Sink, writeUnlessThere } from './sink.ts';
import type { Source } from './source.ts';

/** Indexes inside of indexes: real ones have one level. */
const MAX_DEPTH = 8;
/** Manifests and indexes below one name, and their bytes: they are kept in memory. */
const MAX_DOCUMENTS = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** A document that is copied. */
export interface GraphDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** All content that a descriptor leads to. */
export interface Graph {
  /** Each document comes after those that it names; the last one is the root. */
  readonly documents: readonly GraphDocument[];
  readonly blobs: readonly Descriptor[];
}

/** The descriptors that a document holds. A subject is not among them: a referrer does not keep its image alive. */
function childrenOf({ descriptor, bytes }: GraphDocument, where: string): readonly Descriptor[] {
  const { mediaType } = descriptor;
  if (documentKindOf(mediaType) === 'index') return parseImageIndex(bytes, mediaType, where).manifests;
  const { config, layers } = parseManifest(bytes, mediaType, where);
  return [...layers, config];
}

/** Returns a function that throws an error with the remedy for an index whose images are not all present. */
function explainMissing({ platform }: Descriptor): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof TsimgError) || error.code !== 'BLOB_NOT_FOUND') throw error;
    const which = platform === undefined ? 'a manifest of the index' : `the image for ${formatPlatform(platform)}`;
    throw new TsimgError('BLOB_NOT_FOUND', `${which} is listed but not there`, {
      where: error.where,
      why: 'this is a partial copy of a multi-platform image',
      hint: 'copy the image of one platform: without --all, with --platform; or copy docker://REFERENCE',
      facts: error.facts,
      cause: error,
    });
  };
}

/**
 * Reads all documents below a manifest or index, with those of every platform.
 * @throws BLOB_NOT_FOUND where the source lacks one; DOCUMENT_INVALID, LIMIT_EXCEEDED, and the errors of the source
 */
export async function readGraph(source: Source, root: Descriptor, signal?: AbortSignal): Promise<Graph> {
  const documents = new Map<Digest, GraphDocument>();
  const blobs = new Map<Digest, Descriptor>();
  let bytes = 0;
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (documents.has(descriptor.digest)) return;
    const where = `${source.label} ${descriptor.digest}`;
    bytes += descriptor.size;
    if (depth > MAX_DEPTH || documents.size >= MAX_DOCUMENTS || bytes > MAX_BYTES) {
      throw new TsimgError('LIMIT_EXCEEDED', 'the image has too many parts', {
        where,
        why: `at most ${MAX_DOCUMENTS} manifests of ${MAX_BYTES} bytes in all are copied, in ${MAX_DEPTH} levels`,
      });
    }
    const bytesOf = readDocument(source, descriptor, signal);
    const document = { descriptor, bytes: await (depth === 0 ? bytesOf : bytesOf.catch(explainMissing(descriptor))) };
    for (const child of childrenOf(document, where)) {
      if (isManifestOrIndex(child.mediaType)) await visit(child, depth + 1);
      else blobs.set(child.digest, child);
    }
    documents.set(descriptor.digest, document);
  };
  await visit(root, 0);
  return { documents: [...documents.values()], blobs: [...blobs.values()] };
}

/**
 * Copies a manifest or index with everything below it into a sink: blobs, then each document after the documents
 * that it names, then the names. Blobs and documents that the sink has are not written again. Digests stay the same.
 * The caller closes the sink.
 * @throws the errors of the source and of the sink
 */
export async function copyGraph(
  source: Source,
  { documents, blobs }: Graph,
  sink: Sink,
  options: CopyOptions,
): Promise<CopyReport> {
  const { names, concurrency, signal, onEvent } = options;
  const jobs: readonly Job[] = blobs.map((descriptor) => ({ descriptor, content: openerOf(source, descriptor) }));
  const report = await copyBlobs(jobs, sink, { concurrency, signal, onEvent });
  for (const document of documents) await writeUnlessThere(document, sink, signal);
  const root = options.descriptor ?? documents.at(-1)?.descriptor;
  if (root !== undefined && names !== undefined) await sink.publish(root, names, signal);
  return report;
}
