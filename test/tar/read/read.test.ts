import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { createTarReader } from '../../../src/tar/read/read.ts';
import { codeOfReading, readOne, readWhole } from '../../support/image/read-tar.ts';
import {
  blockDevice,
  blocksOf,
  charDevice,
  dir,
  entry,
  extension,
  fifo,
  file,
  fixChecksum,
  globalHeader,
  hardlink,
  numericField,
  paxHeader,
  raw,
  symlink,
  tarOf,
} from '../../support/image/tar.ts';

const test = suite('tar/read/read');

const ZEROS = Buffer.alloc(512);

function paths(archive: Buffer): string[] {
  return readWhole(archive).map(({ header }) => header.path);
}

test('every kind of entry is read with its fields', () => {
  const archive = tarOf(
    dir('etc', { mode: 0o700, uid: 1, gid: 2, mtime: 1_000_000_000 }),
    file('etc/motd', 'hello\n', { mode: 0o4755 }),
    symlink('etc/link', '../motd'),
    hardlink('etc/hard', 'etc/motd'),
    charDevice('dev/null', 1, 3),
    blockDevice('dev/sda', 8, 0),
    fifo('run/fifo'),
  );
  const found = readWhole(archive).map(({ header }) => header);
  assert.equal(
    found.map(({ kind, path, linkPath }) => [kind, path, linkPath]),
    [
      ['directory', 'etc/', ''],
      ['file', 'etc/motd', ''],
      ['symlink', 'etc/link', '../motd'],
      ['hardlink', 'etc/hard', 'etc/motd'],
      ['character-device', 'dev/null', ''],
      ['block-device', 'dev/sda', ''],
      ['fifo', 'run/fifo', ''],
    ],
  );
  assert.equal(
    [found[0]?.mode, found[0]?.uid, found[0]?.gid, found[0]?.mtime],
    [0o700, 1, 2, { seconds: 1_000_000_000, nanoseconds: 0 }],
  );
  assert.equal([found[1]?.mode, found[1]?.size], [0o4755, 6]);
  assert.equal([found[4]?.deviceMajor, found[4]?.deviceMinor, found[5]?.deviceMajor], [1, 3, 8]);
});

test('content comes whole and in order, however the archive is cut', () => {
  const content = Buffer.from(Array.from({ length: 3000 }, (_, index) => index & 0xff));
  const archive = tarOf(file('a', content), file('b', ''), file('c', content.subarray(0, 512)), file('d', 'x'));
  for (const size of [1, 3, 511, 512, 513, 1024, 4000, archive.length]) {
    const found = readWhole(archive, size);
    assert.equal(
      found.map(({ header }) => [header.path, header.size, header.offset]),
      [
        ['a', 3000, 0],
        ['b', 0, 3584],
        ['c', 512, 4096],
        ['d', 1, 5120],
      ],
    );
    assert.ok(found[0]?.content.equals(content));
    assert.is(found[3]?.content.toString(), 'x');
  }
});

test('content comes as views of the written bytes, not as copies', () => {
  const archive = tarOf(file('a', 'hello'));
  let same = false;
  const reader = createTarReader({ entry() {}, data: (chunk) => (same = chunk.buffer === archive.buffer), end() {} });
  reader.write(archive);
  assert.ok(same);
});

test('a header knows where in the archive its first extension begins', () => {
  const archive = tarOf(file('a', 'x'), file('b', 'y', { pax: { comment: 'z' } }));
  assert.equal(
    readWhole(archive).map(({ header }) => header.offset),
    [0, 1024],
  );
});

test('bytes of names stay as they are, valid UTF-8 or not', () => {
  const name = Buffer.from([0x66, 0xff, 0xc3, 0xa9, 0x0a, 0x1b]);
  const long = Buffer.concat([name, Buffer.alloc(150, 0xfe)]);
  assert.is(readOne(tarOf(file(name, ''))).header.path, name.toString('latin1'));
  assert.is(readOne(tarOf(file(long, ''))).header.path, long.toString('latin1'));
  assert.is(readOne(tarOf(file(long, '', { format: 'gnu' }))).header.path, long.toString('latin1'));
  assert.is(readOne(tarOf(symlink('a', name))).header.linkPath, name.toString('latin1'));
});

test('the prefix belongs to the name in ustar, and to nothing in v7 archives', () => {
  const prefixed = (format: 'ustar' | 'gnu' | 'v7') =>
    readOne(tarOf(file('name', '', { format, patch: (block) => block.write('pre/fix', 345, 'latin1') }))).header.path;
  assert.is(prefixed('ustar'), 'pre/fix/name');
  assert.is(prefixed('v7'), 'name');
});

test('under GNU’s magic a prefix that cannot be times belongs to the name, as Go before 1.8 wrote it', () => {
  const prefixed = (prefix: string) =>
    readOne(
      tarOf(
        file('name', '', { format: 'gnu', patch: (block) => block.fill(prefix, 345, 345 + prefix.length, 'latin1') }),
      ),
    ).header.path;
  assert.is(prefixed('pre/fix'), 'pre/fix/name');
  assert.is(prefixed(`14321617435\0${'usr/'.repeat(20)}`), '14321617435/name', 'the first time alone is one');
  assert.is(prefixed('123/456'), '123/456/name');
  assert.is(prefixed('14321617435\x0014321617435\0'), 'name');
  assert.is(prefixed('14321617435'), 'name');
  assert.is(prefixed(`\x80${'\0'.repeat(7)}abcd`), 'name', 'a time in base-256');
  assert.is(prefixed('pr\xe9fix'), 'name', 'Go takes ASCII alone');
});

test("star's prefix ends before its times", () => {
  const patch = (block: Buffer) => {
    block.write(`${'p'.repeat(131)}00000000000`, 345, 'latin1');
    block.write('tar\0', 508, 'latin1');
  };
  assert.is(readOne(tarOf(file('n', '', { format: 'ustar', patch }))).header.path, `${'p'.repeat(131)}/n`);
});

test('a full name field without NUL is 100 bytes', () => {
  const name = 'n'.repeat(100);
  assert.is(readOne(tarOf(file(name, '', { format: 'ustar' }))).header.path, name);
});

test('v7 archives have no magic: the checksum tells a header', () => {
  assert.is(readOne(tarOf(file('old', 'x', { format: 'v7', type: '\0' }))).content.toString(), 'x');
});

test('a v7 file whose name ends in a slash is a directory, a POSIX one is not', () => {
  assert.is(readOne(tarOf(file('d/', '', { format: 'v7', type: '\0' }))).header.kind, 'directory');
  assert.is(readOne(tarOf(file('d/', '', { type: '0' }))).header.kind, 'file');
});

test('a contiguous file is a file', () => {
  assert.is(readOne(tarOf(entry('7', 'c', 'abc'))).content.toString(), 'abc');
});

test('the checksum may be summed over signed bytes, as old tars did', () => {
  const archive = tarOf(file(Buffer.from([0xe9, 0xff]), ''));
  fixChecksum(archive, true);
  assert.is(readOne(archive).header.path, '\xe9\xff');
});

test('a wrong checksum is invalid', () => {
  const archive = tarOf(file('a', ''), file('b', ''));
  archive[512] = 0x63;
  assert.is(codeOfReading(archive), 'TAR_INVALID');
});

test('numbers may be base-256, negative times too', () => {
  const big = tarOf(file('a', '', { uid: 3_000_000_000, mtime: -5, patch: (b) => numericField(-5, 12).copy(b, 136) }));
  const { header } = readOne(big);
  assert.is(header.uid, 3_000_000_000);
  assert.equal(header.mtime, { seconds: -5, nanoseconds: 0 });
});

test('a base-256 size is read', () => {
  const size = Buffer.alloc(12);
  size[0] = 0x80;
  size[11] = 3;
  assert.is(readOne(tarOf(file('a', 'abc', { size }))).content.toString(), 'abc');
});

test('octal fields may have spaces around them and may be empty', () => {
  const patch = (block: Buffer) => {
    block.write('   644 \0', 100, 'latin1');
    block.fill(0, 108, 124);
    block.write('          3 ', 124, 'latin1');
  };
  const { header, content } = readOne(tarOf(file('a', 'abc', { patch })));
  assert.equal([header.mode, header.uid, header.gid, content.toString()], [0o644, 0, 0, 'abc']);
});

test('sizes that are negative, too large or no numbers are invalid', () => {
  for (const size of [
    numericField(-1, 12),
    Buffer.concat([Buffer.from([0x80]), Buffer.alloc(11, 0xff)]),
    Buffer.from('0000000009\0\0'),
    Buffer.from('1 2         '),
    Buffer.from('-1          '),
    Buffer.from('0x10        '),
  ]) {
    assert.is(codeOfReading(tarOf(file('a', '', { size }))), 'TAR_INVALID', size.toString('hex'));
  }
});

test('IDs that chown would read as "leave it" or cannot hold are invalid', () => {
  assert.is(readOne(tarOf(file('a', '', { uid: 2 ** 32 - 2 }))).header.uid, 2 ** 32 - 2);
  for (const uid of [2 ** 32 - 1, 2 ** 32, -2]) assert.is(codeOfReading(tarOf(file('a', '', { uid }))), 'TAR_INVALID');
  assert.is(codeOfReading(tarOf(file('a', '', { pax: { gid: '4294967296' } }))), 'TAR_INVALID');
});

test('device numbers of files are ignored', () => {
  assert.is(codeOfReading(tarOf(file('a', '', { patch: (block) => block.write('rubbish', 329, 'latin1') }))), 'none');
});

test('links, directories, devices and fifos have no content, whatever their size says', () => {
  for (const type of ['1', '2', '3', '4', '5', '6']) {
    const archive = tarOf(entry(type, 'a', '', { size: 5000 }), file('next', 'x'));
    const [first, next] = readWhole(archive);
    assert.is(first?.header.size, 0, `type ${type}`);
    assert.is(next?.header.path, 'next', `type ${type}`);
  }
});

test('a PAX size of a link is no content either', () => {
  const archive = tarOf(hardlink('a', 'b', { pax: { size: '512' } }), file('next', 'x'));
  assert.equal(paths(archive), ['a', 'next']);
});

test('the PAX size decides where the content ends, whatever the header says (CVE-2025-62518)', () => {
  const hidden = blocksOf(file('smuggled', 'x'));
  const archive = tarOf(
    paxHeader(['size', String(hidden.length)]),
    file('carrier', hidden, { size: 0 }),
    file('next', ''),
  );
  assert.equal(paths(archive), ['carrier', 'next']);
  assert.is(readWhole(archive)[0]?.header.size, hidden.length);
});

test('the PAX size belongs to the file, never to an extension in between (CVE-2026-53655)', () => {
  const archive = tarOf(
    paxHeader(['size', '3']),
    extension('L', 'long\0'),
    file('short', 'abc', { size: 0 }),
    file('next', ''),
  );
  assert.equal(
    readWhole(archive).map(({ header, content }) => [header.path, content.toString()]),
    [
      ['long', 'abc'],
      ['next', ''],
    ],
  );
});

test('GNU long names and links end at the first NUL', () => {
  const archive = tarOf(extension('K', 'target\0rest'), extension('L', 'name\0rest'), symlink('x', 'y'));
  const { header } = readOne(archive);
  assert.equal([header.path, header.linkPath], ['name', 'target']);
});

test('an entry with two different long names is invalid: readers take one or the other', () => {
  assert.is(codeOfReading(tarOf(extension('L', 'one\0'), paxHeader(['path', 'two']), file('x', ''))), 'TAR_INVALID');
  assert.is(readOne(tarOf(extension('L', 'one\0'), paxHeader(['path', 'one']), file('x', ''))).header.path, 'one');
});

test('an extension is for one entry', () => {
  const archive = tarOf(paxHeader(['path', 'long'], ['uid', '7']), file('a', ''), file('b', ''));
  assert.equal(
    readWhole(archive).map(({ header }) => [header.path, header.uid]),
    [
      ['long', 7],
      ['b', 0],
    ],
  );
});

test('of two PAX headers before an entry the second is taken, as Go and GNU tar do', () => {
  const archive = tarOf(paxHeader(['path', 'one'], ['uid', '1']), paxHeader(['path', 'two']), file('x', ''));
  assert.equal([readOne(archive).header.path, readOne(archive).header.uid], ['two', 0]);
});

test('global PAX headers make no entry and change none', () => {
  const archive = tarOf(globalHeader(['comment', 'x'], ['path', 'all'], ['uid', '9'], ['size', '99']), file('a', 'b'));
  const { header, content } = readOne(archive);
  assert.equal([header.path, header.uid, content.toString()], ['a', 0, 'b']);
});

test('a global header between an extension and its entry is invalid', () => {
  assert.is(
    codeOfReading(tarOf(paxHeader(['path', 'x']), globalHeader(['comment', 'x']), file('a', ''))),
    'TAR_INVALID',
  );
});

test('an extension without an entry is invalid, at the end of the archive and of the bytes', () => {
  assert.is(codeOfReading(tarOf(file('a', ''), paxHeader(['path', 'x']))), 'TAR_INVALID');
  assert.is(codeOfReading(blocksOf(file('a', ''), paxHeader(['path', 'x']))), 'TAR_INVALID');
});

test('entries behind the end of the archive are ignored', () => {
  assert.equal(paths(Buffer.concat([tarOf(file('a', '')), file('behind', ''), Buffer.from('no block')])), ['a']);
});

test('a single zero block ends an archive, and is invalid where bytes follow', () => {
  assert.equal(paths(blocksOf(file('a', ''), raw(ZEROS))), ['a']);
  assert.is(codeOfReading(tarOf(file('a', ''), raw(ZEROS), file('b', ''))), 'TAR_INVALID');
});

test('the two zero blocks and the padding of the last entry may be missing', () => {
  assert.equal(paths(blocksOf(file('a', 'x'), file('b', 'y'))), ['a', 'b']);
  assert.equal(paths(blocksOf(file('a', 'x'), file('b', 'y')).subarray(0, -500)), ['a', 'b']);
  assert.equal(paths(Buffer.alloc(0)), []);
  assert.equal(paths(Buffer.alloc(10_240)), []);
});

test('an archive that is cut inside a header, an extension or content is invalid', () => {
  const archive = blocksOf(file('n'.repeat(150), 'x'.repeat(700)));
  for (let length = 1; length < archive.length; length += 1) {
    const complete = length >= 1536 + 700;
    assert.is(codeOfReading(archive.subarray(0, length)), complete ? 'none' : 'TAR_INVALID', `${length} bytes`);
  }
});

test('directories with the listing of GNU incremental archives are directories', () => {
  const archive = tarOf(entry('D', 'd/', 'Yfile\0\0', { format: 'gnu' }), file('next', ''));
  const [first] = readWhole(archive);
  assert.equal([first?.header.kind, first?.header.size, paths(archive)], ['directory', 0, ['d/', 'next']]);
});

test('a volume label is no entry', () => {
  assert.equal(paths(tarOf(entry('V', 'label', '', { format: 'gnu' }), file('a', ''))), ['a']);
});

test('entries of other types are named in the error', () => {
  for (const type of ['M', 'N', 'A', 'Z', '8']) {
    assert.is(codeOfReading(tarOf(entry(type, 'a', ''))), 'FORMAT_UNSUPPORTED', type);
  }
});

test('a long extension is refused by its size, before its bytes are taken, and the error names the limit', () => {
  const archive = extension('L', '', { size: 1024 * 1024 + 1 });
  try {
    createTarReader({ entry() {}, data() {}, end() {} }, { where: 'layer' }).write(archive);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TsimgError);
    if (!(error instanceof TsimgError)) return;
    assert.is(error.code, 'LIMIT_EXCEEDED');
    assert.is(error.where, 'layer');
    assert.match(error.hint ?? '', /--max-header/);
    assert.is(error.facts.option, '--max-header');
  }
});

test('a limit of entries counts entries, not extensions', () => {
  const archive = tarOf(file('n'.repeat(120), ''), file('b', ''));
  assert.is(codeOfReading(archive, { limits: { entries: 2 } }), 'none');
  assert.is(codeOfReading(archive, { limits: { entries: 1 } }), 'LIMIT_EXCEEDED');
});

test('a reader that failed fails again with the same error', () => {
  const reader = createTarReader({ entry() {}, data() {}, end() {} });
  const bad = Buffer.alloc(512, 1);
  let first: unknown;
  for (const step of [() => reader.write(bad), () => reader.write(tarOf(file('a', ''))), () => reader.end()]) {
    try {
      step();
      assert.unreachable();
    } catch (error) {
      first ??= error;
      assert.is(error, first);
    }
  }
});

test('an error of the handler ends the reading and is thrown unchanged', () => {
  const mine = new Error('disk full');
  const reader = createTarReader({
    entry() {
      throw mine;
    },
    data() {},
    end() {},
  });
  try {
    reader.write(tarOf(file('a', '')));
    assert.unreachable();
  } catch (error) {
    assert.is(error, mine);
  }
});

test.run();
