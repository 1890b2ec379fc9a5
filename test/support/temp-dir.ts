import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names the folder for the folders of all test files, which `npm test` makes for a run (spreadTempDirs). */
const PLACE_VARIABLE = 'TSIMG_TEST_FOLDER';

const made: string[] = [];

/**
 * Makes a folder with this mode, which is removed when the test process ends, also after a failure. What else has to
 * end before that is put before it: `process.prependListener('exit', …)`.
 */
export function tempDir(mode = 0o700): string {
  const place = process.env[PLACE_VARIABLE];
  // Not deeper than need be: paths of sockets are short
  const path = mkdtempSync(place === undefined ? join(tmpdir(), 'tsimg-test-') : `${place}/`);
  chmodSync(path, mode);
  if (made.length === 0) process.on('exit', removeAll);
  made.push(path);
  return path;
}

/**
 * Has the folders of this process, and of those that it starts, be made where ext4 puts each into another group of
 * inodes. In one group, an ext4 without a journal looks for each new file at all that were deleted within a minute,
 * which is a tenth of the time of all tests.
 */
export function spreadTempDirs(): void {
  const place = mkdtempSync(join(tmpdir(), 'tests-'));
  chmodSync(place, 0o1777);
  // Other file systems have no such attribute
  spawnSync('chattr', ['+T', place], { stdio: 'ignore' });
  process.env[PLACE_VARIABLE] = place;
  if (made.length === 0) process.on('exit', removeAll);
  made.push(place);
}

/** A folder that cannot be removed fails the test file, and the others are removed all the same. */
function removeAll(): void {
  const kept: unknown[] = [];
  for (const path of made) {
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 2 });
    } catch (error) {
      kept.push(error);
    }
  }
  if (kept.length > 0) throw new AggregateError(kept, 'folders of the tests could not be removed');
}
