import type koffi from 'koffi';
import { loadKoffi } from '../koffi.ts';
import { isGlibc } from '../libc.ts';
import { findTrustedLibrary } from './trusted-library.ts';

/** Decompresses streams by a library of the host, one after the other. It verifies as much as the library does. */
export interface HostDecoder {
  /** Begins a stream. */
  reset(): void;
  /** Gives the next input; only when `inputLeft` is 0. The bytes must not change until they are used up. */
  give(input: Buffer): void;
  /** Bytes of the given input that are not used yet. */
  readonly inputLeft: number;
  /**
   * Decompresses into a buffer; returns how many bytes it wrote. If the buffer is not full, it needs more input, or the
   * stream is over. Only one call at a time.
   * @param beside in another thread, while this one goes on
   */
  run(output: Buffer, beside: boolean): Promise<number>;
  /** The reason why it cannot go on, or undefined. */
  readonly failure: string | undefined;
  /** Whether the stream is over, and all its content written. */
  readonly isFinished: boolean;
  /** The bytes of input behind the end of the stream, in their order. */
  unused(): Buffer;
}

/** Input below this many bytes is decompressed in this thread: the way to another thread and back takes longer. */
export const SMALL_BYTES = 8 * 1024;

/**
 * Returns the functions of a library; undefined where no trusted one is installed, or where `$TSIMG_HOST_LIBRARIES` is
 * `0`.
 * @param isInNode whether Node contains the library as well and exports its symbols. Then the library is used only
 *   where it can keep its own symbols (RTLD_DEEPBIND, which musl lacks). Otherwise it would call functions of another
 *   version in Node with its own structures.
 */
export function loadHostLibrary<Functions>(
  { name, isInNode }: { readonly name: string; readonly isInNode: boolean },
  bindAll: (library: ReturnType<typeof koffi.load>) => Functions,
  isAsExpected: (functions: Functions) => boolean,
): Functions | undefined {
  if (process.env.TSIMG_HOST_LIBRARIES === '0' || (isInNode && !isGlibc())) return undefined;
  const path = findTrustedLibrary(name);
  if (path === undefined) return undefined;
  try {
    const functions = bindAll(loadKoffi().load(path, { deep: true }));
    return isAsExpected(functions) ? functions : undefined;
  } catch {
    // The library is for another processor, or lacks these functions: it is not needed
    return undefined;
  }
}

/** Returns the address of a buffer, for structures that are laid out by hand. */
export function addressOf(buffer: Buffer): bigint {
  return BigInt(loadKoffi().address(buffer));
}
