import type { Readable } from 'node:stream';
import type { Descriptor } from '../oci/descriptor.ts';

/** Where images go. Blobs first, the name last: what is half written has no name. */
export interface Sink {
  readonly label: string;
  /** Blobs that it takes at a time; a stream of an archive takes 1. Absent: the caller's choice. */
  readonly concurrency?: number | undefined;
  /** Whether it holds this, of this size and as far as it can tell undamaged: then it is not written again. */
  has(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean>;
  /** Idempotent and atomic: after it the content is stored under its digest, whoever put it there. Verifies what it is given. */
  write(descriptor: Descriptor, content: Readable | Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Makes a manifest or index, all of whose blobs are there, known under these names. */
  publish(descriptor: Descriptor, names: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Completes what was published: only then has an archive its name. */
  close(): Promise<void>;
  /** Instead of `close` when a copy has failed: leaves what was there before. Absent where published images are complete as they are. */
  abort?(): Promise<void>;
}
