import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freeChunk, freeingChunks } from '../../src/streams/chunk-memory.ts';

const test = suite('streams/chunk-memory');

async function* three(): AsyncGenerator<Buffer> {
  for (const letter of ['a', 'b', 'c']) yield Buffer.alloc(1000, letter);
}

test('a chunk has its memory until the second one after it is asked for', async () => {
  const seen: Buffer[] = [];
  for await (const chunk of freeingChunks(three())) {
    seen.push(chunk);
    assert.equal(
      seen.map(({ length }) => length),
      [...seen.slice(0, -2).map(() => 0), ...seen.slice(-2).map(() => 1000)],
    );
    assert.is(chunk[0], 'abc'.charCodeAt(seen.length - 1));
  }
  assert.is(seen.length, 3);
});

test('memory with other content than the chunk is not freed', () => {
  const whole = Buffer.from('abcdef');
  const memory = new Uint8Array(8);
  freeChunk(memory.subarray(2));
  freeChunk(whole.subarray(1));
  freeChunk(new Uint8Array(new SharedArrayBuffer(8)));
  assert.is(memory.length, 8);
  assert.is(whole.toString(), 'abcdef');
});

// By itself, V8 keeps 64 MB of dead buffers and more
test('bytes that flow do not pile up', async () => {
  const size = 64 * 1024;
  async function* many(): AsyncGenerator<Buffer> {
    for (let count = 0; count < 1600; count += 1) yield Buffer.from(new Uint8Array(size).buffer);
  }
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for await (const _ of freeingChunks(many())) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  assert.ok(most < 16 * size, `${most} bytes`);
});

test.run();
