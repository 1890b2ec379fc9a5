import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { listMembers } from '../../../src/tar/read/members.ts';
import type { TarReaderOptions } from '../../../src/tar/read/read.ts';
import { readWhole } from '../../support/image/read-tar.ts';
import { blocksOf, dir, file, symlink, tarOf } from '../../support/image/tar.ts';

const test = suite('tar/read/members');

async function list(archive: Buffer, options?: TarReaderOptions) {
  let bytesRead = 0;
  const read = async (offset: number, length: number) => {
    const bytes = archive.subarray(offset, offset + length);
    bytesRead += bytes.length;
    return bytes;
  };
  return { members: await listMembers(read, archive.length, options), bytesRead };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TsimgError) return error.code;
    throw error;
  }
  return 'none';
}

const content = (length: number) => Buffer.alloc(length, 0x61);

test('the list has the entries and places that reading the whole archive gives', async () => {
  const archive = tarOf(
    dir('blobs'),
    file('blobs/a', content(100_000)),
    file(`blobs/${'long'.repeat(40)}`, content(513)),
    file('empty', ''),
    symlink('link', 'blobs/a'),
    file('manifest.json', '[]'),
  );
  const whole = readWhole(archive);
  const { members } = await list(archive);
  assert.equal(
    members.map(({ header }) => header),
    whole.map(({ header }) => header),
  );
  for (const [index, { dataOffset, dataSize }] of members.entries()) {
    assert.ok(archive.subarray(dataOffset, dataOffset + dataSize).equals(whole[index]?.content ?? Buffer.alloc(0)));
  }
});

test('contents are skipped', async () => {
  const archive = tarOf(...Array.from({ length: 5 }, (_, index) => file(`f${index}`, content(1_000_000))));
  const { members, bytesRead } = await list(archive);
  assert.is(members.length, 5);
  assert.ok(bytesRead < 150_000, `${bytesRead} bytes were read`);
});

test('nothing is read behind the end of the archive', async () => {
  const archive = Buffer.concat([tarOf(file('a', '')), Buffer.alloc(2_000_000, 0x62)]);
  const { members, bytesRead } = await list(archive);
  assert.equal([members.length, bytesRead < 100_000], [1, true]);
});

test('an archive that is cut inside the last content is invalid', async () => {
  const archive = blocksOf(file('a', content(100_000)));
  assert.is(await codeOf(list(archive.subarray(0, 90_000))), 'TAR_INVALID');
  assert.is(await codeOf(list(archive.subarray(0, 100))), 'TAR_INVALID');
  assert.is(await codeOf(list(archive.subarray(0, 512 + 100_000))), 'none');
});

test('a file that is shorter than its stated size is invalid', async () => {
  const archive = tarOf(file('a', content(100_000)), file('b', ''));
  const read = async (offset: number, length: number) => archive.subarray(offset, Math.min(offset + length, 2000));
  assert.is(await codeOf(listMembers(read, archive.length)), 'TAR_INVALID');
});

test('the number of members is limited', async () => {
  const archive = tarOf(file('a', ''), file('b', ''));
  assert.is(await codeOf(list(archive, { limits: { entries: 1 } })), 'LIMIT_EXCEEDED');
});

test('the default limit is a hundred thousand members', async () => {
  const members = (count: number) => Buffer.concat([Buffer.alloc(count * 512, blocksOf(file('a', ''))), tarOf()]);
  assert.is((await list(members(100_000))).members.length, 100_000);
  assert.is(await codeOf(list(members(100_001))), 'LIMIT_EXCEEDED');
});

test('a sparse member has its map', async () => {
  const pax = { 'GNU.sparse.size': '20', 'GNU.sparse.numblocks': '1', 'GNU.sparse.map': '10,5' };
  const { members } = await list(tarOf(file('s', 'abcde', { pax })));
  assert.equal(members[0]?.sparse, { segments: [10, 5], realSize: 20 });
  assert.equal([members[0]?.header.size, members[0]?.dataSize], [20, 5]);
});

test.run();
