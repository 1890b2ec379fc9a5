import { setMaxListeners } from 'node:events';
import { pipeline, type Readable, Transform } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Image } from './image.ts';
import { mayBeRightElsewhere, type Opener, openFrom } from './open-from.ts';
import { type Sink, writeUnlessThere } from './sink.ts';

/** The result of a copy. */
export interface CopyReport {
  /** Layers and config, each digest once. */
  readonly blobs: number;
  /** How many of these blobs the sink had before, or got from another copy at the same time. */
  readonly reused: number;
  /**
   * Bytes that were read from the source for the others: fewer than these have, where an earlier copy was cut short.
   */
  readonly bytes: number;
}

/** A blob to be copied: a config is in memory, or is read when its turn comes; a layer is opened. */
export interface Job {
  readonly descriptor: Descriptor;
  readonly content: Uint8Array | Opener | ((signal: AbortSignal) => Promise<Uint8Array>);
}

/** Blobs that are copied at a time, as by skopeo and podman. */
const CONCURRENCY = 6;
/** Small ones that are copied besides: they take a round trip each, more than they take of the line. */
const FURTHER_SMALL = 6;
/** Bytes of a small blob: what a line of 50 MB/s carries in a round trip of 20 ms. */
const SMALL = 1024 * 1024;

/** Is told of each chunk of a blob. */
type Count = (chunk: Buffer) => void;

/** Passes chunks on: in a third of the time that a stream would take. */
async function* counted(chunks: AsyncIterable<Buffer>, count: Count): AsyncGenerator<Buffer, void> {
  for await (const chunk of chunks) {
    count(chunk);
    yield chunk;
  }
}

function counter(count: Count): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      count(chunk);
      callback(null, chunk);
    },
  });
}

interface CopyContext extends Context {
  /** Aborted by the caller, or by the first blob that fails. */
  readonly signal: AbortSignal;
}

/** Copies what is opened; returns the bytes that were read, or undefined where the content was never opened. */
async function copyOpened(
  descriptor: Descriptor,
  content: Opener,
  sink: Sink,
  { signal, onEvent }: CopyContext,
): Promise<number | undefined> {
  const { digest, size } = descriptor;
  let bytes: number | undefined;
  const countFrom = (offset: number): Count => {
    let done = offset;
    bytes ??= 0;
    return (chunk) => {
      done += chunk.length;
      bytes = (bytes ?? 0) + chunk.length;
      onEvent?.({ kind: 'blob-progress', digest, done, size });
    };
  };
  function open(): Promise<Readable>;
  function open(offset: number): Promise<AsyncIterable<Buffer>>;
  async function open(offset?: number): Promise<AsyncIterable<Buffer>> {
    const count = countFrom(offset ?? 0);
    if (offset !== undefined) return counted(await openFrom(content, offset, signal), count);
    // A failure of one side ends both; the sink gets the source's error from the counted stream.
    return pipeline(await content.open(signal), counter(count), () => {});
  }
  await sink.write(descriptor, open, signal).catch(async (error: unknown) => {
    if (!(await mayBeRightElsewhere(content, error))) throw error;
    onEvent?.({ kind: 'detail', message: `${messageOf(error)}: the blob is fetched from another host` });
    await sink.write(descriptor, open, signal);
  });
  return bytes;
}

/** Copies one blob; returns the bytes that were read for it, or undefined when the sink had it already. */
async function copyBlob({ descriptor, content }: Job, sink: Sink, context: CopyContext): Promise<number | undefined> {
  const { signal, onEvent } = context;
  const { digest, size } = descriptor;
  if (await sink.has(descriptor, signal)) {
    onEvent?.({ kind: 'blob-done', digest, size, reused: true });
    return undefined;
  }
  onEvent?.({ kind: 'blob-started', digest, size });
  const ready = typeof content === 'function' ? await content(signal) : content;
  const bytes =
    ready instanceof Uint8Array
      ? await sink.write(descriptor, ready, signal).then(() => size)
      : await copyOpened(descriptor, ready, sink, context);
  // Content that was never opened came to the sink another way meanwhile.
  onEvent?.({ kind: 'blob-done', digest, size, reused: bytes === undefined });
  return bytes;
}

/** Jobs in their order; a worker for small ones passes over the others. */
function queueOf(jobs: readonly Job[]) {
  const left = [...jobs];
  return (isForSmall: boolean): Job | undefined => {
    const index = isForSmall ? left.findIndex(({ descriptor }) => descriptor.size <= SMALL) : 0;
    return index < 0 ? undefined : left.splice(index, 1)[0];
  };
}

/** Copies blobs, each digest once, a few at a time. The first failure stops the others and is thrown. */
export async function copyBlobs(
  wanted: readonly Job[],
  sink: Sink,
  context: Context & Pick<CopyOptions, 'concurrency'>,
): Promise<CopyReport> {
  const jobs = [...new Map(wanted.map((job) => [job.descriptor.digest, job])).values()];
  const concurrency = Math.min(sink.concurrency ?? Number.POSITIVE_INFINITY, context.concurrency ?? CONCURRENCY);
  const isOwnChoice = sink.concurrency === undefined && context.concurrency === undefined;
  const stop = new AbortController();
  const signal = context.signal === undefined ? stop.signal : AbortSignal.any([context.signal, stop.signal]);
  // Each blob on its way listens, and Node would warn of more than ten.
  setMaxListeners(0, signal);
  const next = queueOf(jobs);
  let reused = 0;
  let bytes = 0;
  let failure: { readonly error: unknown } | undefined;
  const worker = async (isForSmall: boolean) => {
    for (let job = next(isForSmall); job !== undefined; job = next(isForSmall)) {
      try {
        signal.throwIfAborted();
        const read = await copyBlob(job, sink, { ...context, signal });
        if (read === undefined) reused += 1;
        else bytes += read;
      } catch (error) {
        failure ??= { error };
        stop.abort();
        return;
      }
    }
  };
  const forAny = Math.min(concurrency, jobs.length);
  const count = forAny + (isOwnChoice ? FURTHER_SMALL : 0);
  const workers: Promise<void>[] = [];
  while (workers.length < count) {
    workers.push(worker(workers.length >= forAny));
    // The source is at work on this one's blob while the next one's is made ready
    await nextTurn();
  }
  await Promise.all(workers);
  if (failure !== undefined) throw failure.error;
  // An abort may come when all blobs are on their way, and none fails of it.
  context.signal?.throwIfAborted();
  return { blobs: jobs.length, reused, bytes };
}

/** Layers base first, then the config. */
function jobsOf(image: Image): readonly Job[] {
  const layers: readonly Job[] = image.layers.map((layer) => ({ descriptor: layer.descriptor, content: layer }));
  return [...layers, { descriptor: image.manifest.config, content: image.raw.config }];
}

/** How an image is copied. */
export interface CopyOptions extends Context {
  /** The names under which the image is published once it is complete. Absent: the caller publishes it. */
  readonly names?: readonly string[] | undefined;
  /** The descriptor that is published. Default: the manifest's; another one may add annotations. */
  readonly descriptor?: Descriptor | undefined;
  /** How many blobs are copied at a time, where the sink takes several. Default: 6. */
  readonly concurrency?: number | undefined;
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
  const { names, descriptor = image.descriptor, concurrency, signal, onEvent } = options;
  const report = await copyBlobs(jobsOf(image), sink, { concurrency, signal, onEvent });
  await writeUnlessThere({ descriptor: image.descriptor, bytes: image.raw.manifest }, sink, signal);
  if (names !== undefined) await sink.publish(descriptor, names, signal);
  return report;
}
