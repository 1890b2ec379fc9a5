import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { TsimgError } from '../../errors.ts';

/** The longest line of a message, in characters. Errors hold paths of the container. */
const MAX_LINE = 256 * 1024;
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

/**
 * Yields the messages of a process of ours, one JSON value a line, until all processes that hold the stream are gone.
 * @throws LAUNCH_FAILED for a line that is too long, and as `parseMessage`
 */
export async function* readMessages<Message>(
  stream: Readable,
  isMessage: (value: unknown) => value is Message,
): AsyncGenerator<Message> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.length > MAX_LINE) {
      throw new TsimgError('LAUNCH_FAILED', 'a message between two processes of tsimg is too long', {
        why: `it has ${line.length} characters, of ${MAX_LINE} at most`,
        hint: HINT,
      });
    }
    yield parseMessage(line, isMessage);
  }
}
