import { Readable } from 'node:stream';
import { type Header, pack } from 'tar-stream';
import { sizeMismatch } from '../../crypto/digest.ts';

/** Content of known length that is not in memory. */
export interface SizedContent {
  /** Bytes. */
  readonly size: number;
  readonly stream: AsyncIterable<Uint8Array>;
}

/**
 * A writer of the archives that images are saved in. Entries are written one after the other and stand in that order;
 * they belong to root, are dated 1970 and get fixed modes, so that the same image always gives the same archive.
 * Names are text. (What a root filesystem needs beyond that `tarChunks` writes.)
 */
export interface ArchiveWriter {
  /** The archive. It must be read: an entry is written only when what stood before it was taken. */
  readonly stream: Readable;
  directory(path: string): Promise<void>;
  /** @throws SIZE_MISMATCH when the content is not as long as it says; what its stream throws */
  file(path: string, content: Uint8Array | SizedContent): Promise<void>;
  symlink(path: string, target: string): Promise<void>;
  /** Writes the end of the archive. */
  finish(): void;
  /** Gives up: `stream` fails with this error instead of ending. */
  abort(error: Error): void;
}

type EntryHeader = Pick<Header, 'name'> & Partial<Header>;

const EPOCH = new Date(0);
const EMPTY = new Uint8Array(0);

export function createArchiveWriter(): ArchiveWriter {
  const archive = pack();
  const stream = Readable.from(archive, { objectMode: false });
  // `stream` fails with it; without a listener the process would.
  archive.on('error', () => {});

  /** Settles when the entry was taken from the stream. */
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
    // It is awaited below; until then its failure must not count as unhandled.
    taken.catch(() => {});
    const sink = archive.entry({ ...header, size, mtime: EPOCH }, settle);
    sink.on('error', settle);
    let written = 0;
    try {
      for await (const chunk of content) {
        written += chunk.length;
        if (written > size) throw sizeMismatch(size, written, header.name);
        if (!sink.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))) {
          // a reader who went away takes nothing more: then it is `taken` that fails
          await Promise.race([new Promise<void>((resolve) => sink.once('drain', () => resolve())), taken]);
        }
      }
      if (written !== size) throw sizeMismatch(size, written, header.name);
    } catch (error) {
      abort(error instanceof Error ? error : new Error(String(error)));
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
    symlink: (name, linkname) => whole({ name, linkname, type: 'symlink', mode: 0o777 }),
    finish: () => archive.finalize(),
    abort,
  };
}
