import { Readable } from 'node:stream';
import { TsimgError } from '../errors.ts';
import { readDocument } from '../image/read-document.ts';
import type { Source } from '../image/source.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';

/** What says that a copy is not the content that was asked for. */
const UNUSABLE: ReadonlySet<string> = new Set(['BLOB_NOT_FOUND', 'SIZE_MISMATCH', 'DIGEST_MISMATCH']);

/**
 * A document (manifest, index, config) as `local` has it; undefined where it has not got it, or got it damaged.
 */
export async function localDocument(
  local: Source,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<Buffer | undefined> {
  if (descriptor.size > MAX_DOCUMENT_BYTES) return undefined;
  try {
    return await readDocument(local, descriptor, signal);
  } catch (error) {
    if (error instanceof TsimgError && UNUSABLE.has(error.code)) return undefined;
    throw error;
  }
}

/** A source whose small content, documents above all, is read from `local` where that has it. Closes only `source`. */
export function preferLocal(source: Source, local: Source): Source {
  const { fetch } = source;
  async function* fetchUnlessLocal(descriptor: Descriptor, signal?: AbortSignal): AsyncGenerator<Buffer, void> {
    const bytes = await localDocument(local, descriptor, signal);
    if (bytes === undefined) yield* fetch?.(descriptor, signal) ?? [];
    else yield bytes;
  }
  return {
    ...source,
    ...(fetch && { fetch: fetchUnlessLocal }),
    open: async (descriptor, signal) => {
      const bytes = await localDocument(local, descriptor, signal);
      return bytes === undefined ? source.open(descriptor, signal) : Readable.from([bytes], { objectMode: false });
    },
  };
}
