import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';

/** Makes a namespace in which mounts of children spread to their parent, but none to or from this machine. */
const SCRIPT = `mount --make-rshared / && cat /proc/self/mountinfo >&3 && echo == >&3 || exit 99
"$@"; status=$?; cat /proc/self/mountinfo >&3; exit $status`;

/**
 * Runs a program in a mount namespace of its own in which mounts spread, and fails the test where a mount is left or
 * gone. Needs root. To run as another user, the program begins with setpriv.
 */
export function runWithoutMountsLeft(
  words: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly timeout?: number },
): SpawnSyncReturns<string> {
  const command = ['--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, 'sh', ...words];
  const stdio = ['ignore', 'pipe', 'pipe', 'pipe'] as const;
  const run = spawnSync('unshare', command, {
    timeout: 60_000,
    ...options,
    cwd: '/',
    encoding: 'utf8',
    stdio: [...stdio],
  });
  const [before, after] = String(run.output[3]).split('==\n');
  assert.ok(before !== undefined && before !== '', `the mounts cannot be looked at: ${run.stderr}`);
  assert.is(after, before);
  return run;
}
