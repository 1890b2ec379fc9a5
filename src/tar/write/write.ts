import { Readable } from 'node:stream';
import { type Header, pack } from 'tar-stream';
import { sizeMismatch } from '../../crypto/digest.ts';
import { isError } from '../../errors.ts';

/** Content of known length that is not in memory. */
export interface SizedContent {
  /** Bytes. */
  readonly size: number;
  readonly stream: AsyncIterable<Uint8Array>;
}

/**
 * Writes the archives that images are saved in. Entries are written one after the other, in the order of the calls.
 * They belong to root, are dated 1970 and get fixed modes, so that the same image always gives the same archive. Names
 * are text. `tarChunks` writes the archives of root filesystems, which need more.
 */
export interface ArchiveWriter {
  /** The archive. It must be read: an entry is written only after the reader has taken the entries before it. */
  readonly stream: Readable;
  directory(path: string): Promise<void>;
  /** @throws SIZE_MISMATCH when the content has another length than its size; the errors of its stream */
  file(path: string, content: Uint8Array | SizedContent): Promise<void>;
  /** Writes the end of the archive. */
  finish(): void;
  /** Ends the archive with an error: `stream` fails with it. */
  abort(error: Error): void;
}

type EntryHeader = Pick<Header, 'name'> & Partial<Header>;

const EPOCH = new Date(0);
const EMPTY = new Uint8Array(0);

export function createArchiveWriter(): ArchiveWriter {
  const archive = pack();
  const stream = Readable.from(archive, { objectMode: false });
  // `stream` fails with this error; without a listener the process would end
  archive.on('error', () => {});

  /** Settles when the reader has taken the entry from the stream. */
  function whole(header: EntryHeader, content: Uint8Array = EMPTY): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
      const sink = archive.entry({ ...header, mtime: EPOCH }, bytes, (error) => (error ? reject(error) : resolve()));
      sink.on('error', reject);
    });
  }

  async function streamed(header: EntryHeader, { size, stream: content }: SizedContent): Promise<void> {
    let settle: (error?: Error | null) => void = () => {};
    const taken = new Promise<void>((resolve, reject) => {
      settle = (error) => (error ? reject(error) : resolve());
    });
    // It is awaited below; until then its error must not count as unhandled
    taken.catch(() => {});
    const sink = archive.entry({ ...header, size, mtime: EPOCH }, settle);
    sink.on('error', settle);
    let written = 0;
    try {
      for await (const chunk of content) {
        written += chunk.length;
        if (written > size) throw sizeMismatch(size, written, header.name);
        if (!sink.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))) {
          // A reader that is gone takes nothing more: then `taken` fails
          await Promise.race([new Promise<void>((resolve) => sink.once('drain', () => resolve())), taken]);
        }
      }
      if (written !== size) throw sizeMismatch(size, written, header.name);
    } catch (error) {
      abort(isError(error) ? error : new Error(String(error)));
      throw error;
    }
    sink.end(undefined);
    await taken;
  }

  function abort(error: Error): void {
    stream.destroy(error);
    archive.destroy(error);
  }

  return {
    stream,
    directory: (path) => whole({ name: path.endsWith('/') ? path : `${path}/`, type: 'directory', mode: 0o755 }),
    file(name, content) {
      const header: EntryHeader = { name, type: 'file', mode: 0o644 };
      return content instanceof Uint8Array ? whole(header, content) : streamed(header, content);
    },
    finish: () => archive.finalize(),
    abort,
  };
}
