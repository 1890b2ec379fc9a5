import { Worker } from 'node:worker_threads';
import { receiveError } from '../../sys/portable-error.ts';
import type { ExtractedLayer } from './extract-bodies.ts';
import type { LayerReader, ReadWatch } from './layer-reader.ts';
import { type PackedEntries, unpackEntries } from './pack-entries.ts';
import { SENT_BYTES, SENT_CHUNKS, type ThreadAnswer, type ThreadRequest } from './thread-messages.ts';

/** What a thread allocates is soon garbage: with more room it would lie about longer, and memory with it. */
const YOUNG_MEGABYTES = 3;

interface Job {
  readonly entries: PackedEntries[];
  readonly watch: ReadWatch;
  /** Places for chunks in the memory that is shared. */
  room: number;
  failure: { readonly error: unknown } | undefined;
  /** Lets the sender go on: there is room, or it is over. */
  wake(): void;
  resolve(layer: ExtractedLayer): void;
  reject(error: unknown): void;
}

/** A reader in a thread of its own, which is started. @param reading of `ReadingCount` */
export function startLayerThread(reading: SharedArrayBuffer): LayerReader {
  // Descriptors are opened by calls that Node does not see
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MEGABYTES };
  const options = { trackUnmanagedFds: false, workerData: reading, resourceLimits };
  const worker = new Worker(new URL('../../programs/layer-worker.cjs', import.meta.url), options);
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
        fail(answer.job, job, receiveError(answer.error));
    }
  });
  const fall = (error: Error) => {
    crash ??= error;
    for (const [id, job] of jobs) fail(id, job, crash);
  };
  worker.on('error', fall);
  worker.on('exit', () => fall(new Error('a thread that stores layers has ended')));

  /** Writes a layer's bytes into the memory, no faster than they are taken. Ends early when the job is over. */
  async function send(
    id: number,
    job: Job,
    stored: AsyncIterable<Uint8Array>,
    memory: SharedArrayBuffer,
  ): Promise<void> {
    const bytes = Buffer.from(memory);
    let turn = 0;
    let filled = 0;
    const flush = (): void => {
      post({ kind: 'chunk', job: id, bytes: filled });
      job.room -= 1;
      turn = (turn + 1) % SENT_CHUNKS;
      filled = 0;
    };
    for await (const chunk of stored) {
      for (let from = 0; from < chunk.length; ) {
        while (job.room === 0 && jobs.has(id)) {
          await new Promise<void>((resolve) => {
            job.wake = resolve;
          });
        }
        if (!jobs.has(id)) return;
        const some = chunk.subarray(from, from + SENT_BYTES - filled);
        bytes.set(some, turn * SENT_BYTES + filled);
        from += some.length;
        filled += some.length;
        if (filled === SENT_BYTES) flush();
      }
    }
    if (filled > 0) flush();
    post({ kind: 'end', job: id });
  }

  return {
    async store(from, options, watch, signal) {
      if (crash !== undefined) throw crash;
      const id = ++lastJob;
      const base = { entries: [], watch, room: SENT_CHUNKS, failure: undefined, wake: () => {} };
      let abort = (): void => {};
      let memory: SharedArrayBuffer | undefined;
      try {
        return await new Promise<ExtractedLayer>((resolve, reject) => {
          const job: Job = { ...base, resolve, reject };
          jobs.set(id, job);
          abort = () => stop(id, job, signal?.reason);
          signal?.addEventListener('abort', abort, { once: true });
          if ('chunks' in from) {
            memory = memories.pop() ?? new SharedArrayBuffer(SENT_CHUNKS * SENT_BYTES);
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
