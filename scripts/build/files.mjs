// What a build asks of files. Plain JavaScript: it is part of what makes the rest runnable.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** All files below a folder, sorted, by their paths from there; none where there is no such folder. */
export function filesBelow(folder) {
  let entries;
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name))).sort();
}

/**
 * What identifies the state of files without reading them. The kernel sets the time of a change (ctime) itself, so that
 * it tells of every edit, also of one that keeps the size and sets the other time back.
 * @param clock `ctimeMs` of sources; `mtimeMs` of what gets new links
 */
export function fingerprintOf(folder, files, clock) {
  const hash = createHash('sha256');
  for (const file of files) {
    const { size, [clock]: time } = lstatSync(join(folder, file), { throwIfNoEntry: false }) ?? {};
    hash.update(`${file}\0${size}\0${time}\n`);
  }
  return hash.digest('hex');
}
