import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from './temp-dir.ts';

/** Makes a folder with nested directories. The longest path in it has this many names. */
export function makeDeepDirectory(names: number): string {
  const folder = tempDir();
  mkdirSync(join(folder, ...Array.from({ length: names }, () => 'd')), { recursive: true });
  return folder;
}
