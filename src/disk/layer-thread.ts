import { Worker } from 'node:worker_threads';
import { CHUNK_BYTES } from '../streams/chunk-memory.ts';
import { collectYoung } from '../sys/collect-young.ts';
import { type PackedEntries, unpackEntries } from './pack-entries.ts';
import type { PromisedSection } from './read-file-section.ts';
import type { StoredLayer } from './store-bodies.ts';
import type { StoreLayerOptions } from './store-layer.ts';
import { CHUNKS, fromThreadError, type ThreadAnswer, type ThreadRequest } from './thread-messages.ts';
import type { Promised } from './verified-chunks.ts';

/** What a thread allocates is soon garbage: with more room it would lie about longer, and memory with it. */
const YOUNG_MEGABYTES = 3;

/** What is told while a layer is stored. */
export interface StoreWatch {
  readonly signal: AbortSignal | undefined;
  /** How many bytes were read, where the thread itself reads them. */
  onBytes(done: number): void;
  /** As of `storeLayer`. */
  onTrailing(): void;
}

/** A thread that stores layers, several at a time. */
export interface LayerThread extends AsyncDisposable {
  /**
   * `storeLayer`, done there, of bytes that are sent or that it reads itself in a file; it verifies what is promised of them.
   * When it settles, nothing of the layer is at work there.
   */
  store(
    from: { readonly chunks: AsyncIterable<Buffer>; readonly promised?: Promised } | PromisedSection,
    options: StoreLayerOptions,
    watch: StoreWatch,
  ): Promise<StoredLayer>;
}

interface Job {
  readonly entries: PackedEntries[];
  readonly watch: StoreWatch;
  /** Places for chunks in the memory that is shared. */
  room: number;
  failure: { readonly error: unknown } | undefined;
  /** Lets the sender go on: there is room, or it is over. */
  wake(): void;
  resolve(layer: StoredLayer): void;
  reject(error: unknown): void;
}

/** Starts a thread. @param reading where all threads count the layers that they are reading, 4 bytes */
export function startLayerThread(reading: SharedArrayBuffer): LayerThread {
  // Descriptors are opened by calls that Node does not see
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MEGABYTES };
  const options = { trackUnmanagedFds: false, workerData: reading, resourceLimits };
  const worker = new Worker(new URL('./layer-worker.js', import.meta.url), options);
  const jobs = new Map<number, Job>();
  /** Of jobs that are over. */
  const memories: SharedArrayBuffer[] = [];
  let lastJob = 0;
  let crash: Error | undefined;

  function post(request: ThreadRequest): void {
    worker.postMessage(request);
  }

  /** The first failure is what the job fails with, once the thread has left it. */
  function stop(id: number, job: Job, error: unknown): void {
    job.failure ??= { error };
    post({ kind: 'stop', job: id });
  }

  function end(id: number, job: Job): void {
    jobs.delete(id);
    job.wake();
  }

  function fail(id: number, job: Job, error: Error): void {
    end(id, job);
    job.reject(job.failure === undefined ? error : job.failure.error);
  }

  worker.on('message', (answer: ThreadAnswer) => {
    const job = jobs.get(answer.job);
    if (job === undefined) return;
    switch (answer.kind) {
      case 'taken':
        job.room += answer.chunks;
        job.wake();
        break;
      case 'progress':
        job.watch.onBytes(answer.done);
        break;
      case 'trailing':
        try {
          job.watch.onTrailing();
        } catch (error) {
          stop(answer.job, job, error);
        }
        break;
      case 'entries':
        job.entries.push(answer.entries);
        break;
      case 'stored':
        end(answer.job, job);
        if (job.failure === undefined) job.resolve({ entries: unpackEntries(job.entries), ...answer.layer });
        else job.reject(job.failure.error);
        break;
      case 'failed':
        fail(answer.job, job, fromThreadError(answer.error));
    }
  });
  const fall = (error: Error) => {
    crash ??= error;
    for (const [id, job] of jobs) fail(id, job, crash);
  };
  worker.on('error', fall);
  worker.on('exit', () => fall(new Error('a thread that stores layers has ended')));

  /** Writes a layer's bytes into the memory, no faster than they are taken. Ends early when the job is over. */
  async function send(id: number, job: Job, stored: AsyncIterable<Buffer>, memory: SharedArrayBuffer): Promise<void> {
    const bytes = Buffer.from(memory);
    let turn = 0;
    let filled = 0;
    const flush = (): void => {
      post({ kind: 'chunk', job: id, bytes: filled });
      job.room -= 1;
      turn = (turn + 1) % CHUNKS;
      filled = 0;
    };
    for await (const chunk of stored) {
      collectYoung(chunk.length);
      for (let from = 0; from < chunk.length; ) {
        while (job.room === 0 && jobs.has(id)) {
          await new Promise<void>((resolve) => {
            job.wake = resolve;
          });
        }
        if (!jobs.has(id)) return;
        const copied = chunk.copy(bytes, turn * CHUNK_BYTES + filled, from, from + CHUNK_BYTES - filled);
        from += copied;
        filled += copied;
        if (filled === CHUNK_BYTES) flush();
      }
    }
    if (filled > 0) flush();
    post({ kind: 'end', job: id });
  }

  return {
    async store(from, options, watch) {
      if (crash !== undefined) throw crash;
      const id = ++lastJob;
      const { signal } = watch;
      const base = { entries: [], watch, room: CHUNKS, failure: undefined, wake: () => {} };
      let abort = (): void => {};
      let memory: SharedArrayBuffer | undefined;
      try {
        return await new Promise<StoredLayer>((resolve, reject) => {
          const job: Job = { ...base, resolve, reject };
          jobs.set(id, job);
          abort = () => stop(id, job, signal?.reason);
          signal?.addEventListener('abort', abort, { once: true });
          if ('chunks' in from) {
            memory = memories.pop() ?? new SharedArrayBuffer(CHUNKS * CHUNK_BYTES);
            post({ kind: 'layer', job: id, options, from: { memory, promised: from.promised } });
            send(id, job, from.chunks, memory).catch((error: unknown) => stop(id, job, error));
          } else {
            post({ kind: 'layer', job: id, options, from });
          }
          if (signal?.aborted) abort();
        });
      } finally {
        signal?.removeEventListener('abort', abort);
        if (memory !== undefined) memories.push(memory);
      }
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
