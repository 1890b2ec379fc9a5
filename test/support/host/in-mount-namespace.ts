import { spawnSync } from 'node:child_process';

/**
 * Runs shell commands, then the text of a module, in a mount namespace of their own, whose mounts end with it. Returns
 * the trimmed output of the module. The path is `$1` for the shell and `process.argv[1]` for the module.
 */
export function inMountNamespace(commands: string, module: string, path: string): string {
  const script = `${commands} && exec "$2" --input-type=module -e "$3" "$1"`;
  const run = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', path, process.execPath, module], {
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout.trim();
}
