import { constants, readdirSync } from 'node:fs';
import { TsimgError } from '../../errors.ts';
import { pathText } from '../../rootfs/path.ts';
import { closeDescriptor, exchangeAt, makeDirectoryAt, openAt, renameAt, renameNewAt } from '../../sys/file/files.ts';
import { lastErrno } from '../../sys/libc.ts';
import { check, refusal } from '../directory/check.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import type { Destination } from './destination.ts';

/** The tree takes the destination's name; what had it is left in the staging directory. */
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
  /** Of the staging directory in it. */
  readonly name: string;
}

/** Moves what the destination holds aside and the tree's entries in; on failure everything back. */
export function fill({ base, top, root, name }: Filling, finishRoot: (at: NameAt) => void): void {
  check(makeDirectoryAt(top, 'old', 0o700), 'make a directory', 'old');
  const old = check(openAt(top, 'old', constants.O_RDONLY | constants.O_DIRECTORY), 'open a directory', 'old');
  const moved: (readonly [from: number, to: number, name: string])[] = [];
  const move = (from: number, to: number, entry: string) => {
    if (renameNewAt(from, entry, to, entry) < 0) {
      // EINVAL: a file system without the call; the name was not there a moment ago
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

/** Text → bytes, one per character, as calls on names want them. */
export function byteName(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
