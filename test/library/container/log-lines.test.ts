import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogEntry } from '../../../src/host/stdio/read-log.ts';
import { linesOf } from '../../../src/library/container/log-lines.ts';

const test = suite('library/container/log-lines');
const MIB = 1024 * 1024;

async function* entriesOf(...pieces: readonly [stream: LogEntry['stream'], text: Buffer, ends: boolean][]) {
  for (const [stream, text, ends] of pieces) yield { stream, text, ends, time: '2024-01-01T00:00:00Z' };
}

async function textsOf(entries: AsyncIterable<LogEntry>): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const { text } of linesOf(entries)) texts.push(text);
  return texts;
}

test('pieces of both outputs become lines, also a last one without an end', async () => {
  const euro = Buffer.from('€');
  const entries = entriesOf(
    ['stdout', Buffer.concat([Buffer.from('a'), euro.subarray(0, 1)]), false],
    ['stderr', Buffer.from('x\n'), true],
    ['stdout', Buffer.concat([euro.subarray(1), Buffer.from('b\n')]), true],
    ['stdout', Buffer.from([0x63, 0xff]), false],
  );
  assert.equal(await textsOf(entries), ['x', 'a€b', 'c\uFFFD']);
});

test('a line that is cut for its length is cut between characters', async () => {
  const long = Buffer.from('€'.repeat(MIB / 2));
  const pieces = Array.from({ length: Math.ceil(long.length / 1000) }, (_, n) =>
    long.subarray(n * 1000, (n + 1) * 1000),
  );
  const entries = entriesOf(
    ...pieces
      .map((piece) => ['stdout', piece, false] as const)
      .map(([s, p, e]): ['stdout', Buffer, boolean] => [s, p, e]),
    ['stdout', Buffer.from('\n'), true],
  );
  const texts = await textsOf(entries);
  assert.ok(texts.length > 1);
  assert.is(texts.join(''), long.toString());
  assert.ok(texts.every((text) => Buffer.byteLength(text) <= MIB + 1000));
});

test.run();
