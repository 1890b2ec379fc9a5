import type { Source } from '../../image/source.ts';
import { directoryFiles } from '../files/directory-files.ts';
import { openLayoutSource } from './layout-source.ts';

/** An OCI layout directory as a source. @throws ARCHIVE_INVALID, FORMAT_UNSUPPORTED, DOCUMENT_INVALID, FILESYSTEM */
export function openOciLayoutSource(path: string, signal?: AbortSignal): Promise<Source> {
  return openLayoutSource(directoryFiles(path), { bareTags: true }, signal);
}
