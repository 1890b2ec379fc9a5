import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';
import { collect } from '../streams/collect.ts';
import type { ByteLimit } from '../streams/limited.ts';
import type { Source } from './source.ts';

/** The limit for a document in bytes: the user's, else 4 MiB. */
export function documentBound(limit: number = MAX_DOCUMENT_BYTES): ByteLimit & { readonly option: string } {
  return { bytes: limit, option: '--max-document' };
}

/**
 * Reads the bytes of a manifest, index or config. Its size is compared with the source's limit (default 4 MiB) before
 * anything is read; the source verifies size and digest.
 * @throws LIMIT_EXCEEDED, BLOB_NOT_FOUND, SIZE_MISMATCH, DIGEST_MISMATCH
 */
export async function readDocument(source: Source, descriptor: Descriptor, signal?: AbortSignal): Promise<Buffer> {
  const bound = documentBound(source.documentLimit);
  const where = `${source.label} ${descriptor.digest}`;
  if (descriptor.size > bound.bytes) {
    throw new TsimgError('LIMIT_EXCEEDED', 'document is too large', {
      where,
      why: `${descriptor.size} bytes, at most ${bound.bytes} are read`,
      hint: `raise the limit with ${bound.option} if you trust where it comes from`,
      facts: { size: descriptor.size, limit: bound.bytes, option: bound.option },
    });
  }
  return collect(await source.open(descriptor, signal), bound, where);
}
