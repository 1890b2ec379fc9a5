import { isMismatch } from '../crypto/digest.ts';
import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { skipping } from '../streams/skipping.ts';
import type { Layer } from './image.ts';
import type { Source } from './source.ts';

/** The functions that open a blob: `open` and `openAt` of a layer, or those of a source for one descriptor. */
export type Opener = Pick<Layer, 'open' | 'openAt' | 'distrust'>;

/** Returns the functions that open a blob of a source. */
export function openerOf(source: Source, descriptor: Descriptor): Opener {
  const openAt = source.openAt?.bind(source);
  return {
    open: (signal) => source.open(descriptor, signal),
    distrust: async () => (await source.distrust?.(descriptor)) === true,
    openAt: openAt && ((offset, signal) => openAt(descriptor, offset, signal)),
  };
}

/** Whether content that was wrong may be right when it is opened again, from another host. */
export async function mayBeRightElsewhere({ distrust }: Opener, error: unknown): Promise<boolean> {
  // Decompression fails before the digest is compared.
  const isGarbled = error instanceof TsimgError && error.code === 'COMPRESSION_INVALID';
  return (isGarbled || isMismatch(error)) && (await distrust?.()) === true;
}

/**
 * Opens a blob for a sink, at an offset in bytes, 0 too: **not verified**. Where the medium cannot begin in the middle,
 * the bytes before the offset are read and dropped.
 * @throws the errors of `open` and `openAt`
 */
export async function openFrom(opener: Opener, offset: number, signal?: AbortSignal): Promise<AsyncIterable<Buffer>> {
  return opener.openAt?.(offset, signal) ?? skipping(await opener.open(signal), offset);
}
