import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { contentSize } from '../../../src/disk/scan/content-size.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('disk/scan/content-size');
const sizeOf = (path: string) => Promise.resolve().then(() => contentSize(path));

test('files count by their length, with holes, and once whatever names they have; directories count nothing', () => {
  const top = tempDir();
  assert.is(contentSize(top), 0);
  mkdirSync(join(top, 'a/b'), { recursive: true });
  writeFileSync(join(top, 'a/one'), 'x'.repeat(5000));
  linkSync(join(top, 'a/one'), join(top, 'a/b/again'));
  writeFileSync(join(top, 'a/b/hole'), '');
  truncateSync(join(top, 'a/b/hole'), 1_000_000);
  writeFileSync(Buffer.concat([Buffer.from(`${top}/`), Buffer.from([0xff])]), '1');
  assert.is(contentSize(top), 1_005_001);
});

test('a link counts its own length, and what it leads to does not count', () => {
  const [top, other] = [tempDir(), tempDir()];
  writeFileSync(join(other, 'big'), 'x'.repeat(5000));
  symlinkSync(other, join(top, 'link'));
  assert.is(contentSize(top), other.length);
});

test('a directory that is missing or too deep is an error', async () => {
  const top = tempDir();
  assert.match((await failureOf(sizeOf(join(top, 'gone')), 'FILESYSTEM')).where ?? '', 'gone');
  mkdirSync(join(top, 'd/'.repeat(511)), { recursive: true });
  assert.is(contentSize(top), 0);
  mkdirSync(join(top, 'd/'.repeat(512)));
  assert.match((await failureOf(sizeOf(top), 'LIMIT_EXCEEDED')).message, '512 directories');
});

test.run();
