import { closeSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { spawnBare } from '../../../src/sys/process/spawn-bare.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sys/process/spawn-bare');

function program(script: string): { readonly path: string } {
  const path = join(tempDir(0o755), 'program');
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { path };
}

/** Reads everything that a program writes until it closes its end. */
function readAll(socket: number): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(4096);
    const count = readSync(socket, chunk, 0, chunk.length, null);
    if (count === 0) return Buffer.concat(chunks).toString();
    chunks.push(chunk.subarray(0, count));
  }
}

test('a program has a socket as descriptor 3, /dev/null as standard streams, and no other descriptors', async () => {
  const { process: child, socket } = spawnBare(
    program(`read line <&3; exec >&3
echo "$line"; for fd in 0 1 2; do [ /proc/$$/fd/$fd -ef /dev/null ] || [ $fd = 1 ] && echo $fd; done
tr '\\\\0' ' ' </proc/$$/environ; echo .
grep -E '^Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f6 /proc/$$/stat; echo $$; ls -v /proc/$$/fd`),
  );
  writeSync(socket, 'hello\n');
  const lines = readAll(socket).trim().split('\n');
  closeSync(socket);
  assert.equal(await child.ended, { status: 0, signal: null });
  assert.equal(lines.slice(0, 5), ['hello', '0', '1', '2', '.']);
  assert.equal(lines.slice(5, 7), ['SigBlk:\t0000000000000000', 'SigIgn:\t0000000000000000']);
  assert.equal([lines[7], lines[8]], [String(child.pid), String(child.pid)], 'it leads a session');
  // A shell has its script under a number from 10 on, and so may inherited descriptors. No pipeline, which would add
  // pipes.
  assert.match(lines.slice(9).join(' '), /^0 1 2 3 (\d{2,} ?)*$/);
});

test('the end of a program is its status, or a signal', async () => {
  const failing = spawnBare(program('exit 7'));
  assert.equal(await failing.process.ended, { status: 7, signal: null });
  const waiting = spawnBare(program('read line <&3'));
  waiting.process.kill('SIGTERM');
  assert.equal(await waiting.process.ended, { status: null, signal: 'SIGTERM' });
  // Its process ID may belong to another process now: this signal goes to none.
  waiting.process.kill('SIGKILL');
  for (const { socket } of [failing, waiting]) closeSync(socket);
});

test('a missing program is an error', () => {
  assert.throws(
    () => spawnBare({ path: '/nowhere/program' }),
    (error: unknown) => error instanceof TsimgError && error.code === 'SYSTEM_CALL' && error.facts.errno === 'ENOENT',
  );
});

test.run();
