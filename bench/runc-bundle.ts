import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../test/support/temp-dir.ts';

/** Options of `podman run`: its default limits are above those that a sandbox permits root. */
export const PODMAN = ['--network', 'none', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];

/** Makes a folder with runc's own configuration for a root filesystem and a program. */
export function makeBundle(rootfs: string, program: string): string {
  const bundle = tempDir();
  spawnSync('runc', ['spec'], { cwd: bundle });
  const file = join(bundle, 'config.json');
  const text = readFileSync(file, 'utf8')
    .replace('"terminal": true', '"terminal": false')
    .replace('"sh"', JSON.stringify(program))
    .replace('"path": "rootfs"', `"path": ${JSON.stringify(rootfs)}`);
  writeFileSync(file, text);
  return bundle;
}
