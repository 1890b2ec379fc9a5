import { Readable } from 'node:stream';
import type { OpenContent } from '../../streams/content.ts';

/** Content that is read in sections. */
export interface Sections extends AsyncDisposable {
  /** Opens `length` bytes from a position on. The section before must not be read any more. */
  open(start: number, length: number): Promise<Readable>;
  /** Forgets the stream that is open: after a failure, it may be broken. */
  close(): void;
}

/** A stream of content, and how far it has been read. */
class Reading {
  position = 0;
  /** Whether a section is not read to its end: it may still take bytes. */
  isBusy = false;
  private readonly content: Readable;
  private readonly chunks: AsyncIterator<Buffer>;
  /** Bytes that were read beyond the end of a section. */
  private rest: Buffer = Buffer.alloc(0);

  constructor(content: Readable) {
    this.content = content;
    this.chunks = content.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  /**
   * Reads ahead; false at the end of the content. @throws the error of the stream: at its end, where it is not right
   */
  private async fill(): Promise<boolean> {
    while (this.rest.length === 0) {
      const { done, value } = await this.chunks.next();
      if (done === true) return false;
      this.rest = value;
    }
    return true;
  }

  private async read(most: number): Promise<Buffer | undefined> {
    if (!(await this.fill())) return undefined;
    const chunk = this.rest.subarray(0, most);
    this.rest = this.rest.subarray(chunk.length);
    this.position += chunk.length;
    return chunk;
  }

  async *section(start: number, length: number): AsyncGenerator<Buffer, void> {
    this.isBusy = true;
    while (this.position < start && (await this.read(start - this.position)) !== undefined);
    let left = length;
    do {
      const chunk = left === 0 ? undefined : await this.read(left);
      left -= chunk?.length ?? 0;
      // Content that turns out to be wrong at its end must not reach the registry as a whole.
      if (left === 0) await this.fill();
      if (chunk === undefined) break;
      yield chunk;
    } while (left > 0);
    this.isBusy = false;
  }

  close(): void {
    this.content.destroy();
  }
}

/**
 * Reads content in sections. One stream serves sections that follow one another; for an earlier position the content is
 * opened again, and what lies before it is skipped.
 */
export function readSections(openContent: OpenContent): Sections {
  let reading: Reading | undefined;
  const close = () => {
    reading?.close();
    reading = undefined;
  };
  return {
    async open(start, length) {
      if (reading !== undefined && (reading.isBusy || start < reading.position)) close();
      reading ??= new Reading(await openContent());
      return Readable.from(reading.section(start, length), { objectMode: false });
    },
    close,
    [Symbol.asyncDispose]: async () => close(),
  };
}
