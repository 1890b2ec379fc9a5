import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import { type Promised, verifiedChunks } from '../../../src/disk/read/verified-chunks.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('disk/read/verified-chunks');

const CONTENT = Buffer.from('what a layer holds');
const PROMISED: Promised = { size: CONTENT.length, digest: digestOf(CONTENT), blob: 'it' };

async function* chunksOf(...chunks: readonly (Buffer | Error)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield chunk;
  }
}

async function read(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

test('the promised bytes pass, and are confirmed', async () => {
  const chunks = verifiedChunks(chunksOf(CONTENT.subarray(0, 5), CONTENT.subarray(5)), PROMISED);
  assert.ok((await read(chunks)).equals(CONTENT));
  chunks.confirm();
});

test('other bytes fail instead of ending, and are not confirmed, however often confirm is called', async () => {
  const others = [
    [[Buffer.from('what a layer HOLDS')], 'DIGEST_MISMATCH'],
    [[CONTENT.subarray(1)], 'SIZE_MISMATCH'],
    [[CONTENT, Buffer.from('!')], 'SIZE_MISMATCH'],
    [[], 'SIZE_MISMATCH'],
  ] as const;
  for (const [parts, code] of others) {
    const chunks = verifiedChunks(chunksOf(...parts), PROMISED);
    await failureOf(read(chunks), code);
    for (let time = 0; time < 2; time++) await failureOf((async () => chunks.confirm())(), code);
  }
});

test('bytes that are not read to their end are not confirmed', async () => {
  const chunks = verifiedChunks(chunksOf(CONTENT), PROMISED);
  for await (const _ of chunks) break;
  assert.throws(() => chunks.confirm(), /not read to its end/);
});

test('an error of the source passes through', async () => {
  const chunks = verifiedChunks(chunksOf(CONTENT, new Error('the source')), PROMISED);
  let failure: unknown;
  await read(chunks).catch((error: unknown) => {
    failure = error;
  });
  assert.match(String(failure), /the source/);
  assert.throws(() => chunks.confirm(), /the source/);
});

test.run();
