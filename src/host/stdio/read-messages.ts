import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { TsimgError } from '../../errors.ts';

/** The longest line that is taken: bytes. Errors hold paths of the container. */
const MAX_LINE = 256 * 1024;

/** The messages of a process of ours, one after the other, until all who hold its stream are gone. */
export async function* readMessages<Message>(stream: Readable): AsyncGenerator<Message> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.length > MAX_LINE) throw new TsimgError('LAUNCH_FAILED', 'the stage said too much');
    const message: Message = JSON.parse(line);
    yield message;
  }
}
