import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ANYTHING, type Modules } from './imports.ts';

// Which tests may fail because of what git calls changed.

/** Changes to these reach everything: how it is compiled, what it is compiled with, and how tests are run. */
const EVERYTHING = /^(package(-lock)?\.json|tsconfig(\.build)?\.json|scripts\/.*\.mjs|scripts\/test(\.ts$|\/))/;
const COMPILED = /^(src|test|fixtures|bench|scripts)\/.*\.ts$/;

function git(root: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args[0]}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

function baseOf(root: string): string {
  for (const branch of ['main', 'origin/main']) {
    const { status, stdout } = spawnSync('git', ['merge-base', 'HEAD', branch], { cwd: root, encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  throw new Error('git knows neither main nor origin/main, so nothing says what changed');
}

/**
 * Files that changed since this branch left main, or in the work tree, or are new there. @throws Error where git cannot
 * tell
 */
export function changedFiles(root: string): readonly string[] {
  const changed = git(root, 'diff', '--name-only', '--no-renames', '-z', baseOf(root));
  const added = git(root, 'ls-files', '--others', '--exclude-standard', '-z');
  return `${changed}${added}`.split('\0').filter((path) => path !== '');
}

/** The tests that may fail because of these files. @param tests modules of dist */
export function testsOf(changed: readonly string[], tests: readonly string[], modules: Modules): readonly string[] {
  if (changed.some((path) => EVERYTHING.test(path))) return tests;
  const changedModules = changed.filter((path) => COMPILED.test(path)).map((path) => path.replace(/\.ts$/, '.js'));
  const isRead = (name: string) =>
    changed.some((path) => name === ANYTHING || path === name || path.startsWith(`${name}/`));
  return tests.filter((test) => {
    const needs = modules.needsOf(test);
    return (
      changedModules.some((module) => needs.has(join(module))) ||
      [...needs].some((each) => modules.readsOf(each).some(isRead))
    );
  });
}
