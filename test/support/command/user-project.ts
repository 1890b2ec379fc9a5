import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../checkout.ts';
import { tempDir } from '../temp-dir.ts';
import { publish } from './publish.ts';
import { COMMAND_VARIABLE } from './tsimg.ts';

/** The folder of the package as npm publishes it, which `npm test` has published. */
export const PACKAGE = dirname(dirname(dirname(process.env[COMMAND_VARIABLE] ?? (await publish()))));

/** Installs the package, with what it depends on, in a new folder. */
export function installPackage(): string {
  const folder = tempDir();
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  cpSync(PACKAGE, join(modules, 'tsimg'), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  for (const name of [...Object.keys(dependencies), '@types/node', 'undici-types']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  return folder;
}

let workspace: string | undefined;

/** Makes the folder of a user's project, in a workspace in which the package is installed once for all of them. */
export function makeProject(): string {
  workspace ??= installPackage();
  return mkdtempSync(join(workspace, 'project-'));
}
