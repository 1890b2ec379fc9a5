import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCacheFolder } from '../../src/sys/cache-folder.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot } from '../support/tools.ts';

// Code in the folder is run: a user who can write there could make tsimg run any code.

const test = suite('sys/cache-folder');
const PLACE = '.cache/tsimg/compiled';

/** Whether the opened folder is in this home directory. */
function isUsed(home: string, more: Readonly<Record<string, string>> = {}): boolean {
  return openCacheFolder('key', { HOME: home, ...more })?.startsWith(`${home}/`) ?? false;
}

test('the folder is made in the home directory, for its owner only', () => {
  const home = tempDir();
  assert.is(openCacheFolder('key', { HOME: home }), join(home, PLACE, 'key'));
  assert.is(statSync(join(home, PLACE, 'key')).mode & 0o777, 0o700);
});

test('$XDG_CACHE_HOME wins over the home directory, unless it is relative or missing', () => {
  const cache = tempDir();
  const home = tempDir();
  assert.is(openCacheFolder('key', { XDG_CACHE_HOME: cache, HOME: home }), join(cache, 'tsimg/compiled/key'));
  for (const XDG_CACHE_HOME of ['cache', join(home, 'absent'), '/dev/null'])
    assert.ok(isUsed(home, { XDG_CACHE_HOME }));
});

test('a folder that others can write in is not used, whichever of them it is', () => {
  for (const path of ['', '.cache', '.cache/tsimg', PLACE, `${PLACE}/key`]) {
    for (const mode of [0o777, 0o770, 0o1777]) {
      const home = tempDir();
      mkdirSync(join(home, PLACE, 'key'), { recursive: true });
      chmodSync(join(home, path), mode);
      assert.is(isUsed(home), path === '' && mode === 0o1777, `${path} ${mode.toString(8)}`);
    }
  }
});

test('a symlink in the place of a folder is not followed', () => {
  for (const path of ['.cache', '.cache/tsimg', PLACE, `${PLACE}/key`]) {
    const home = tempDir();
    mkdirSync(join(home, path, '..'), { recursive: true });
    symlinkSync(tempDir(), join(home, path));
    assert.not.ok(isUsed(home), path);
  }
});

test('of many folders, those that were not used for the longest time are removed', () => {
  const home = tempDir();
  mkdirSync(join(home, PLACE), { recursive: true, mode: 0o700 });
  for (let index = 0; index < 140; index += 1) {
    mkdirSync(join(home, PLACE, `${index}`), { mode: 0o700 });
    utimesSync(join(home, PLACE, `${index}`), index + 1, index + 1);
  }
  assert.ok(openCacheFolder('0', { HOME: home })?.startsWith(`${home}/`));
  const left = readdirSync(join(home, PLACE));
  assert.is(left.length, 128);
  assert.ok(left.includes('0') && left.includes('13') && !left.includes('12') && !left.includes('1'));
});

const asRoot = haveRoot() ? test : test.skip;
asRoot('root does not use the home of another user, because that user could replace the folder', () => {
  const home = tempDir();
  for (const path of ['', '.cache', '.cache/tsimg', PLACE, `${PLACE}/key`]) {
    mkdirSync(join(home, path), { recursive: true, mode: 0o700 });
    chownSync(join(home, path), 1234, 1234);
    assert.not.ok(isUsed(home), path);
    chownSync(join(home, path), 0, 0);
  }
  assert.ok(isUsed(home));
  const above = tempDir();
  mkdirSync(join(above, 'home'));
  chownSync(above, 1234, 1234);
  assert.not.ok(isUsed(join(above, 'home')), 'whose parent is another user’s');
});

test.run();
