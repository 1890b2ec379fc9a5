import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './checkout.ts';
import { publish } from './publish.ts';
import { tempDir } from './temp-dir.ts';
import { COMMAND_VARIABLE } from './tsimg.ts';

/** The folder of the package as npm publishes it, which `npm test` has published. */
export const PACKAGE = dirname(dirname(dirname(process.env[COMMAND_VARIABLE] ?? (await publish()))));

/** Lays out the project of a user that has the package, with what it depends on. */
export function makeProject(): string {
  const project = tempDir();
  const modules = join(project, 'node_modules');
  mkdirSync(modules);
  cpSync(PACKAGE, join(modules, 'tsimg'), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  for (const name of [...Object.keys(dependencies), '@types/node', 'undici-types']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  return project;
}
