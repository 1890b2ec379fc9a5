import type { Readable } from 'node:stream';
import { TsimgError } from '../../errors.ts';

/** The longest line of a message, in bytes. Errors hold paths of the container. */
const MAX_LINE = 256 * 1024;
const LINE_FEED = 0x0a;
/** Characters of a message that an error shows. */
const SHOWN = 80;

/** A helper that is not of this version of tsimg is the likeliest reason. */
const HINT = 'try again; if it fails again, reinstall tsimg: its files may be of several versions';

/**
 * Reads a JSON text that one process of ours sent to another. @param isMessage checks the value; it must not throw
 * @throws LAUNCH_FAILED where the text is no JSON, or the value is not of the type
 */
export function parseMessage<Message>(text: string, isMessage: (value: unknown) => value is Message): Message {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notUnderstood(text, 'it is not JSON');
  }
  if (isMessage(value)) return value;
  throw notUnderstood(text, 'a field is missing or has a wrong type');
}

function notUnderstood(text: string, why: string): TsimgError {
  const where = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  const what = 'a message between two processes of tsimg cannot be understood';
  return new TsimgError('LAUNCH_FAILED', what, { where, why, hint: HINT });
}

function tooLong(): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'a message between two processes of tsimg is too long', {
    why: `it has more than ${MAX_LINE} bytes`,
    hint: HINT,
  });
}

/**
 * Yields the lines of a stream of UTF-8 without their line feeds; one without a line feed may come last. Nothing else
 * ends a line: `readline` of Node 24 ends one at U+2028 and U+2029 too, and paths and labels in JSON may hold them.
 * @throws LAUNCH_FAILED for a line that is too long, and the errors of the stream
 */
export async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      const piece = chunk.subarray(start, end < 0 ? undefined : end);
      size += piece.length;
      if (size > MAX_LINE) throw tooLong();
      begun.push(piece);
      if (end < 0) break;
      yield Buffer.concat(begun, size).toString();
      [begun, size, start] = [[], 0, end + 1];
    }
  }
  if (size > 0) yield Buffer.concat(begun, size).toString();
}

/**
 * Yields the messages of a process of ours, one JSON value a line, until all processes that hold the stream are gone.
 * @throws LAUNCH_FAILED for a line that is too long, and as `parseMessage`
 */
export async function* readMessages<Message>(
  stream: Readable,
  isMessage: (value: unknown) => value is Message,
): AsyncGenerator<Message> {
  for await (const line of readLines(stream)) yield parseMessage(line, isMessage);
}
