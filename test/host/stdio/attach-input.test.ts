import { once } from 'node:events';
import { Duplex, PassThrough, Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FRAME, type Frame, frameReader } from '../../../src/host/stdio/attach-frames.ts';
import { attachTo } from '../../../src/host/stdio/attach-to.ts';

const test = suite('host/stdio/attach-to input');

/** Attaches an input, and returns the frames that the monitor gets until the end of the input. */
async function framesOf(stdin: Readable): Promise<readonly string[]> {
  const read = frameReader();
  const frames: Frame[] = [];
  let ended = () => {};
  const all = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const monitor = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      frames.push(...(read(chunk) ?? []));
      if (frames.some(({ kind }) => kind === FRAME.endOfInput)) ended();
      done();
    },
  });
  const streams = { stdin, stdout: new PassThrough(), stderr: new PassThrough() };
  const attachment = attachTo(monitor, { streams, input: true, terminal: false, detachKeys: Buffer.alloc(0) });
  attachment.openInput();
  await all;
  attachment.close();
  await attachment.end;
  return frames.filter(({ kind }) => kind === FRAME.input).map(({ bytes }) => bytes.toString());
}

test('text and bytes are passed on, and an input that has ended or was destroyed before is told as ended', async () => {
  assert.equal(await framesOf(Readable.from(['text', new Uint8Array([0x61, 0x62])])), ['text', 'ab']);
  assert.equal(await framesOf(new PassThrough().destroy()), []);
  const read = Readable.from([]).resume();
  await once(read, 'end');
  assert.equal(await framesOf(read), []);
});

test('a chunk that is neither text nor bytes is an error of the input, and its end', async () => {
  const stdin = Readable.from([1]);
  const failed = once(stdin, 'error');
  assert.equal(await framesOf(stdin), []);
  assert.match(String((await failed)[0]), 'neither text nor bytes');
});

test.run();
