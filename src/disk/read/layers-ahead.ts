import { availableParallelism } from 'node:os';
import type { TsimgEvent } from '../../events.ts';
import { newSpending } from '../../streams/byte-budget.ts';
import type { BodyPool } from '../write/body-pool.ts';
import type { ExtractedLayer } from './extract-bodies.ts';
import { type LayerReader, localReader, ReadingCount } from './layer-reader.ts';
import { startLayerThread } from './layer-thread.ts';
import { limitedTo } from './limited-to.ts';
import { type LayerInput, type ReadLayerOptions, readLayer } from './read-layer.ts';

/** Layers that are read at a time: while one waits for its source, others go on. */
const LAYERS_AT_A_TIME = 4;
/** Bytes of layers, as stored, that are worth a thread: it costs some 30 ms. */
const BYTES_PER_THREAD = 8 * 1024 * 1024;
const MAX_THREADS = 8;
/** Numbers of bodies that a layer has to itself. */
const BODIES_PER_LAYER = 2 ** 32;

/** Layers that are being read, in threads where that pays. */
export interface LayersAhead extends AsyncDisposable {
  /** A layer when it is stored; asked for once, in order. @throws what the first layer that failed did with */
  layer(ordinal: number): Promise<ExtractedLayer>;
}

export interface LayersAheadOptions extends Omit<ReadLayerOptions, 'firstBody' | 'spending' | 'pool'> {
  /** Where a layer's bodies are stored; undefined where only its headers are wanted. */
  poolOf(ordinal: number): BodyPool | undefined;
  /** Layers that nobody will ask for, and that are not read; none when absent. */
  isKept?(ordinal: number): boolean;
}

const nothing = (): void => {};

/** Threads besides this one, which reads as well, unless layers come from a registry: who waits for a connection must not keep it. */
function threadsFor(layers: readonly LayerInput[], fetches: boolean): number {
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  const readers = Math.min(layers.length, Math.floor(bytes / BYTES_PER_THREAD), availableParallelism(), MAX_THREADS);
  return fetches ? readers : Math.max(0, readers - 1);
}

interface ReaderPool extends AsyncDisposable {
  /** Runs an action with the reader that has the least to do. @param size bytes of its layer */
  run<T>(size: number, action: (reader: LayerReader) => Promise<T>): Promise<T>;
}

/**
 * Readers in threads that are started when there is work for them, and one in this thread.
 * @param isBusy whether this thread has other work: then it reads only where there are no others
 */
function readerPool(threads: number, isBusy: boolean): ReaderPool {
  const reading = new SharedArrayBuffer(4);
  const members: { readonly reader: LayerReader; bytes: number }[] = [];
  if (!isBusy || threads === 0) members.push({ reader: localReader(new ReadingCount(reading)), bytes: 0 });
  const most = members.length + threads;
  return {
    async run(size, action) {
      if (members.length < most && members.every(({ bytes }) => bytes > 0)) {
        members.push({ reader: startLayerThread(reading), bytes: 0 });
      }
      const [member] = members.toSorted((left, right) => left.bytes - right.bytes);
      if (member === undefined) throw new RangeError('nobody reads layers');
      member.bytes += size;
      try {
        return await action(member.reader);
      } finally {
        member.bytes -= size;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map(({ reader }) => reader[Symbol.asyncDispose]()));
    },
  };
}

/**
 * Begins to read layers, base first, some at a time and ahead of who asks for them, each into numbers of its own in the
 * pool. The first that fails ends all. Disposed of, nothing of it is at work and all streams are closed.
 */
export function readLayersAhead(layers: readonly LayerInput[], options: LayersAheadOptions): LayersAhead {
  const wanted = layers.filter((_, ordinal) => !options.isKept?.(ordinal));
  const fetches = wanted.some(({ fetch }) => fetch !== undefined);
  const pool = readerPool(options.threads ?? threadsFor(wanted, fetches), fetches);
  const stop = new AbortController();
  const spending = newSpending();
  const abort = () => stop.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted) abort();
  const inTurn = limitedTo(LAYERS_AT_A_TIME);
  let failure: { readonly error: unknown } | undefined;

  /** By ordinal: told when the layer's turn has come, so that what is told of it stands in order. */
  const doneEvents = new Map<number, TsimgEvent>();

  async function read(layer: LayerInput, ordinal: number): Promise<ExtractedLayer> {
    stop.signal.throwIfAborted();
    const onEvent = (event: TsimgEvent) => {
      if (event.kind === 'layer-done') doneEvents.set(ordinal, event);
      else options.onEvent?.(event);
    };
    const firstBody = ordinal * BODIES_PER_LAYER;
    const own = { ...options, onEvent, signal: stop.signal, pool: options.poolOf(ordinal), firstBody, spending };
    return await pool.run(layer.size, (reader) => readLayer(layer, ordinal, layers.length, own, reader));
  }

  const results = layers.map((layer, ordinal): Promise<ExtractedLayer> | undefined =>
    options.isKept?.(ordinal)
      ? undefined
      : inTurn(() => read(layer, ordinal)).catch((error: unknown) => {
          // What the others fail with after that is that they were ended
          failure ??= { error };
          stop.abort(error);
          throw failure.error;
        }),
  );
  const settled = Promise.all(results.map((result) => result?.then(nothing, nothing)));
  // A thread takes more memory than the fold, which is what is left to do then
  const over = settled.then(() => pool[Symbol.asyncDispose]());

  return {
    async layer(ordinal) {
      const result = results[ordinal];
      if (result === undefined) throw new RangeError(`layer ${ordinal} is not there, or not any more`);
      // So that its headers are gone when they are folded
      results[ordinal] = undefined;
      const stored = await result;
      const event = doneEvents.get(ordinal);
      if (event !== undefined) options.onEvent?.(event);
      return stored;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await over;
      options.signal?.removeEventListener('abort', abort);
    },
  };
}
