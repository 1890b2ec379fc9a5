import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { accessSync, chownSync, constants, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAIN } from '../command/tsimg.ts';
import { tempDir } from '../temp-dir.ts';

export interface OrdinaryUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Attempts to change the users of this machine, and milliseconds between two of them. */
const ATTEMPTS = 300;
const PAUSE = 100;

function read(path: string): string {
  try {
    accessSync(path, constants.R_OK);
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Changes the users of this machine, when no other process does: useradd and userdel give up at once. */
function changeUsers(program: 'useradd' | 'userdel', words: readonly string[]): SpawnSyncReturns<string> {
  for (let attempt = 1; ; attempt += 1) {
    const done = spawnSync(program, words, { encoding: 'utf8' });
    if (done.status === 0 || attempt === ATTEMPTS || !/\block\b/.test(done.stderr ?? '')) return done;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
  }
}

/**
 * Makes a user with subordinate IDs (or without, `subordinate: false`) and a home (where tsimg keeps what V8 compiled)
 * who is removed when the test process ends. Undefined, with the line that says why, where that is not possible, or
 * where the user could not read this checkout.
 */
export function makeOrdinaryUser(options: { readonly subordinate?: boolean } = {}): OrdinaryUser | undefined {
  const skip = (need: string): undefined => void console.log(`skipped: needs ${need}`);
  if (process.getuid?.() !== 0) return skip('root, to make an ordinary user');
  const name = `tsimg-t${process.pid}${options.subordinate === false ? 's' : ''}`;
  const flags = options.subordinate === false ? ['--key', 'SUB_UID_COUNT=0', '--key', 'SUB_GID_COUNT=0'] : [];
  const home = tempDir(0o700);
  const words = ['--no-create-home', '--home-dir', home, '--shell', '/bin/sh', ...flags, name];
  const made = changeUsers('useradd', words);
  if (made.status !== 0) return skip(`useradd: ${made.error?.message ?? made.stderr}`);
  process.on('exit', () => changeUsers('userdel', ['--force', name]));
  const line = read('/etc/passwd')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (options.subordinate !== false && !read('/etc/subuid').includes(`${name}:`)) return skip('subordinate IDs');
  const user = { name, uid: Number(uid), gid: Number(gid) };
  // The locks of a user's networks, where there is no $XDG_RUNTIME_DIR
  const runtime = join(tmpdir(), `tsimg-${user.uid}`);
  process.on('exit', () => rmSync(runtime, { recursive: true, force: true }));
  chownSync(home, user.uid, user.gid);
  const readable = spawnSync('test', ['-r', MAIN.replace(/main\.js$/, 'errors.js')], { uid: user.uid, gid: user.gid });
  return readable.status === 0 ? user : skip('a checkout that an ordinary user can read');
}

/** The words that make a program run as a user, with that user's own groups only; none for root. */
export function becomeWords(user: Pick<OrdinaryUser, 'uid' | 'gid'> | undefined): readonly string[] {
  return user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];
}
