import { pipeline, type Readable, Transform } from 'node:stream';
import type { Context } from '../events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Image } from './image.ts';
import type { Sink } from './sink.ts';

/** What a copy did: blobs and their bytes, and how many of the blobs were there before. */
export interface CopyReport {
  readonly blobs: number;
  readonly reused: number;
  readonly bytes: number;
}

/** A blob to be copied; documents are in hand, layers are opened. */
interface Job {
  readonly descriptor: Descriptor;
  open(signal: AbortSignal): Promise<Readable | Uint8Array>;
}

/** Blobs that are on their way at the same time, as docker's default for pulls. */
const CONCURRENCY = 3;

/** Passes bytes on and tells how many there were. */
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

/** One blob into the sink; true when it was there already. */
async function copyBlob(job: Job, sink: Sink, { signal, onEvent }: CopyContext): Promise<boolean> {
  const { descriptor } = job;
  const { digest, size } = descriptor;
  if (await sink.has(descriptor, signal)) {
    onEvent?.({ kind: 'blob-done', digest, size, reused: true });
    return true;
  }
  onEvent?.({ kind: 'blob-started', digest, size });
  const content = await job.open(signal);
  if (content instanceof Uint8Array) await sink.write(descriptor, content, signal);
  else {
    // Whichever side fails, both end; the sink reads the source's error from the counted stream.
    const stream = pipeline(content, counted(descriptor, onEvent), () => {});
    await sink.write(descriptor, stream, signal);
  }
  onEvent?.({ kind: 'blob-done', digest, size, reused: false });
  return false;
}

/** Blobs, a few at a time, what is there not again; the first failure stops the others and is the one that is thrown. */
async function copyBlobs(jobs: readonly Job[], sink: Sink, context: Context): Promise<CopyReport> {
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
  const jobs: Job[] = image.layers.map(({ descriptor, open }) => ({ descriptor, open: (signal) => open(signal) }));
  jobs.push({ descriptor: image.manifest.config, open: async () => image.raw.config });
  return [...new Map(jobs.map((job) => [job.descriptor.digest, job] as const)).values()];
}

export interface CopyOptions {
  /** Under which the image is published when all of it is there. */
  readonly names: readonly string[];
  /** What is published: the manifest's descriptor, unless it needs annotations of the caller's. */
  readonly descriptor?: Descriptor | undefined;
}

/**
 * An image into a sink: its blobs a few at a time, what is there not again; then the manifest, which a registry refuses
 * before its blobs are there; the names last. The sink verifies what it writes. On failure or abort nothing is published.
 * @throws what the image's layers and the sink throw
 */
export async function copyImage(
  image: Image,
  sink: Sink,
  { names, descriptor = image.descriptor }: CopyOptions,
  context: Context = {},
): Promise<CopyReport> {
  const { signal } = context;
  const report = await copyBlobs(jobsOf(image), sink, context);
  const known = await sink.has(image.descriptor, signal);
  if (!known) await sink.write(image.descriptor, image.raw.manifest, signal);
  await sink.publish(descriptor, names, signal);
  return report;
}
