import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../temp-dir.ts';

// A disk whose power can be cut. It is a loop device without a cache of its own: its backing file has what the file
// system has written to the disk, and nothing of what waits in memory. A copy of that file is what a power cut leaves.

/** A file system that is mounted; removed at the end of the process at the latest. */
interface Mounted extends Disposable {
  readonly folder: string;
}

export interface CutDisk extends Mounted {
  /** Cuts the power: mounts what the disk has got by now, as it is after a start. */
  cut(): Mounted;
}

const MEGABYTES = 64;

function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
}

function mount(file: string, folder: string): Mounted {
  mkdirSync(folder);
  const device = run('losetup', '--find', '--show', '--direct-io=on', file);
  let isThere = true;
  const remove = () => {
    if (!isThere) return;
    isThere = false;
    process.off('exit', remove);
    spawnSync('umount', [folder]);
    spawnSync('losetup', ['--detach', device]);
  };
  process.prependListener('exit', remove);
  try {
    // The journal is written when a program asks for it, and not by itself.
    run('mount', '-t', 'ext4', '-o', 'commit=3000', device, folder);
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, [Symbol.dispose]: remove };
}

/** Makes a disk with an empty ext4. Needs root, losetup and mkfs.ext4. */
export function makeCutDisk(): CutDisk {
  const base = tempDir(0o755);
  const file = join(base, 'disk');
  writeFileSync(file, '');
  truncateSync(file, MEGABYTES * 1024 * 1024);
  run('mkfs.ext4', '-q', '-F', file);
  const mounted = mount(file, join(base, 'mounted'));
  let cuts = 0;
  const cut = () => {
    cuts += 1;
    const copy = `${file}-${cuts}`;
    copyFileSync(file, copy);
    return mount(copy, `${mounted.folder}-${cuts}`);
  };
  return { ...mounted, cut };
}
