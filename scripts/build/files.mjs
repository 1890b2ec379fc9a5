// What a build asks of files. Plain JavaScript: it is part of what makes the rest runnable.
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** All files below a folder, sorted, by their paths from there, without what npm installed; none where there is none. */
export function filesBelow(folder) {
  const files = [];
  const visit = (path) => {
    for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
      const own = join(path, entry.name);
      if (!entry.isDirectory()) files.push(own);
      else if (entry.name !== 'node_modules') visit(own);
    }
  };
  if (existsSync(folder)) visit('');
  return files.sort();
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
