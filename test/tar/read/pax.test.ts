import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePax, parsePaxTime } from '../../../src/tar/read/pax.ts';
import { codeOf, codeOfReading, readOne } from '../../support/image/read-tar.ts';
import { charDevice, extension, file, paxHeader, paxRecord, symlink, tarOf } from '../../support/image/tar.ts';

const test = suite('tar/read/pax');

const place = { where: undefined, offset: 0 };

test('PAX wins over the header for names, IDs, size and time', () => {
  const archive = tarOf(
    paxHeader(['path', 'long'], ['uid', '70000'], ['gid', '5'], ['size', '3'], ['mtime', '1.5']),
    file('short', 'abc', { size: 9, uid: 1, gid: 1, mtime: 7 }),
  );
  const { header, content } = readOne(archive);
  assert.equal([header.path, header.uid, header.gid, content.toString()], ['long', 70_000, 5, 'abc']);
  assert.equal(header.mtime, { seconds: 1, nanoseconds: 500_000_000 });
  assert.is(readOne(tarOf(paxHeader(['linkpath', 'far']), symlink('a', 'near'))).header.linkPath, 'far');
});

test('an empty value leaves the field of the header', () => {
  const archive = tarOf(paxHeader(['path', ''], ['uid', ''], ['mtime', '']), file('name', '', { uid: 4, mtime: 6 }));
  const { header } = readOne(archive);
  assert.equal([header.path, header.uid, header.mtime.seconds], ['name', 4, 6]);
});

test('the later of two records of one key wins', () => {
  assert.is(readOne(tarOf(paxHeader(['path', 'one'], ['path', 'two']), file('x', ''))).header.path, 'two');
  assert.is(readOne(tarOf(paxHeader(['path', 'one'], ['path', '']), file('x', ''))).header.path, 'x');
});

test('values may have newlines, equals signs and, where they are no strings, NULs', () => {
  const value = Buffer.from('a=1\nb=2\n30 path=evil\n\0\xff', 'latin1');
  const { header } = readOne(tarOf(file('x', '', { xattrs: { 'user.a': value } })));
  assert.equal(header.xattrs.get('user.a'), value);
  assert.is(header.path, 'x');
});

test('times are read to the nanosecond, before 1970 too', () => {
  const cases: readonly [string, number, number][] = [
    ['0', 0, 0],
    ['1350244992.023960108', 1_350_244_992, 23_960_108],
    ['1.', 1, 0],
    ['1.5', 1, 500_000_000],
    ['1.0000000019', 1, 1],
    ['-1', -1, 0],
    ['-1.5', -2, 500_000_000],
    ['-0.25', -1, 750_000_000],
    ['-0', 0, 0],
    ['99999999999999', 99_999_999_999_999, 0],
  ];
  for (const [text, seconds, nanoseconds] of cases) {
    assert.equal(parsePaxTime(text, 'mtime', place), { seconds, nanoseconds }, text);
  }
});

test('zeros before a number are ignored, however many there are', () => {
  const zeros = '0'.repeat(40);
  const record = Buffer.from(`${zeros}49 uid=7\n`);
  const content = Buffer.concat([
    record,
    ...[
      ['gid', `${zeros}5`],
      ['size', `${zeros}3`],
      ['mtime', `-${zeros}1.25`],
    ].map(([key = '', value = '']) => paxRecord(key, value)),
  ]);
  assert.is(record.length, 49);
  const { header } = readOne(tarOf(extension('x', content), file('a', 'abc', { size: 9 })));
  assert.equal([header.uid, header.gid, header.size], [7, 5, 3]);
  assert.equal(header.mtime, { seconds: -2, nanoseconds: 750_000_000 });
  assert.is(codeOfReading(tarOf(file('a', '', { pax: { uid: `${zeros}99999999999999999` } }))), 'TAR_INVALID');
});

test('other text in the place of a time or a number is invalid', () => {
  for (const mtime of ['x', '1e3', '.5', '1.5.2', '1.5x', '--1', ' 1', '99999999999999999999', '0x1']) {
    assert.is(codeOfReading(tarOf(file('a', '', { mtime }))), 'TAR_INVALID', mtime);
  }
  for (const size of ['-1', '1.5', ' 1', '+1', '9007199254740993', '1e2', '0x1']) {
    assert.is(codeOfReading(tarOf(paxHeader(['size', size]), file('a', ''))), 'TAR_INVALID', size);
  }
});

test('a NUL in a name is invalid', () => {
  for (const key of ['path', 'linkpath', 'uname']) {
    assert.is(codeOfReading(tarOf(paxHeader([key, 'a\0b']), file('a', ''))), 'TAR_INVALID', key);
  }
  assert.is(codeOfReading(tarOf(paxHeader(['a\0b', 'x']), file('a', ''))), 'TAR_INVALID');
});

test('records of a wrong length, without key or without end are invalid', () => {
  for (const content of [
    '10 a=b\n',
    '5 a=b\n',
    '8 a=b\n\n',
    '6 a=b',
    'a=b\n',
    ' 6 a=b\n',
    '+6 a=b\n',
    '-6 a=b\n',
    '0 a=b\n',
    '4 =\n',
    '5 ab\n',
    '5 =b\n',
    '6 a=bx',
    '99999999999999999999 a=b\n',
    '6 a=b\n\0\0\0',
    '2 \n',
    '3 \n',
    '\n',
  ]) {
    assert.is(
      codeOf(() => parsePax(Buffer.from(content), place)),
      'TAR_INVALID',
      JSON.stringify(content),
    );
  }
});

test('a record whose length has just one digit more than the rest is read', () => {
  for (const length of [1, 2, 3, 90, 91, 92, 93, 94, 985, 990, 991, 992, 993, 994, 995, 9990, 9995]) {
    const value = 'v'.repeat(length);
    assert.is(parsePax(paxRecord('k', value), place).values.get('k'), value);
  }
});

test('the spelling of Solaris is read as PAX', () => {
  assert.is(readOne(tarOf(extension('X', paxRecord('path', 'sun')), file('x', ''))).header.path, 'sun');
});

test('an empty PAX header changes nothing', () => {
  assert.is(readOne(tarOf(extension('x', ''), file('x', 'y'))).content.toString(), 'y');
});

test('device numbers beyond ustar are read', () => {
  const archive = tarOf(charDevice('d', 1, 2, { pax: { 'SCHILY.devmajor': '4095', 'SCHILY.devminor': '9999999' } }));
  const { header } = readOne(archive);
  assert.equal([header.deviceMajor, header.deviceMinor], [4095, 9_999_999]);
});

test('many records in one header are read in linear time', () => {
  const records = Buffer.concat(Array.from({ length: 60_000 }, (_, index) => paxRecord(`k${index}`, 'v')));
  assert.is(parsePax(records, place).values.size, 60_000);
});

test.run();
