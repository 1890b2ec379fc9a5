import { pipeline, type Readable, Transform } from 'node:stream';
import type { Context } from '../events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Image } from './image.ts';
import type { Sink } from './sink.ts';

/** The result of a copy. */
export interface CopyReport {
  /** Layers and config, each digest once. */
  readonly blobs: number;
  /** How many of these blobs the sink had before. */
  readonly reused: number;
  /** Bytes of the blobs that were written. */
  readonly bytes: number;
}

/** A blob to be copied: a config is in memory, a layer is opened. */
export interface Job {
  readonly descriptor: Descriptor;
  readonly content: Uint8Array | ((signal: AbortSignal) => Promise<Readable>);
}

/** Blobs that are copied at a time: docker's default for pulls. */
const CONCURRENCY = 3;

/** Passes bytes on and reports their count. */
function counted(descriptor: Descriptor, onEvent: Context['onEvent']): Transform {
  let done = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      done += chunk.length;
      onEvent?.({ kind: 'blob-progress', digest: descriptor.digest, done, size: descriptor.size });
      callback(null, chunk);
    },
  });
}

interface CopyContext extends Context {
  /** Aborted by the caller, or by the first blob that fails. */
  readonly signal: AbortSignal;
}

/** Copies one blob; returns true when the sink had it already. */
async function copyBlob(job: Job, sink: Sink, { signal, onEvent }: CopyContext): Promise<boolean> {
  const { descriptor } = job;
  const { digest, size } = descriptor;
  if (await sink.has(descriptor, signal)) {
    onEvent?.({ kind: 'blob-done', digest, size, reused: true });
    return true;
  }
  onEvent?.({ kind: 'blob-started', digest, size });
  const { content } = job;
  if (content instanceof Uint8Array) await sink.write(descriptor, content, signal);
  else {
    // A failure of one side ends both; the sink gets the source's error from the counted stream.
    const open = async () => pipeline(await content(signal), counted(descriptor, onEvent), () => {});
    await sink.write(descriptor, open, signal);
  }
  onEvent?.({ kind: 'blob-done', digest, size, reused: false });
  return false;
}

/** Copies blobs, a few at a time. The first failure stops the others and is thrown. */
export async function copyBlobs(jobs: readonly Job[], sink: Sink, context: Context): Promise<CopyReport> {
  const concurrency = sink.concurrency ?? CONCURRENCY;
  const stop = new AbortController();
  const signal = context.signal === undefined ? stop.signal : AbortSignal.any([context.signal, stop.signal]);
  const queue = jobs.values();
  let reused = 0;
  let bytes = 0;
  let failure: { readonly error: unknown } | undefined;
  const worker = async () => {
    for (const job of queue) {
      try {
        signal.throwIfAborted();
        if (await copyBlob(job, sink, { ...context, signal })) reused += 1;
        else bytes += job.descriptor.size;
      } catch (error) {
        failure ??= { error };
        stop.abort();
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, jobs.length) }, worker));
  if (failure !== undefined) throw failure.error;
  return { blobs: jobs.length, reused, bytes };
}

/** Layers base first, each once, then the config. */
function jobsOf(image: Image): readonly Job[] {
  const jobs: Job[] = image.layers.map(({ descriptor, open }) => ({ descriptor, content: open }));
  jobs.push({ descriptor: image.manifest.config, content: image.raw.config });
  return [...new Map(jobs.map((job) => [job.descriptor.digest, job] as const)).values()];
}

/** How an image is copied. */
export interface CopyOptions extends Context {
  /** The names under which the image is published once it is complete. Absent: the caller publishes it. */
  readonly names?: readonly string[] | undefined;
  /** The descriptor that is published. Default: the manifest's; another one may add annotations. */
  readonly descriptor?: Descriptor | undefined;
}

/**
 * Copies an image into a sink: a few blobs at a time, without those that the sink has; then the manifest; then the
 * names. The sink verifies size and digest of each blob. After a failure or an abort nothing is published. The caller
 * closes the sink.
 * @throws the errors of the image's layers (BLOB_NOT_FOUND, DIGEST_MISMATCH, SIZE_MISMATCH, REGISTRY_…) and those of
 * the sink
 * @example
 * await using opened = await openImage('docker://alpine:3.19');
 * const sink = await openOciLayoutSink('./layout');
 * await copyImage(opened.image, sink, { names: ['3.19'] });
 * await sink.close();
 */
export async function copyImage(image: Image, sink: Sink, options: CopyOptions): Promise<CopyReport> {
  const { names, descriptor = image.descriptor, signal, onEvent } = options;
  const report = await copyBlobs(jobsOf(image), sink, { signal, onEvent });
  const known = await sink.has(image.descriptor, signal);
  if (!known) await sink.write(image.descriptor, image.raw.manifest, signal);
  if (names !== undefined) await sink.publish(descriptor, names, signal);
  return report;
}
