import { spawnSync } from 'node:child_process';

/**
 * Runs shell commands, then a module's text, in a mount namespace of its own, whose mounts end with it. What the module
 * prints, trimmed. Paths are handed over as `$1` and `process.argv[1]`.
 */
export function inMountNamespace(commands: string, module: string, path: string): string {
  const script = `${commands} && exec "$2" --input-type=module -e "$3" "$1"`;
  const run = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', path, process.execPath, module], {
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout.trim();
}
