import type { Readable } from 'node:stream';
import type { FileSection } from '../../image/file-section.ts';
import { documentBound } from '../../image/read-document.ts';
import { collect } from '../../streams/collect.ts';
import { type ByteLimit, tooManyBytes } from '../../streams/limited.ts';

/** Files by name: members of an archive, or files below a directory. Names are relative, with `/`. */
export interface Files {
  /** The name of the archive or directory in errors. */
  readonly label: string;
  /** The most bytes of a document. Default 4 MiB. */
  readonly documentLimit?: number | undefined;
  /** All names, where they are known without reading directories: those of an archive. */
  readonly names?: Iterable<string> | undefined;
  /**
   * Returns whether a name is repeated, so that another reader may see another content. Absent where names cannot
   * repeat.
   */
  isRepeated?(name: string): boolean;
  /** Returns the size of a file in bytes; undefined where it is missing. */
  size(name: string): Promise<number | undefined>;
  /**
   * Reads a small file at once. Of a file with more than `most` bytes, returns the first `most` + 1. Undefined where
   * the file is missing. Absent where content comes as a stream.
   */
  read?(name: string, most: number): Promise<Buffer | undefined>;
  /** Opens the content, which is not verified; undefined where the file is missing. */
  open(name: string, signal?: AbortSignal): Promise<Readable | undefined>;
  /** Returns the part of an open file that holds the content; undefined where the file is missing. */
  locate(name: string): Promise<FileSection | undefined>;
  close(): Promise<void>;
}

/** Reads a whole document; undefined where it is missing. @throws LIMIT_EXCEEDED */
export function readWholeDocument(files: Files, name: string, signal?: AbortSignal): Promise<Buffer | undefined> {
  return readWhole(files, name, documentBound(files.documentLimit), signal);
}

/** Reads a whole small file; undefined where it is missing. `limit` is in bytes. @throws LIMIT_EXCEEDED */
export async function readWhole(
  files: Files,
  name: string,
  limit: number | ByteLimit,
  signal?: AbortSignal,
): Promise<Buffer | undefined> {
  const bound = typeof limit === 'number' ? { bytes: limit } : limit;
  const where = `${files.label} ${name}`;
  if (files.read !== undefined) {
    const bytes = await files.read(name, bound.bytes);
    if (bytes !== undefined && bytes.length > bound.bytes) throw tooManyBytes(bound, where);
    return bytes;
  }
  const stream = await files.open(name, signal);
  return stream === undefined ? undefined : collect(stream, bound, where);
}
