import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { endProcesses } from '../../../src/host/state/end-processes.ts';
import { randomHex } from '../../../src/sys/random.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

// Only processes of the container may be killed: other processes may have mounts that look like the container's.

const test = suite('host/state/end-processes');

/** Starts a process in a new mount namespace, after shell commands there. */
async function start(commands: string): Promise<ChildProcess> {
  const script = `set -e; mkdir "$1/other"; ${commands}`;
  const words = ['--mount', 'sh', '-c', script, 'sh', tempDir()];
  const child = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('nothing can be read');
  const gone = once(child, 'exit').then(() => Promise.reject(new Error('it did not begin')));
  await Promise.race([once(child.stdout, 'data'), gone]);
  gone.catch(() => {});
  return child;
}

/** Ends the processes of a container without a readable record. */
async function endUnknown(id: string): Promise<void> {
  const directory = join(tempDir(), id);
  mkdirSync(directory);
  writeFileSync(join(directory, 'life.json'), '{');
  await endProcesses({ id, directory });
}

const TERMINALS = 'mount -t devpts -o newinstance';
const WAIT = 'echo up; exec sleep 100';

if (haveRoot() && haveTools('unshare', 'mount')) {
  test('a process in the mount namespace of a container is ended', async () => {
    const id = randomHex(32);
    const member = await start(`${TERMINALS} tsimg-${id} /dev/pts; ${WAIT}`);
    const ended = once(member, 'exit', { signal: AbortSignal.timeout(30_000) });
    await endUnknown(id);
    assert.equal(await ended, [null, 'SIGKILL']);
  });

  test('so is a process with another root directory, which does not see the mark', async () => {
    const id = randomHex(32);
    const jail = 'mount --rbind / "$1/other"; umount "$1/other/dev/pts"; chroot "$1/other" /bin/sleep 100 & inner=$!';
    const member = await start(`${jail}; ${TERMINALS} tsimg-${id} /dev/pts; sleep 0.2; ${WAIT}`);
    // Both processes have its end of the pipe.
    const ended = once(member, 'close', { signal: AbortSignal.timeout(30_000) });
    await endUnknown(id);
    assert.equal(await ended, [null, 'SIGKILL']);
  });

  for (const [what, commands] of [
    ['a mount of another kind that has a container’s name', (id: string) => `mount -t tmpfs tsimg-${id} "$1/other"`],
    ['the terminals of a container at another place', (id: string) => `${TERMINALS} tsimg-${id} "$1/other"`],
    ['another kind of mount in the place of its terminals', (id: string) => `mount -t tmpfs tsimg-${id} /dev/pts`],
  ] as const) {
    test(`a process that sees ${what} is left alone`, async () => {
      const id = randomHex(32);
      const other = await start(`${commands(id)}; ${WAIT}`);
      try {
        await endUnknown(id);
        assert.is(other.exitCode ?? other.signalCode, null);
        assert.ok(existsSync(`/proc/${other.pid}`));
      } finally {
        other.kill('SIGKILL');
      }
    });
  }
}

test.run();
