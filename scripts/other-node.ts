import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Lines of Node that are supported, by their major number. */
export const NODE_LINES: readonly string[] = ['20', '22', '24', '26'];

/**
 * The newest Node of a line, prebuilt as npm has it, in a folder of the checkout that is not kept; what is there already where
 * the registry cannot be reached. @throws Error where there is none
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
