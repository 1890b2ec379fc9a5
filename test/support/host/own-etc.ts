import { spawnSync } from 'node:child_process';
import { appendFileSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tempDir } from '../temp-dir.ts';
import { haveRoot, haveTools } from '../tools.ts';

const OVERLAYFS_SUPER_MAGIC = 0x794c_7630;
const MARK = 'TSIMG_TEST_OWN_ETC';

/** The subordinate IDs of root in the /etc of a test file. */
export const ROOT_RANGE = { start: 2_000_000_000, count: 65_536 };

/**
 * A shell's command that copies /etc into the folder `$0`. A file goes while it is copied where another test makes a
 * user: then all are copied again.
 */
export const COPY_ETC = `copied=no
for attempt in 1 2 3 4 5 6 7 8 9; do
  if cp -a /etc/. "$0"; then copied=yes; break; fi
done
[ $copied = yes ]`;

/**
 * Runs a test file a second time as root, in a mount namespace with an /etc in which root has subordinate IDs. Returns
 * true in the second run; false in the first, which has nothing else to do. Prints what is missing.
 */
export function hasOwnEtc(file: string): boolean {
  if (process.env[MARK] !== undefined) return true;
  if (!haveTools('unshare', 'mount', 'cp') || !haveRoot()) return false;
  if (statfsSync(tmpdir()).type === OVERLAYFS_SUPER_MAGIC) {
    console.log('skipped: needs a folder for temporary files that is not on an overlay');
    return false;
  }
  const etc = tempDir(0o755);
  const copied = spawnSync('sh', ['-c', COPY_ETC, etc], { encoding: 'utf8' });
  if (copied.status !== 0) throw new Error(`/etc is not copied: ${copied.stderr}`);
  for (const name of ['subuid', 'subgid']) {
    appendFileSync(join(etc, name), `root:${ROOT_RANGE.start}:${ROOT_RANGE.count}\n`);
  }
  const script = 'mount --bind "$0" /etc && exec "$@"';
  const args = ['--mount', 'sh', '-c', script, etc, process.execPath, ...process.execArgv, file];
  const { status } = spawnSync('unshare', args, { stdio: 'inherit', env: { ...process.env, [MARK]: 'yes' } });
  process.exitCode = status ?? 1;
  return false;
}
