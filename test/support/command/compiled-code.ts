import { chmodSync, chownSync, existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../../src/errors.ts';
import { tempDir } from '../temp-dir.ts';

// What V8 compiled of the command (src/sys/cache-folder.ts), for all commands of a run of tests. Each test file has
// ordinary users of its own, whose home folders are empty: their commands would compile everything again.

/** Names the folder, which `npm test` makes for a run (scripts/test.ts). */
export const COMPILED_VARIABLE = 'TSIMG_TEST_COMPILED';
const PLACE = ['tsimg', 'compiled'];

interface User {
  readonly uid: number;
  readonly gid: number;
}

const folders = new Map<number, string>();

/** Gives a user second names of root's files, which the user can replace and not change. */
function lendFolder(from: string, to: string, { uid, gid }: User): void {
  try {
    // A file with this ending is not complete, and a folder without files was made for a command that still runs
    const entries = readdirSync(from, { withFileTypes: true });
    const files = entries.filter((each) => each.isFile() && !each.name.endsWith('.new'));
    if (files.length === 0) return;
    mkdirSync(to, { mode: 0o700 });
    chownSync(to, uid, gid);
    for (const { name } of files) {
      linkSync(join(from, name), join(to, name));
      chmodSync(join(to, name), 0o644);
    }
  } catch (error) {
    // A command of the user's makes it too, or root's commands remove the oldest folders: what is missing is compiled
    if (!['EEXIST', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
  }
}

function makeFolder(user: User): string {
  const folder = tempDir(0o700);
  for (const path of [folder, join(folder, 'tsimg'), join(folder, ...PLACE)]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chownSync(path, user.uid, user.gid);
  }
  folders.set(user.uid, folder);
  return folder;
}

/** A user's folder, with what root's commands have compiled by now and the user has not. */
function folderOf(shared: string, user: User): string {
  const folder = folders.get(user.uid) ?? makeFolder(user);
  const [from, to] = [join(shared, ...PLACE), join(folder, ...PLACE)];
  const known = new Set(readdirSync(to));
  for (const key of existsSync(from) ? readdirSync(from) : []) {
    if (!known.has(key)) lendFolder(join(from, key), join(to, key), user);
  }
  return folder;
}

/** The part of a command's environment that has it find what was compiled before. @param user undefined for root */
export function compiledCode(user: User | undefined): Readonly<Record<string, string>> {
  const shared = process.env[COMPILED_VARIABLE];
  if (shared === undefined) return {};
  return { XDG_CACHE_HOME: user === undefined ? shared : folderOf(shared, user) };
}
