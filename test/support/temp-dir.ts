import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** A fresh folder of this mode (octal) that is removed when the test process ends, however it ends. */
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
