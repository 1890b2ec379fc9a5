import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { type ArchiveWriter, createArchiveWriter } from '../../../src/tar/write/write.ts';
import { readWhole } from '../../support/image/read-tar.ts';

const test = suite('tar/write/write');

async function archiveOf(write: (writer: ArchiveWriter) => Promise<void>): Promise<Buffer> {
  const writer = createArchiveWriter();
  const whole = buffer(writer.stream);
  await write(writer);
  writer.finish();
  return whole;
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('nothing failed');
}

async function* chunks(count: number, bytes: number) {
  for (let index = 0; index < count; index++) yield Buffer.alloc(bytes, index);
}

const codeOf = (error: unknown) => (error instanceof TsimgError ? error.code : String(error));

const everything = async (writer: ArchiveWriter) => {
  await writer.directory('blobs');
  await writer.file('blobs/a', Buffer.from('hello'));
  await writer.file('blobs/stream', { size: 300_000, stream: chunks(3, 100_000) });
  await writer.file('blobs/node', { size: 4, stream: Readable.from([Buffer.from('no'), Buffer.from('de')]) });
  await writer.file('empty', new Uint8Array());
  await writer.file('empty-stream', { size: 0, stream: chunks(0, 0) });
  await writer.file(`${'n'.repeat(120)}/ü`, Buffer.from('x'));
};

test('a written archive is read back: names, kinds, contents, modes, and the year 1970', async () => {
  const found = readWhole(await archiveOf(everything));
  assert.equal(
    found.map(({ header }) => [header.kind, Buffer.from(header.path, 'latin1').toString(), header.size, header.mode]),
    [
      ['directory', 'blobs/', 0, 0o755],
      ['file', 'blobs/a', 5, 0o644],
      ['file', 'blobs/stream', 300_000, 0o644],
      ['file', 'blobs/node', 4, 0o644],
      ['file', 'empty', 0, 0o644],
      ['file', 'empty-stream', 0, 0o644],
      ['file', `${'n'.repeat(120)}/ü`, 1, 0o644],
    ],
  );
  for (const { header } of found) {
    assert.equal([header.uid, header.gid, header.mtime], [0, 0, { seconds: 0, nanoseconds: 0 }]);
  }
  assert.is(found[1]?.content.toString(), 'hello');
  assert.is(found[2]?.content[250_000], 2);
  assert.is(found[3]?.content.toString(), 'node');
});

test('the same entries always give the same bytes', async () => {
  assert.ok((await archiveOf(everything)).equals(await archiveOf(everything)));
});

test('an archive without entries is a valid one', async () => {
  const archive = await archiveOf(async () => {});
  assert.equal([archive.length % 512, readWhole(archive)], [0, []]);
});

test('content of another length than its size fails the entry and the archive', async () => {
  for (const size of [199, 201]) {
    const writer = createArchiveWriter();
    const archive = errorOf(buffer(writer.stream));
    const entry = await errorOf(writer.file('a', { size, stream: chunks(2, 100) }));
    assert.is(codeOf(entry), 'SIZE_MISMATCH');
    assert.is(codeOf(await archive), 'SIZE_MISMATCH');
  }
});

test('an error of the content fails the entry and the archive', async () => {
  async function* failing() {
    yield Buffer.alloc(10);
    throw new TsimgError('BLOB_NOT_FOUND', 'gone');
  }
  const writer = createArchiveWriter();
  const archive = errorOf(buffer(writer.stream));
  assert.is(codeOf(await errorOf(writer.file('a', { size: 100, stream: failing() }))), 'BLOB_NOT_FOUND');
  assert.is(codeOf(await archive), 'BLOB_NOT_FOUND');
});

test('an entry is taken no faster than the archive is read', async () => {
  const writer = createArchiveWriter();
  let produced = 0;
  async function* counted() {
    for await (const chunk of chunks(200, 100_000)) {
      produced += chunk.length;
      yield chunk;
    }
  }
  const written = writer.file('a', { size: 20_000_000, stream: counted() });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(produced < 2_000_000, `${produced} bytes wait`);
  const whole = buffer(writer.stream);
  await written;
  writer.finish();
  assert.is(readWhole(await whole)[0]?.header.size, 20_000_000);
});

test('an entry fails when the reader of the archive goes away', async () => {
  const writer = createArchiveWriter();
  const failed = errorOf(writer.file('a', { size: 20_000_000, stream: chunks(200, 100_000) }));
  writer.stream.once('data', () => writer.stream.destroy());
  assert.instance(await failed, Error);
});

test('aborting fails the archive with the reason', async () => {
  const writer = createArchiveWriter();
  const archive = errorOf(buffer(writer.stream));
  writer.abort(new TsimgError('INTERRUPTED', 'interrupted'));
  assert.is(codeOf(await archive), 'INTERRUPTED');
});

test.run();
