import type { PortableError } from '../../sys/portable-error.ts';
import type { ExtractedLayer } from './extract-bodies.ts';
import type { PackedEntries } from './pack-entries.ts';
import type { ReadOptions } from './read-decompressed.ts';
import type { PromisedSection } from './read-file-section.ts';
import type { Promised } from './verified-chunks.ts';

/** How many chunks of a layer there is room for on their way to a thread, and bytes of one. */
export const SENT_CHUNKS = 4;
export const SENT_BYTES = 256 * 1024;

/** Memory into which a layer is written chunk by chunk, in turns; who promises nothing has verified it. */
export interface SentLayer {
  readonly memory: SharedArrayBuffer;
  readonly promised: Promised | undefined;
}

/** To a thread that stores layers. `job` tells layers apart, of which it reads several at a time. */
export type ThreadRequest =
  | {
      readonly kind: 'layer';
      readonly job: number;
      readonly options: ReadOptions;
      readonly from: PromisedSection | SentLayer;
    }
  /** The next chunk lies in the memory. */
  | { readonly kind: 'chunk'; readonly job: number; readonly bytes: number }
  | { readonly kind: 'end'; readonly job: number }
  /** Nobody wants the layer any more; answered by `failed`, when nothing of it is at work. */
  | { readonly kind: 'stop'; readonly job: number };

/** From it. `stored` or `failed` is the last of a job. */
export type ThreadAnswer =
  /** The oldest chunks are not looked at any more: their places are free. */
  | { readonly kind: 'taken'; readonly job: number; readonly chunks: number }
  | { readonly kind: 'progress'; readonly job: number; readonly done: number }
  | { readonly kind: 'trailing'; readonly job: number }
  | { readonly kind: 'entries'; readonly job: number; readonly entries: PackedEntries }
  | { readonly kind: 'stored'; readonly job: number; readonly layer: Omit<ExtractedLayer, 'entries'> }
  | { readonly kind: 'failed'; readonly job: number; readonly error: PortableError };
