import { closeSync, openSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { upperChanges } from '../../../src/disk/scan/upper-changes.ts';
import { TsimgError } from '../../../src/errors.ts';
import { makeDeepDirectory } from '../../support/deep-directory.ts';

const test = suite('disk/scan/upper-changes');

function changesIn(folder: string) {
  const upper = openSync(folder, 'r');
  try {
    return upperChanges(upper, [], { overlay: 'trusted', recorded: false, mountPlaces: new Set() });
  } finally {
    closeSync(upper);
  }
}

test('the files of a container are read as deep as an image may be, and no deeper', () => {
  assert.is(changesIn(makeDeepDirectory(512)).length, 512);
  assert.throws(
    () => changesIn(makeDeepDirectory(513)),
    (error: unknown) => error instanceof TsimgError && error.code === 'LIMIT_EXCEEDED',
  );
});

test.run();
