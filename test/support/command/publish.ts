import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock, type Lock, tryLock } from '../../../src/sys/file/lock.ts';
import { ROOT } from '../checkout.ts';

/** The folder of published packages, beside dist: a build replaces dist, and a run of tests keeps its package. */
const FOLDER = join(ROOT, '.build', 'published');
/** The files that may be packed, and those that say which are packed. */
const PACKED = ['dist/src', 'docs', 'examples', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'];

/** The lock of the package that this process uses, held until it ends. */
const used: Lock[] = [];

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${stderr}`);
  return stdout;
}

/** Returns a digest of all files that may be packed. */
function keyOfPacked(): string {
  const hash = createHash('sha256');
  for (const path of PACKED) {
    const isFolder = !path.includes('.') && path !== 'LICENSE';
    const files = isFolder
      ? readdirSync(join(ROOT, path), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .sort()
      : [join(ROOT, path)];
    for (const file of files) {
      const text = readFileSync(file);
      hash.update(`${file}\0${text.length}\0`).update(text);
    }
  }
  return hash.digest('hex').slice(0, 32);
}

/** Packs and unpacks beside the place, and renames the result, so that it is complete. */
function layOut(folder: string): void {
  const made = `${folder}.new`;
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  const packed = run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', made]).trim();
  run('tar', ['-xzf', join(made, packed), '-C', made, '--strip-components=1']);
  rmSync(join(made, packed));
  renameSync(made, folder);
}

/** Removes packages that no process uses. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(FOLDER).filter((each) => each.endsWith('.lock'))) {
    const path = join(FOLDER, name);
    const lock = await tryLock(path, 'exclusive');
    if (lock === undefined) continue;
    rmSync(path.replace(/\.lock$/, ''), { recursive: true, force: true });
    rmSync(path);
    await lock.close();
  }
}

/**
 * Lays out the package as npm publishes it, with the files that npm packs and no others. Returns the path of its
 * command. An existing package of the same files is used. It stays until this process ends, also when other processes
 * build and publish meanwhile.
 */
export async function publish(): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  // No build may replace dist while it is packed.
  await using _ = await acquireLock(join(ROOT, '.build', 'lock'), 'exclusive');
  const folder = join(FOLDER, keyOfPacked());
  used.push(await acquireLock(`${folder}.lock`, 'shared'));
  if (!existsSync(folder)) layOut(folder);
  await sweep();
  return join(folder, 'dist', 'src', 'tsimg.cjs');
}
