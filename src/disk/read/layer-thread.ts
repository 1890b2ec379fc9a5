import { Worker } from 'node:worker_threads';
import { receiveError } from '../../sys/portable-error.ts';
import type { ExtractedLayer, LayerContext } from './layer-context.ts';
import type { LayerReader } from './layer-reader.ts';
import { type PackedEntries, unpackEntries } from './pack-entries.ts';
import type { LayerBytes } from './read-verified.ts';
import { SENT_BYTES, SENT_CHUNKS, type ThreadAnswer, type ThreadRequest } from './thread-messages.ts';

/** Most objects of a thread are soon garbage, which would stay longer in a larger heap. */
const YOUNG_MEGABYTES = 3;

/** A layer that the thread is reading. */
interface Job {
  readonly id: number;
  readonly context: LayerContext;
  readonly entries: PackedEntries[];
  /** Free places for chunks in the shared memory. */
  room: number;
  /** The first error on this side: the job fails with it once the thread has stopped reading the layer. */
  failure: { readonly error: unknown } | undefined;
  /** Wakes the sender: there is room, or the job is over. */
  wake(): void;
  resolve(layer: ExtractedLayer): void;
  reject(error: unknown): void;
}

/** A reader in a thread of its own (`layer-worker.ts`). */
export class LayerThread implements LayerReader {
  readonly #worker: Worker;
  readonly #jobs = new Map<number, Job>();
  /** Shared memory of jobs that are over, for the next. */
  readonly #memories: SharedArrayBuffer[] = [];
  #lastJob = 0;
  #crash: Error | undefined;

  /** Starts the thread. @param reading memory of a `ReadingCount` */
  constructor(reading: SharedArrayBuffer) {
    this.#worker = new Worker(new URL('../../programs/layer-worker.cjs', import.meta.url), {
      // Descriptors are opened by calls that Node does not see
      trackUnmanagedFds: false,
      workerData: reading,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
    });
    this.#worker.on('message', (answer: ThreadAnswer) => this.#receive(answer));
    this.#worker.on('error', (error) => this.#fall(error));
    this.#worker.on('exit', () => this.#fall(new Error('a thread that reads layers has ended')));
  }

  async read(from: LayerBytes, context: LayerContext): Promise<ExtractedLayer> {
    if (this.#crash !== undefined) throw this.#crash;
    const { signal } = context;
    const memory = 'chunks' in from ? this.#takeMemory() : undefined;
    let abort = (): void => {};
    try {
      return await new Promise<ExtractedLayer>((resolve, reject) => {
        const job = this.#begin(context, resolve, reject);
        abort = () => this.#stop(job, signal?.reason);
        signal?.addEventListener('abort', abort, { once: true });
        this.#request(job, from, memory);
        if (signal?.aborted) abort();
      });
    } finally {
      signal?.removeEventListener('abort', abort);
      if (memory !== undefined) this.#memories.push(memory);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #begin(context: LayerContext, resolve: Job['resolve'], reject: Job['reject']): Job {
    this.#lastJob += 1;
    const wake = (): void => {};
    const job: Job = {
      id: this.#lastJob,
      context,
      entries: [],
      room: SENT_CHUNKS,
      failure: undefined,
      wake,
      resolve,
      reject,
    };
    this.#jobs.set(job.id, job);
    return job;
  }

  /** Asks the thread to read a layer, and sends its chunks where it has no section of a file. */
  #request(job: Job, from: LayerBytes, memory: SharedArrayBuffer | undefined): void {
    const { options } = job.context;
    if (!('chunks' in from)) {
      this.#post({ kind: 'layer', job: job.id, options, from });
    } else if (memory !== undefined) {
      this.#post({ kind: 'layer', job: job.id, options, from: { memory, promised: from.promised } });
      this.#send(job, from.chunks, memory).catch((error: unknown) => this.#stop(job, error));
    }
  }

  #takeMemory(): SharedArrayBuffer {
    return this.#memories.pop() ?? new SharedArrayBuffer(SENT_CHUNKS * SENT_BYTES);
  }

  #post(request: ThreadRequest): void {
    this.#worker.postMessage(request);
  }

  #receive(answer: ThreadAnswer): void {
    const job = this.#jobs.get(answer.job);
    if (job === undefined) return;
    switch (answer.kind) {
      case 'taken':
        job.room += answer.chunks;
        job.wake();
        break;
      case 'progress':
        job.context.onBytes(answer.done);
        break;
      case 'trailing':
        try {
          job.context.onTrailing();
        } catch (error) {
          this.#stop(job, error);
        }
        break;
      case 'entries':
        job.entries.push(answer.entries);
        break;
      case 'extracted':
        this.#end(job);
        if (job.failure === undefined) job.resolve({ entries: unpackEntries(job.entries), ...answer.layer });
        else job.reject(job.failure.error);
        break;
      case 'failed':
        this.#fail(job, receiveError(answer.error));
    }
  }

  /** Asks the thread to stop reading a layer; the job fails when it has. */
  #stop(job: Job, error: unknown): void {
    job.failure ??= { error };
    this.#post({ kind: 'stop', job: job.id });
  }

  #end(job: Job): void {
    this.#jobs.delete(job.id);
    job.wake();
  }

  #fail(job: Job, error: Error): void {
    this.#end(job);
    job.reject(job.failure === undefined ? error : job.failure.error);
  }

  /** The thread is gone: all jobs fail, present and later ones. */
  #fall(error: Error): void {
    this.#crash ??= error;
    for (const job of this.#jobs.values()) this.#fail(job, this.#crash);
  }

  /**
   * Writes a layer's bytes into the shared memory, no faster than the thread takes them. Ends early when the job is
   * over.
   */
  async #send(job: Job, stored: AsyncIterable<Uint8Array>, memory: SharedArrayBuffer): Promise<void> {
    const bytes = Buffer.from(memory);
    let turn = 0;
    let filled = 0;
    const flush = (): void => {
      this.#post({ kind: 'chunk', job: job.id, bytes: filled });
      job.room -= 1;
      turn = (turn + 1) % SENT_CHUNKS;
      filled = 0;
    };
    for await (const chunk of stored) {
      for (let from = 0; from < chunk.length; ) {
        while (job.room === 0 && this.#jobs.has(job.id)) {
          await new Promise<void>((resolve) => {
            job.wake = resolve;
          });
        }
        if (!this.#jobs.has(job.id)) return;
        const some = chunk.subarray(from, from + SENT_BYTES - filled);
        bytes.set(some, turn * SENT_BYTES + filled);
        from += some.length;
        filled += some.length;
        if (filled === SENT_BYTES) flush();
      }
    }
    if (filled > 0) flush();
    this.#post({ kind: 'end', job: job.id });
  }
}
