import { TsimgError } from '../../../src/errors.ts';
import type { TarHeader } from '../../../src/tar/header.ts';
import { createTarReader, type TarReaderOptions } from '../../../src/tar/read/read.ts';

/** An entry with its content; holes are zeros. */
export interface WholeEntry {
  readonly header: TarHeader;
  readonly content: Buffer;
}

/** Reads an archive with the product's reader, in chunks of this many bytes. */
export function readWhole(archive: Buffer, chunkBytes = archive.length, options: TarReaderOptions = {}): WholeEntry[] {
  const entries: WholeEntry[] = [];
  let header: TarHeader | undefined;
  let content = Buffer.alloc(0);
  const reader = createTarReader(
    {
      entry(next) {
        if (header !== undefined) throw new Error('an entry began before the last one ended');
        header = next;
        content = Buffer.alloc(next.size);
      },
      data(chunk, position) {
        if (position + chunk.length > content.length) throw new Error('content beyond the size of its entry');
        chunk.copy(content, position);
      },
      end() {
        if (header === undefined) throw new Error('an entry ended that had not begun');
        entries.push({ header, content });
        header = undefined;
      },
    },
    options,
  );
  for (let at = 0; at < archive.length; at += chunkBytes) reader.write(archive.subarray(at, at + chunkBytes));
  reader.end();
  return entries;
}

/** Returns the only entry of an archive. */
export function readOne(archive: Buffer, options: TarReaderOptions = {}): WholeEntry {
  const [entry, ...more] = readWhole(archive, archive.length, options);
  if (entry === undefined || more.length > 0) throw new Error(`${more.length + (entry ? 1 : 0)} entries`);
  return entry;
}

/** Returns the code of the error that reading an archive ends with; `none` without one. Throws other errors. */
export function codeOfReading(archive: Buffer, options: TarReaderOptions = {}): string {
  return codeOf(() => readWhole(archive, archive.length, options));
}

export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof TsimgError) return error.code;
    throw error;
  }
  return 'none';
}
