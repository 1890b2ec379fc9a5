import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** Makes a folder with this mode, which is removed when the test process ends, also after a failure. */
export function tempDir(mode = 0o700): string {
  const path = mkdtempSync(join(tmpdir(), 'tsimg-test-'));
  chmodSync(path, mode);
  if (made.length === 0) process.on('exit', removeAll);
  made.push(path);
  return path;
}

function removeAll(): void {
  for (const path of made) rmSync(path, { recursive: true, force: true, maxRetries: 2 });
}
