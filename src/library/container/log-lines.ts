import { StringDecoder } from 'node:string_decoder';
import type { LogEntry } from '../../host/stdio/read-log.ts';

/** A line of a container's output. */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** When its beginning was written, RFC 3339. */
  readonly time: string;
  /** The line without its line feed; bytes that are not UTF-8 are replaced. It is what the container wrote: escape it. */
  readonly text: string;
}

interface Unfinished {
  readonly time: string;
  text: string;
  size: number;
}

function lineOf(stream: LogEntry['stream'], { time, text }: Unfinished): LogLine {
  return { stream, time, text: text.replace(/\n$/, '') };
}

/** Bytes: a line that is longer comes in several pieces, since a container may write one without an end. */
const LONGEST = 1024 * 1024;

/** Joins the pieces of a log to lines. A last line without a line feed comes at the end. */
export async function* linesOf(entries: AsyncIterable<LogEntry>): AsyncGenerator<LogLine> {
  const unfinished = new Map<LogEntry['stream'], Unfinished>();
  // A character may be cut where a piece ends.
  const decoders = { stdout: new StringDecoder(), stderr: new StringDecoder() };
  for await (const { stream, time, text, ends } of entries) {
    const line = unfinished.get(stream) ?? { time, text: '', size: 0 };
    line.text += ends ? decoders[stream].end(text) : decoders[stream].write(text);
    line.size += text.length;
    if (ends || line.size >= LONGEST) {
      unfinished.delete(stream);
      yield lineOf(stream, line);
    } else {
      unfinished.set(stream, line);
    }
  }
  for (const [stream, line] of unfinished) {
    line.text += decoders[stream].end();
    yield lineOf(stream, line);
  }
}
