import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readLines, readMessages } from '../../../src/host/stdio/read-messages.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('host/stdio/read-messages');
/** Characters that end a line for other readers, and one of four bytes. */
const TEXT = 'a\u2028b\u2029c\u0085d\re🐳';

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

async function linesIn(chunks: readonly Uint8Array[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of readLines(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))) lines.push(line);
  return lines;
}

test('only a line feed ends a line, wherever chunks are cut', async () => {
  const bytes = Buffer.from(`${TEXT}\n\n${TEXT}\nlast`);
  const lines = [TEXT, '', TEXT, 'last'];
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.equal(await linesIn([bytes.subarray(0, cut), bytes.subarray(cut)]), lines, `cut at ${cut}`);
  }
  assert.equal(await linesIn([...bytes].map((byte) => Uint8Array.of(byte))), lines);
  assert.equal(await linesIn([]), []);
});

test('a message may hold any character', async () => {
  const messages: string[] = [];
  const sent = Readable.from([Buffer.from(`${JSON.stringify(TEXT)}\n`.repeat(2))]);
  for await (const message of readMessages(sent, isText)) messages.push(message);
  assert.equal(messages, [TEXT, TEXT]);
});

test('a line without an end is refused before it fills the memory', async () => {
  let sent = 0;
  const endless = Readable.from(
    (function* () {
      for (;;) {
        sent += 65_536;
        yield Buffer.alloc(65_536, 'a');
      }
    })(),
  );
  const failure = await failureOf(readLines(endless).next(), 'LAUNCH_FAILED');
  assert.match(failure.message, 'is too long: it has more than 262144 bytes');
  assert.ok(sent < 4 * 262_144, `${sent} bytes were read`);
  assert.ok(endless.destroyed);
});

test.run();
