import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PUBLISHED, ROOT } from './tsimg.ts';

/** Makes the command as it is published: scripts/bundle.mjs joins a copy of what was built. */
export function publish(): void {
  const source = dirname(PUBLISHED);
  const folder = dirname(dirname(source));
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(ROOT, 'dist', 'src'), source, { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'bundle.mjs'), source], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the command could not be joined');
}
