import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { syncData, syncNames } from '../../../src/sys/file/sync.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sys/file/sync');

const memory = mkdtempSync('/dev/shm/tsimg-test-');
process.on('exit', () => rmSync(memory, { recursive: true }));

for (const [kind, folder] of [
  ['on a disk', tempDir()],
  ['in memory', memory],
] as const) {
  test(`bytes and names are written ${kind}, and a failure is told`, async () => {
    const path = join(folder, 'file');
    const file = openSync(path, 'w');
    writeSync(file, 'bytes');
    await syncData(file, path);
    closeSync(file);
    const names = openSync(folder, 'r');
    await syncNames(names, folder);
    closeSync(names);
    for (const call of [syncData(names, folder), syncNames(names, folder)]) {
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.is(Reflect.get(Object(error), 'code'), 'EBADF');
    }
  });
}

test.run();
