import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findTrustedLibrary } from '../../../src/sys/library/trusted-library.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sys/library/trusted-library');
const NAME = 'libsome.so.1';

/** Makes a directory with a file of that name, both of the caller and closed to others. */
function place(): { readonly directory: string; readonly file: string } {
  const directory = join(tempDir(), 'lib');
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  const file = join(directory, NAME);
  writeFileSync(file, '');
  chmodSync(file, 0o644);
  return { directory, file };
}

if (process.geteuid?.() === 0) {
  test('a library of the owner of /usr is found, through its links', () => {
    const { directory, file } = place();
    const other = tempDir();
    chmodSync(other, 0o755);
    symlinkSync(file, join(other, NAME));
    assert.is(findTrustedLibrary(NAME, ['/nowhere', directory]), file);
    assert.is(findTrustedLibrary(NAME, [other]), file);
  });

  test('a library that another user owns or can write is not loaded', () => {
    const changes: readonly ((at: { readonly directory: string; readonly file: string }) => void)[] = [
      ({ file }) => chmodSync(file, 0o664),
      ({ file }) => chmodSync(file, 0o646),
      ({ directory }) => chmodSync(directory, 0o775),
      ({ directory }) => chmodSync(directory, 0o1777),
      ({ file }) => chownSync(file, 12345, 0),
      ({ directory }) => chownSync(directory, 12345, 0),
    ];
    for (const change of changes) {
      const at = place();
      change(at);
      assert.is(findTrustedLibrary(NAME, [at.directory]), undefined);
    }
  });
} else {
  console.log('skipped: needs root');
  test("an ordinary user's own library is not loaded", () => {
    assert.is(findTrustedLibrary(NAME, [place().directory]), undefined);
  });
}

test('a missing library is not found', () => {
  assert.is(findTrustedLibrary(NAME, ['/nowhere', '/etc/passwd']), undefined);
});

test.run();
