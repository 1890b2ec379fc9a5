import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';
import { tooManyBytes } from '../streams/limited.ts';
import { readRegularFile } from '../sys/file/regular-file.ts';

/**
 * Reads a small file of a layout; undefined when it is missing.
 * @throws FILESYSTEM unless it is a regular file; LIMIT_EXCEEDED
 */
export async function readLayoutFile(path: string, limit: number = MAX_DOCUMENT_BYTES): Promise<Buffer | undefined> {
  const bytes = readRegularFile(path, limit);
  if (bytes !== undefined && bytes.length > limit) throw tooManyBytes({ bytes: limit }, path);
  return bytes;
}
