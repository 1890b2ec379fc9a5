import { chmodSync, chownSync, existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../src/errors.ts';
import { tempDir } from './temp-dir.ts';

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
  mkdirSync(to, { mode: 0o700 });
  chownSync(to, uid, gid);
  try {
    const files = readdirSync(from, { withFileTypes: true }).filter((each) => each.isFile());
    // A file with this ending is not complete
    for (const { name } of files.filter((each) => !each.name.endsWith('.new'))) {
      linkSync(join(from, name), join(to, name));
      chmodSync(join(to, name), 0o644);
    }
  } catch (error) {
    // Root's commands remove the oldest folders when there are many: the user's compile again what is missing
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** With all that is there by now: no command of the user's uses the folder yet. */
function makeFolder(shared: string, user: User): string {
  const folder = tempDir(0o700);
  for (const path of [folder, join(folder, 'tsimg'), join(folder, ...PLACE)]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chownSync(path, user.uid, user.gid);
  }
  const from = join(shared, ...PLACE);
  for (const key of existsSync(from) ? readdirSync(from) : []) {
    lendFolder(join(from, key), join(folder, ...PLACE, key), user);
  }
  folders.set(user.uid, folder);
  return folder;
}

/** The part of a command's environment that has it find what was compiled before. @param user undefined for root */
export function compiledCode(user: User | undefined): Readonly<Record<string, string>> {
  const shared = process.env[COMPILED_VARIABLE];
  if (shared === undefined) return {};
  if (user === undefined) return { XDG_CACHE_HOME: shared };
  return { XDG_CACHE_HOME: folders.get(user.uid) ?? makeFolder(shared, user) };
}
