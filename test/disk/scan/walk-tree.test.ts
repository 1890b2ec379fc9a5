import { closeSync, openSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readNode } from '../../../src/disk/scan/read-node.ts';
import { walkTree } from '../../../src/disk/scan/walk-tree.ts';
import { makeDeepDirectory } from '../../support/deep-directory.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('disk/scan/walk-tree');

async function countEntries(folder: string): Promise<number> {
  const directory = openSync(folder, 'r');
  try {
    const at = { directory, name: 'd' };
    const node = readNode(at, 'd');
    if (node === undefined) throw new Error('it is not there');
    let count = 0;
    for await (const _ of walkTree({ at, node, name: 'd' }, { onSkipped: () => {} })) count += 1;
    return count;
  } finally {
    closeSync(directory);
  }
}

test('a directory is copied with everything in it, as deep as an image may be, and no deeper', async () => {
  assert.is(await countEntries(makeDeepDirectory(512)), 512);
  await failureOf(countEntries(makeDeepDirectory(513)), 'LIMIT_EXCEEDED');
});

test.run();
