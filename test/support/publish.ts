import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PUBLISHED, ROOT } from './tsimg.ts';

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${stderr}`);
  return stdout;
}

/** Lays the package out as npm publishes it: what npm packs of what was built, and nothing else. */
export function publish(): void {
  const folder = dirname(dirname(dirname(PUBLISHED)));
  const made = `${folder}.new`;
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  const packed = run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', made]).trim();
  run('tar', ['-xzf', join(made, packed), '-C', made, '--strip-components=1']);
  rmSync(join(made, packed));
  rmSync(folder, { recursive: true, force: true });
  renameSync(made, folder);
}
