import type koffi from 'koffi';
import { loadKoffi } from '../koffi.ts';
import { isGlibc } from '../libc.ts';
import { findTrustedLibrary } from './trusted-library.ts';

/** Decompresses streams by a library of the host, one after the other. It verifies no more than the library does. */
export interface HostDecoder {
  /** Begins a stream. */
  reset(): void;
  /** The next input; only when `inputLeft` is 0. The bytes must not change until they are used up. */
  give(input: Buffer): void;
  /** Bytes of input that were given and not looked at. */
  readonly inputLeft: number;
  /**
   * Decompresses into a buffer; how many bytes it wrote. Fewer than fit: it wants more input, or the stream is over.
   * One at a time. @param beside in another thread, while this one goes on
   */
  run(output: Buffer, beside: boolean): Promise<number>;
  /** Why it cannot go on, or undefined. */
  readonly failure: string | undefined;
  /** Whether the stream is over, and all its content was written. */
  readonly isFinished: boolean;
  /** When the stream is over: the bytes of input that are not of it, in their order. */
  unused(): Buffer;
}

/** Less input than this is decompressed at once: the way to a thread and back takes longer. */
export const SMALL_BYTES = 8 * 1024;

/**
 * The library's functions, or undefined where there is none that can be trusted, or `$TSIMG_HOST_LIBRARIES` is `0`.
 * @param isInNode whether Node contains the library as well and shows its symbols: then it is used only where it can have symbols of
 * its own (RTLD_DEEPBIND, which musl has not). It would call Node's functions of another version with its own structures.
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
    // Another processor's library, or one without these functions: we can do without.
    return undefined;
  }
}

/** Where a buffer lies, for structures that are laid out by hand. */
export function addressOf(buffer: Buffer): bigint {
  return BigInt(loadKoffi().address(buffer));
}
