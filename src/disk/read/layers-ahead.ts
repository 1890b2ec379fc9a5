import { algorithmOf } from '../../oci/digest.ts';
import type { Body } from '../../rootfs/body.ts';
import { type Tolerated, tolerate } from '../../rootfs/tolerated.ts';
import { newSpending } from '../../streams/byte-budget.ts';
import type { UnpackOptions } from '../unpack-options.ts';
import type { BodyPool } from '../write/body-pool.ts';
import type { ExtractedLayer, LayerContext } from './layer-context.ts';
import { type LayerInput, readLayer } from './read-layer.ts';
import { readerPool } from './reader-pool.ts';

/** Layers that are read at a time: while one waits for its source, others go on. */
const LAYERS_AT_A_TIME = 4;
/** Each layer has this many numbers of bodies to itself. */
const BODIES_PER_LAYER = 2 ** 32;

/**
 * Returns which body of which layer a body without a pool is: the ordinal of its layer, and its place among the files
 * of the layer that are not empty.
 */
export function placeOfBody({ name }: Body): { readonly ordinal: number; readonly index: number } {
  const number = Number(name);
  return { ordinal: Math.floor(number / BODIES_PER_LAYER), index: number % BODIES_PER_LAYER };
}

/** Layers that are being read, in threads where that pays. */
export interface LayersAhead extends AsyncDisposable {
  /**
   * A layer, once it is extracted. To be called once for each, in order.
   * @throws the error of the first layer that failed
   */
  layer(ordinal: number): Promise<ExtractedLayer>;
}

export interface LayersAheadOptions extends UnpackOptions {
  readonly tolerated: Tolerated;
  /** Returns the pool for the bodies of a layer; undefined where only its headers are wanted. */
  poolOf(ordinal: number): BodyPool | undefined;
  /** Whether a layer is not read, because the caller does not ask for it; default: none. */
  isKept?(ordinal: number): boolean;
}

const nothing = (): void => {};

/** Runs actions, no more than `limit` at a time, in the order in which they were given. */
function limitedTo(limit: number): <T>(action: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = limit;
  return async (action) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await action();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/**
 * Begins to read layers, base first, some at a time and ahead of `layer`. The bodies of each have numbers of their own
 * in the pool. The first layer that fails ends the reading of all. After disposal no layer is being read, and all
 * streams are closed.
 */
export function readLayersAhead(layers: readonly LayerInput[], options: LayersAheadOptions): LayersAhead {
  const { onEvent, tolerated, limits } = options;
  const wanted = layers.filter((_, ordinal) => !options.isKept?.(ordinal));
  const fetches = wanted.some(({ fetch }) => fetch !== undefined);
  const pool = readerPool(wanted, fetches, options.threads);
  const stop = new AbortController();
  const { signal } = stop;
  const spending = newSpending();
  const abort = () => stop.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted) abort();
  const inTurn = limitedTo(LAYERS_AT_A_TIME);
  let failure: { readonly error: unknown } | undefined;

  function contextOf({ label, diffId, digest, size }: LayerInput, ordinal: number): LayerContext {
    return {
      options: {
        where: label,
        pool: options.poolOf(ordinal),
        firstBody: ordinal * BODIES_PER_LAYER,
        algorithm: diffId === undefined ? undefined : algorithmOf(diffId),
        limits,
        spending,
        isPromised: digest !== undefined,
      },
      signal,
      onBytes: (done) => onEvent?.({ kind: 'layer-progress', diffId: label, done, size }),
      onTrailing: () => tolerate(tolerated, 'trailing-bytes', label),
    };
  }

  async function read(layer: LayerInput, ordinal: number): Promise<ExtractedLayer> {
    signal.throwIfAborted();
    return await pool.run(layer.size, async (reader) => {
      const { label, size } = layer;
      onEvent?.({ kind: 'layer-started', diffId: label, index: ordinal, count: layers.length, size });
      return await readLayer(layer, reader, contextOf(layer, ordinal));
    });
  }

  const results = layers.map((layer, ordinal): Promise<ExtractedLayer> | undefined =>
    options.isKept?.(ordinal)
      ? undefined
      : inTurn(() => read(layer, ordinal)).catch((error: unknown) => {
          // Other layers fail after the first because they were stopped
          failure ??= { error };
          stop.abort(error);
          throw failure.error;
        }),
  );
  const settled = Promise.all(results.map((result) => result?.then(nothing, nothing)));
  // Only the fold is left to do then, which takes less memory than a thread
  const over = settled.then(() => pool[Symbol.asyncDispose]());

  return {
    async layer(ordinal) {
      const result = results[ordinal];
      if (result === undefined) throw new RangeError(`layer ${ordinal} is not there, or not any more`);
      // Frees its headers once they are folded
      results[ordinal] = undefined;
      const extracted = await result;
      // Here, so that the events of all layers come in order
      onEvent?.({ kind: 'layer-done', diffId: layers[ordinal]?.label ?? '', entries: extracted.entries.length });
      return extracted;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await over;
      options.signal?.removeEventListener('abort', abort);
    },
  };
}
