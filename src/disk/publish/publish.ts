import { constants, readdirSync } from 'node:fs';
import { TsimgError } from '../../errors.ts';
import { pathText } from '../../rootfs/path.ts';
import { closeDescriptor, exchangeAt, makeDirectoryAt, openAt, renameAt, renameNewAt } from '../../sys/file/files.ts';
import { lastErrno } from '../../sys/libc.ts';
import { check, refusal } from '../directory/check.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import type { Destination } from './destination.ts';

/** Gives the tree the name of the destination. A replaced directory is left in the staging directory. */
export function takeName({ path, name, replaces }: Destination, base: number, top: number): void {
  const at = byteName(name);
  if (!replaces) {
    if (renameAt(top, 'root', base, at) >= 0) return;
    const errno = lastErrno();
    if (errno !== 'ENOTEMPTY' && errno !== 'EEXIST') throw refusal('cannot publish the tree', errno, path);
    throw new TsimgError('DESTINATION_EXISTS', 'the destination is no longer empty', { where: path });
  }
  if (exchangeAt(top, 'root', base, at) >= 0) return;
  if (lastErrno() !== 'EINVAL') throw refusal('cannot replace the destination', lastErrno(), path);
  check(renameAt(base, at, top, 'old'), 'replace the destination', at);
  if (renameAt(top, 'root', base, at) >= 0) return;
  const errno = lastErrno();
  renameAt(top, 'old', base, at);
  throw refusal('cannot replace the destination', errno, path);
}

export interface Filling {
  /** The destination itself. */
  readonly base: number;
  readonly top: number;
  readonly root: number;
  /** The name of the staging directory in it. */
  readonly name: string;
}

/**
 * Moves the content of the destination away and the entries of the tree in. After an error everything is moved back.
 */
export function fill({ base, top, root, name }: Filling, finishRoot: (at: NameAt) => void): void {
  check(makeDirectoryAt(top, 'old', 0o700), 'make a directory', 'old');
  const old = check(openAt(top, 'old', constants.O_RDONLY | constants.O_DIRECTORY), 'open a directory', 'old');
  const moved: (readonly [from: number, to: number, name: string])[] = [];
  const move = (from: number, to: number, entry: string) => {
    if (renameNewAt(from, entry, to, entry) < 0) {
      // EINVAL: the file system does not know the call. The name was free a moment ago.
      const errno = lastErrno();
      if (errno !== 'EINVAL') throw refusal('cannot move', errno, pathText(entry));
      check(renameAt(from, entry, to, entry), 'move', entry);
    }
    moved.push([from, to, entry]);
  };
  try {
    for (const entry of namesIn(base)) if (entry !== name) move(base, old, entry);
    for (const entry of namesIn(root)) move(root, base, entry);
    finishRoot({ directory: base, name: '.' });
  } catch (error) {
    for (const [from, to, entry] of moved.toReversed()) renameAt(to, entry, from, entry);
    throw error;
  } finally {
    closeDescriptor(old);
  }
}

function namesIn(directory: number): readonly string[] {
  return readdirSync(`/proc/self/fd/${directory}`, 'latin1');
}

/** Turns text into bytes, one per character, as the calls on names take them. */
export function byteName(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
