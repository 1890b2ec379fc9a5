import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Content } from '../streams/content.ts';

/** A place that images are written to. Blobs come first and names last, so that a half-written image has no name. */
export interface Sink {
  /** The name of the sink in errors: a path. */
  readonly label: string;
  /** The most blobs that may be written at a time: 1 for an archive. Absent: the caller's choice. */
  readonly concurrency?: number | undefined;
  /** Returns whether the sink holds a blob of this digest and size, as far as it can tell undamaged. */
  has(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean>;
  /**
   * Stores content under its digest, atomically; a blob that is there already is no error. Size and digest are verified
   * by the sink; of a blob in a registry, by the registry. Content that is opened by a function may be opened again: a
   * sink that sends it over a network does so after a broken connection. It may be opened at an offset too, by a sink
   * that has its first bytes from an earlier write.
   * @throws SIZE_MISMATCH, DIGEST_MISMATCH when the content is not the descriptor's; FILESYSTEM; the errors of a
   * registry
   */
  write(descriptor: Descriptor, content: Content, signal?: AbortSignal): Promise<void>;
  /** Gives names to a manifest or index whose blobs are all there. Without names it is known by its digest. */
  publish(descriptor: Descriptor, names: readonly string[], signal?: AbortSignal): Promise<void>;
  /**
   * Keeps a manifest that is attached to an image (a signature), all of whose blobs are there, so that it is found with
   * the image.
   * @param tag the tag that it had in the image's repository; undefined for a referrer. Absent where a medium keeps
   * none.
   */
  attach?(subject: Digest, descriptor: Descriptor, tag: string | undefined, signal?: AbortSignal): Promise<void>;
  /** Completes the published images: an archive gets its file name only now. */
  close(): Promise<void>;
  /**
   * Ends a failed copy, in the place of `close`: the destination stays as it was. Absent where a published image needs
   * no `close`.
   */
  abort?(): Promise<void>;
}

/** Writes a manifest or index that the sink does not have. @throws the errors of the sink */
export async function writeUnlessThere(
  { descriptor, bytes }: { readonly descriptor: Descriptor; readonly bytes: Uint8Array },
  sink: Sink,
  signal?: AbortSignal,
): Promise<void> {
  if (!(await sink.has(descriptor, signal))) await sink.write(descriptor, bytes, signal);
}

/**
 * Runs an action that writes to an open sink, and completes the sink. Where the action fails, the sink is aborted: the
 * error of the action is thrown, also where aborting fails.
 * @throws the errors of the action and of `close`
 */
export async function withSink<T>(sink: Sink, action: () => Promise<T>): Promise<T> {
  try {
    const result = await action();
    await sink.close();
    return result;
  } catch (error) {
    // The first error is the one to tell.
    await (sink.abort ?? sink.close)().catch(() => undefined);
    throw error;
  }
}
