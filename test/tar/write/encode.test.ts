import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import type { TarHeader } from '../../../src/tar/header.ts';
import { encodeHeader, type TarHeaderToWrite } from '../../../src/tar/write/encode.ts';
import { tarChunks } from '../../../src/tar/write/tar-chunks.ts';
import { readOne } from '../../support/image/read-tar.ts';

const test = suite('tar/write/encode');

const plain: TarHeaderToWrite = {
  kind: 'file',
  path: 'a',
  linkPath: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
};

function readBack(header: TarHeaderToWrite): Omit<TarHeader, 'offset'> {
  const { offset: _, ...found } = readOne(encodeHeader(header)).header;
  return found;
}

function cases(): readonly Partial<TarHeaderToWrite>[] {
  const binary = Buffer.from([0x66, 0xff, 0xfe, 0x20]).toString('latin1');
  const utf8 = Buffer.from('größe').toString('latin1');
  return [
    {},
    { mode: 0o7777, uid: 8 ** 7 - 1, gid: 8 ** 7 },
    { uid: 2 ** 32 - 2, gid: 2 ** 32 - 2 },
    { mtime: { seconds: 1, nanoseconds: 1 } },
    { mtime: { seconds: -1, nanoseconds: 0 } },
    { mtime: { seconds: -1, nanoseconds: 750_000_000 } },
    { mtime: { seconds: -2, nanoseconds: 500_000_000 } },
    { mtime: { seconds: 2 ** 33, nanoseconds: 999_999_999 } },
    { mtime: { seconds: 2 ** 40, nanoseconds: 0 } },
    { path: 'n'.repeat(100) },
    { path: 'n'.repeat(101) },
    { path: `${'d'.repeat(155)}/${'n'.repeat(100)}` },
    { path: `${'d'.repeat(156)}/${'n'.repeat(99)}` },
    { path: `/${'n'.repeat(100)}` },
    { path: `${'d/'.repeat(127)}x`, kind: 'file' },
    { path: `${'d'.repeat(120)}/`, kind: 'directory' },
    { path: binary },
    { path: binary.repeat(60) },
    { path: utf8 },
    { path: utf8.repeat(60) },
    { path: 'new\nline' },
    { kind: 'symlink', linkPath: 't'.repeat(101) },
    { kind: 'symlink', linkPath: binary },
    { kind: 'symlink', linkPath: utf8.repeat(50), path: binary },
    { kind: 'hardlink', linkPath: 'other' },
    { kind: 'character-device', deviceMajor: 1, deviceMinor: 3 },
    { kind: 'block-device', deviceMajor: 8 ** 7, deviceMinor: 2 ** 32 - 1 },
    { kind: 'fifo' },
    {
      xattrs: new Map([
        ['security.capability', Buffer.from('0100000200200000000000ff0a3d000000000000', 'hex')],
        ['user.a=b%c', Buffer.from('v\n')],
        ['user.empty', Buffer.alloc(0)],
      ]),
    },
  ];
}

test('an encoded header is read back, to the byte and the nanosecond', () => {
  for (const change of cases()) assert.equal(readBack({ ...plain, ...change }), { ...plain, ...change });
});

test('a header has no PAX part where ustar is enough', () => {
  assert.is(encodeHeader(plain).length, 512);
  assert.is(encodeHeader({ ...plain, path: `${'d'.repeat(150)}/${'n'.repeat(90)}` }).length, 512);
  assert.is(encodeHeader({ ...plain, uid: 8 ** 7 }).length, 1536);
});

test('a large size is in PAX', () => {
  const header = encodeHeader({ ...plain, size: 8 ** 11 });
  assert.match(header.toString('latin1', 512, 1024), /^19 size=8589934592\n/);
});

test('the order of attributes makes no difference', () => {
  const a: [string, Buffer] = ['user.a', Buffer.from('1')];
  const b: [string, Buffer] = ['user.b', Buffer.from('2')];
  assert.ok(
    encodeHeader({ ...plain, xattrs: new Map([a, b]) }).equals(encodeHeader({ ...plain, xattrs: new Map([b, a]) })),
  );
});

async function whole(size: number, content: readonly Buffer[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of tarChunks([{ header: { ...plain, size }, content }])) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('an archive has contents, padding and an end', async () => {
  const archive = await whole(700, [Buffer.alloc(300, 1), Buffer.alloc(400, 2)]);
  assert.is(archive.length, 512 + 1024 + 1024);
  assert.is(readOne(archive).content[699], 2);
});

test('content of another length than its header says is an error', async () => {
  for (const size of [699, 701]) {
    try {
      await whole(size, [Buffer.alloc(700)]);
      assert.unreachable();
    } catch (error) {
      assert.is(error instanceof TsimgError ? error.code : error, 'SIZE_MISMATCH');
    }
  }
});

test.run();
