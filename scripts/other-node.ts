import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** The supported lines of Node, by their major version. */
export const NODE_LINES: readonly string[] = ['20', '22', '24', '26'];

/**
 * Returns the newest Node of a line, prebuilt, from npm, in a folder of the checkout that is not in git. Where the
 * registry cannot be reached, an earlier download is used. @throws Error where there is none
 */
export function installNode(root: string, line: string): string {
  const folder = join(root, '.nodes', line);
  const name = `node-linux-${process.arch}`;
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  mkdirSync(folder, { recursive: true });
  const options = ['--prefix', folder, '--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { stderr } = spawnSync('npm', ['install', ...options, `${name}@${line}`], { cwd: folder, encoding: 'utf8' });
  if (!existsSync(binary)) throw new Error(`Node ${line} cannot be installed: ${stderr}`);
  return binary;
}
