import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/**
 * Makes a folder with this mode, which is removed when the test process ends, also after a failure. What else has to
 * end before that is put before it: `process.prependListener('exit', …)`.
 */
export function tempDir(mode = 0o700): string {
  const path = mkdtempSync(join(tmpdir(), 'tsimg-test-'));
  chmodSync(path, mode);
  if (made.length === 0) process.on('exit', removeAll);
  made.push(path);
  return path;
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
