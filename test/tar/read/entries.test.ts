import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { readTar } from '../../../src/tar/read/entries.ts';
import { blocksOf, dir, file, tarOf } from '../../support/image/tar.ts';

const test = suite('tar/read/entries');

const archive = tarOf(dir('d'), file('d/a', 'a'.repeat(2000)), file('d/b', 'bee'), file('d/c', ''));

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

test('entries come with their content, from a stream and from chunks', async () => {
  for (const chunks of [cut(archive, 700), Readable.from(cut(archive, 100), { objectMode: false }), [archive]]) {
    const found: [string, string][] = [];
    for await (const { header, body } of readTar(chunks)) found.push([header.path, await textOf(body)]);
    assert.equal(found, [
      ['d/', ''],
      ['d/a', 'a'.repeat(2000)],
      ['d/b', 'bee'],
      ['d/c', ''],
    ]);
  }
});

test('content that is not read is skipped, also in the middle', async () => {
  const found: string[] = [];
  for await (const { header, body } of readTar(cut(archive, 600))) {
    found.push(header.path);
    if (header.path !== 'd/a') continue;
    for await (const chunk of body) {
      assert.ok(chunk.length > 0);
      break;
    }
  }
  assert.equal(found, ['d/', 'd/a', 'd/b', 'd/c']);
});

test('holes of sparse files are zeros, at the end too', async () => {
  const pax = { 'GNU.sparse.size': '200000', 'GNU.sparse.numblocks': '1', 'GNU.sparse.map': '100000,5' };
  for await (const { body } of readTar([tarOf(file('s', 'abcde', { pax }))])) {
    const text = await textOf(body);
    assert.is(text.length, 200_000);
    assert.is(text.slice(99_999, 100_006), '\0abcde\0');
  }
});

test('a body cannot be read after the next entry was asked for', async () => {
  const bodies: AsyncIterable<Buffer>[] = [];
  for await (const { body } of readTar([archive])) bodies.push(body);
  try {
    for await (const _ of bodies[1] ?? []) assert.unreachable();
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /next entry/);
  }
});

test('leaving the loop early closes the source', async () => {
  const source = Readable.from(cut(archive, 300), { objectMode: false });
  for await (const { header } of readTar(source)) if (header.path === 'd/a') break;
  assert.ok(source.destroyed);
});

test('all chunks are taken, those behind the end of the archive too', async () => {
  let taken = 0;
  async function* chunks() {
    for (const chunk of cut(Buffer.concat([archive, Buffer.alloc(5000, 1)]), 512)) {
      taken += chunk.length;
      yield chunk;
    }
  }
  for await (const _ of readTar(chunks()));
  assert.is(taken, archive.length + 5000);
});

test('an archive that is cut inside content fails where the content is read', async () => {
  const codes: string[] = [];
  try {
    for await (const { body } of readTar([blocksOf(file('a', 'a'.repeat(2000))).subarray(0, 1500)])) {
      try {
        await textOf(body);
      } catch (error) {
        codes.push(error instanceof TsimgError ? error.code : String(error));
        throw error;
      }
    }
  } catch {
    codes.push('and ends the loop');
  }
  assert.equal(codes, ['TAR_INVALID', 'and ends the loop']);
});

test.run();
