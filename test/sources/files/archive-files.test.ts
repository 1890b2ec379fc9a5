import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { archiveFiles } from '../../../src/sources/files/archive-files.ts';
import type { Files } from '../../../src/sources/files/files.ts';
import { file, hardlink, symlink, type TarPart, tarOf } from '../../support/image/tar.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sources/files/archive-files');

async function filesOf(...parts: readonly TarPart[]): Promise<Files> {
  const path = join(tempDir(), 'archive');
  const archive = tarOf(...parts);
  writeFileSync(path, archive);
  return archiveFiles({ handle: await open(path), label: path, size: archive.length });
}

test('eight links in a row are followed; a ninth and cycles are not', async () => {
  for (const link of [symlink, hardlink]) {
    const links = Array.from({ length: 9 }, (_, at) => link(`${at + 1}`, `${at}`));
    const files = await filesOf(file('0', 'end'), ...links, link('x', 'y'), link('y', 'x'));
    try {
      assert.equal([await files.size('8'), await files.size('9'), await files.size('x')], [3, undefined, undefined]);
    } finally {
      await files.close();
    }
  }
});

test.run();
