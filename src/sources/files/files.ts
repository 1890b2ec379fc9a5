import type { Readable } from 'node:stream';
import type { FileSection } from '../../image/file-section.ts';
import { documentBound } from '../../image/read-document.ts';
import { collect } from '../../streams/collect.ts';
import type { ByteLimit } from '../../streams/limited.ts';

/** Files by name, wherever they are: members of an archive or files below a directory. Names are relative, with `/`. */
export interface Files {
  /** What to call the whole in errors. */
  readonly label: string;
  /** The largest document that is read of them: bytes. Default 4 MiB. */
  readonly documentLimit?: number | undefined;
  /** All names at hand, where they are known without looking: an archive's. */
  readonly names?: Iterable<string> | undefined;
  /**
   * Whether a name stands more than once, so that another reader may take another content for it. Absent where none
   * can.
   */
  isRepeated?(name: string): boolean;
  /** Bytes of a file; undefined when there is none of this name. */
  size(name: string): Promise<number | undefined>;
  /** Its content, not verified; undefined when there is none of this name. */
  open(name: string, signal?: AbortSignal): Promise<Readable | undefined>;
  /** Where its content lies in a file that is, or is now, open; undefined when there is none of this name. */
  locate(name: string): Promise<FileSection | undefined>;
  close(): Promise<void>;
}

/** A whole document; undefined when it is not there. @throws LIMIT_EXCEEDED */
export function readWholeDocument(files: Files, name: string, signal?: AbortSignal): Promise<Buffer | undefined> {
  return readWhole(files, name, documentBound(files.documentLimit), signal);
}

/** A whole small file; undefined when it is not there. `limit` is in bytes. @throws LIMIT_EXCEEDED */
export async function readWhole(
  files: Files,
  name: string,
  limit: number | ByteLimit,
  signal?: AbortSignal,
): Promise<Buffer | undefined> {
  const stream = await files.open(name, signal);
  return stream === undefined ? undefined : collect(stream, limit, `${files.label} ${name}`);
}
