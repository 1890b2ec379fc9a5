import type { PortableError } from '../../sys/portable-error.ts';
import type { ExtractedLayer, LayerOptions } from './layer-context.ts';
import type { PackedEntries } from './pack-entries.ts';
import type { PromisedSection } from './read-file-section.ts';
import type { Promised } from './verified-chunks.ts';

/** The number of chunks of a layer that can be on their way to a thread, and the bytes of one. */
export const SENT_CHUNKS = 4;
export const SENT_BYTES = 256 * 1024;

/** Memory into which a layer is written chunk by chunk, in turns. A layer without a promise is verified already. */
export interface SentLayer {
  readonly memory: SharedArrayBuffer;
  readonly promised: Promised | undefined;
}

/** To a thread that reads layers, several at a time: `job` tells them apart. */
export type ThreadRequest =
  | {
      readonly kind: 'layer';
      readonly job: number;
      readonly options: LayerOptions;
      readonly from: PromisedSection | SentLayer;
    }
  /** The next chunk is in the memory. */
  | { readonly kind: 'chunk'; readonly job: number; readonly bytes: number }
  | { readonly kind: 'end'; readonly job: number }
  /** The layer is not wanted any more. The thread answers `failed` when it has stopped reading it. */
  | { readonly kind: 'stop'; readonly job: number };

/** From a thread that reads layers. `extracted` or `failed` is the last answer to a job. */
export type ThreadAnswer =
  /** The thread is done with so many of the oldest chunks: new ones can take their places. */
  | { readonly kind: 'taken'; readonly job: number; readonly chunks: number }
  | { readonly kind: 'progress'; readonly job: number; readonly done: number }
  | { readonly kind: 'trailing'; readonly job: number }
  | { readonly kind: 'entries'; readonly job: number; readonly entries: PackedEntries }
  | { readonly kind: 'extracted'; readonly job: number; readonly layer: Omit<ExtractedLayer, 'entries'> }
  | { readonly kind: 'failed'; readonly job: number; readonly error: PortableError };
