import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOfReading, readOne } from '../../support/image/read-tar.ts';
import { dir, file, tarOf } from '../../support/image/tar.ts';

const test = suite('tar/read/xattrs');

/** The bytes that setcap writes for cap_net_raw+ep: not UTF-8. */
const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex');

function xattrsOf(pax: Record<string, string | Buffer>): [string, string][] {
  const { header } = readOne(tarOf(file('x', '', { pax })));
  return [...header.xattrs].map(([name, value]) => [name, value.toString('latin1')]);
}

test('values are bytes, on files and on directories', () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  const xattrs = { 'security.capability': CAPABILITY, 'user.every': every };
  for (const part of [file('x', '', { xattrs }), dir('x', { xattrs })]) {
    const { header } = readOne(tarOf(part));
    assert.equal(header.xattrs.get('security.capability'), CAPABILITY);
    assert.equal(header.xattrs.get('user.every'), every);
  }
});

test("libarchive's form is decoded: name URL-quoted, value base64 without padding", () => {
  const value = CAPABILITY.toString('base64').replace(/=+$/, '');
  assert.equal(xattrsOf({ 'LIBARCHIVE.xattr.user.a%3Db%20c': value }), [['user.a=b c', CAPABILITY.toString('latin1')]]);
});

test('where both forms have one attribute, the bytes win', () => {
  assert.equal(xattrsOf({ 'SCHILY.xattr.user.a': 'bytes', 'LIBARCHIVE.xattr.user.a': 'eA==' }), [['user.a', 'bytes']]);
  assert.equal(xattrsOf({ 'LIBARCHIVE.xattr.user.a': 'eA==', 'SCHILY.xattr.user.a': 'bytes' }), [['user.a', 'bytes']]);
});

test('names that GNU tar quoted are unquoted', () => {
  assert.equal(xattrsOf({ 'SCHILY.xattr.user.a%3Db%25c': 'v' }), [['user.a=b%c', 'v']]);
});

test('an empty value is an attribute with an empty value', () => {
  assert.equal(xattrsOf({ 'SCHILY.xattr.user.empty': '' }), [['user.empty', '']]);
});

test('names without letters or with NUL, and values that are no base64, are invalid', () => {
  for (const [key, value] of [
    ['SCHILY.xattr.', 'v'],
    ['LIBARCHIVE.xattr.user.%00', 'eA'],
    ['LIBARCHIVE.xattr.user.a', 'e*A='],
  ] as const) {
    assert.is(codeOfReading(tarOf(file('x', '', { pax: { [key]: value } }))), 'TAR_INVALID', key);
  }
});

test.run();
