import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import { TsimgError } from '../../errors.ts';
import { pathText } from '../../rootfs/path.ts';
import { closeDescriptor, openAt } from '../../sys/file/files.ts';
import { lastErrno } from '../../sys/libc.ts';
import { attempt, refusal } from '../directory/check.ts';
import { namesIn } from './read-node.ts';

/** Each level needs an open descriptor. */
const MAX_DEPTH = 512;

/**
 * Returns the bytes of all files in a directory, by their lengths, with holes: docker's size of a layer. A file with
 * several names counts once, and directories count nothing. No link is followed, and what is removed meanwhile counts
 * nothing.
 * @throws FILESYSTEM, LIMIT_EXCEEDED
 */
export function contentSize(path: string): number {
  const seen = new Set<string>();

  function inside(directory: number, place: string, depth: number): number {
    if (depth > MAX_DEPTH) {
      const where = pathText(place.slice(0, 200));
      throw new TsimgError('LIMIT_EXCEEDED', `a path of more than ${MAX_DEPTH} directories`, { where });
    }
    let sum = 0;
    for (const name of namesIn(directory, place)) {
      const own = Buffer.from(`/proc/self/fd/${directory}/${name}`, 'latin1');
      const stat = attempt('look at a file', pathText(`${place}/${name}`), () =>
        lstatSync(own, { throwIfNoEntry: false }),
      );
      if (stat?.isDirectory()) sum += below(directory, name, `${place}/${name}`, depth);
      else if (stat !== undefined && isNew(stat)) sum += stat.size;
    }
    return sum;
  }

  function below(directory: number, name: string, place: string, depth: number): number {
    const opened = openAt(directory, name, constants.O_RDONLY | constants.O_DIRECTORY);
    if (opened < 0) {
      const errno = lastErrno();
      if (errno === 'ENOENT' || errno === 'ENOTDIR') return 0;
      throw refusal('cannot open a directory', errno, pathText(place));
    }
    try {
      return inside(opened, place, depth + 1);
    } finally {
      closeDescriptor(opened);
    }
  }

  function isNew({ nlink, dev, ino }: { nlink: number; dev: number; ino: number }): boolean {
    const identity = `${dev}:${ino}`;
    if (nlink === 1) return true;
    if (seen.has(identity)) return false;
    seen.add(identity);
    return true;
  }

  const top = attempt('open a directory', path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    return inside(top, Buffer.from(path).toString('latin1'), 1);
  } finally {
    closeSync(top);
  }
}
