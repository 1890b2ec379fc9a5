import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitDevice } from '../../../src/linux/device/device.ts';
import { tempDir } from '../temp-dir.ts';

/** A disk of the host that holds one word: a loop device of a file. */
export interface LoopDevice {
  readonly path: string;
  readonly major: number;
  readonly minor: number;
  remove(): void;
}

/** The word at the start of the disk. */
export const LOOP_CONTENT = 'harmless';
const BYTES = 64 * 1024;
/** Other processes take devices at the same time, so several attempts may be needed. */
const ATTEMPTS = 10;

/** Makes a disk, which is removed at the end of the process at the latest. Needs root and losetup. */
export function makeLoopDevice(): LoopDevice {
  const file = join(tempDir(), 'disk');
  writeFileSync(file, LOOP_CONTENT.padEnd(BYTES, '\0'));
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const path = spawnSync('losetup', ['-f'], { encoding: 'utf8' }).stdout.trim();
    if (path === '' || spawnSync('losetup', [path, file]).status !== 0) continue;
    let isThere = true;
    const remove = () => {
      if (isThere) spawnSync('losetup', ['-d', path]);
      isThere = false;
    };
    // The device must be detached before its folder is removed.
    process.prependListener('exit', remove);
    return { path, ...splitDevice(statSync(path, { bigint: true }).rdev), remove };
  }
  throw new Error('no loop device can be had');
}
