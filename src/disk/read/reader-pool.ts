import { availableParallelism } from 'node:os';
import { type LayerReader, localReader } from './layer-reader.ts';
import { LayerThread } from './layer-thread.ts';
import type { LayerInput } from './read-layer.ts';
import { ReadingCount } from './read-verified.ts';

/** Bytes of stored layers that are worth a thread: starting one takes about 30 ms. */
const BYTES_PER_THREAD = 8 * 1024 * 1024;
const MAX_THREADS = 8;

/** Readers of layers: threads, and the caller's own thread. */
export interface ReaderPool extends AsyncDisposable {
  /** Runs an action with the reader that has the least to do. @param size bytes of its layer */
  run<T>(size: number, action: (reader: LayerReader) => Promise<T>): Promise<T>;
}

/** Returns the number of threads that these layers are worth. @param isBusy as in `readerPool` */
function threadsFor(layers: readonly LayerInput[], isBusy: boolean): number {
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  const readers = Math.min(layers.length, Math.floor(bytes / BYTES_PER_THREAD), availableParallelism(), MAX_THREADS);
  return isBusy ? readers : Math.max(0, readers - 1);
}

/**
 * Makes a pool of readers: threads, which are started when there is work for them, and the caller's thread.
 * @param isBusy whether the caller's thread has other work, such as connections to a registry: then it reads only where
 *   there are no threads
 * @param threads how many at most; by default as many as the layers are worth
 */
export function readerPool(layers: readonly LayerInput[], isBusy: boolean, threads?: number): ReaderPool {
  const most = threads ?? threadsFor(layers, isBusy);
  const reading = new SharedArrayBuffer(4);
  const members: { readonly reader: LayerReader; bytes: number }[] = [];
  if (!isBusy || most === 0) members.push({ reader: localReader(new ReadingCount(reading)), bytes: 0 });
  const size = members.length + most;
  return {
    async run(bytes, action) {
      if (members.length < size && members.every((member) => member.bytes > 0)) {
        members.push({ reader: new LayerThread(reading), bytes: 0 });
      }
      const [member] = members.toSorted((left, right) => left.bytes - right.bytes);
      if (member === undefined) throw new RangeError('a pool without readers');
      member.bytes += bytes;
      try {
        return await action(member.reader);
      } finally {
        member.bytes -= bytes;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map(({ reader }) => reader[Symbol.asyncDispose]()));
    },
  };
}
