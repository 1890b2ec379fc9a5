import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from './temp-dir.ts';

/** A folder with directories in each other: so many names has the longest path in it. */
export function makeDeepDirectory(names: number): string {
  const folder = tempDir();
  mkdirSync(join(folder, ...Array.from({ length: names }, () => 'd')), { recursive: true });
  return folder;
}
