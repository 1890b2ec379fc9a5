import { Readable } from 'node:stream';
import { TsimgError } from '../errors.ts';
import { readDocument } from '../image/read-document.ts';
import type { Source } from '../image/source.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';

/** Errors that make a local copy useless. */
const UNUSABLE: ReadonlySet<string> = new Set(['BLOB_NOT_FOUND', 'SIZE_MISMATCH', 'DIGEST_MISMATCH']);

/** Reads a document (manifest, index, config) from `local`; undefined where it is missing or damaged there. */
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

/**
 * Returns a source that reads content of up to 4 MiB, documents above all, from `local` where that has it. Closing it
 * closes `source` alone.
 */
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
