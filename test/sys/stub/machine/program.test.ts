import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SYSCALLS_ARM64 } from '../../../../src/linux/seccomp/syscalls-arm64.data.ts';
import { SYSCALLS_X64 } from '../../../../src/linux/seccomp/syscalls-x64.data.ts';
import { CALL_NUMBERS } from '../../../../src/sys/stub/call-number.data.ts';
import { makeStubProgram, type StubMachine } from '../../../../src/sys/stub/machine/program.ts';
import { RUNNERS, request, TEXT } from '../../../support/container/stub-request.ts';
import { tempDir } from '../../../support/temp-dir.ts';

const test = suite('sys/stub/machine/program');
const AT_FDCWD = -100;

/**
 * Runs a stub with requests from a file and returns its answers. They go to standard output, by calls that return 0.
 */
function answers(machine: StubMachine, runner: readonly string[], requests: readonly Buffer[]) {
  const folder = tempDir();
  const program = join(folder, 'stub');
  writeFileSync(program, makeStubProgram(machine), { mode: 0o755 });
  const file = join(folder, 'requests');
  writeFileSync(file, Buffer.concat(requests));
  const input = openSync(file, 'r');
  try {
    const [command = '', ...args] = [...runner, program];
    return spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe', input], timeout: 60_000, cwd: folder });
  } finally {
    closeSync(input);
  }
}

for (const [machine, runner] of RUNNERS) {
  const numbers = CALL_NUMBERS[machine];
  test(`${machine}: calls are made until one fails, and the answer has its number and errno`, () => {
    const { stdout, status } = answers(machine, runner, [
      request(
        [
          [numbers.umask, 0],
          [numbers.prctl, 38, 1, 0, 0, 0],
          [numbers.write, 1, TEXT, 4],
          [numbers.openat, AT_FDCWD, TEXT, 0, 0],
          [numbers.write, 1, TEXT, 4],
        ],
        'none',
        2,
      ),
    ]);
    assert.is(status, 0);
    assert.is(stdout.toString('latin1', 0, 4), 'none');
    assert.is(stdout.readBigInt64LE(4), -2n);
    assert.is(stdout.readBigInt64LE(12), 3n);
    assert.is(stdout.toString('latin1', 20), 'no');
  });

  test(`${machine}: the program is static, small, and has no memory that can be both written and executed`, () => {
    const elf = makeStubProgram(machine);
    assert.ok(elf.length < 512);
    const flags = [0, 1, 2].map((index) => elf.readUInt32LE(64 + 56 * index + 4));
    assert.equal(flags, [5, 6, 6]);
  });
}

test('the numbers of its system calls are those of the kernel’s tables', () => {
  for (const [machine, table] of [
    ['x64', SYSCALLS_X64],
    ['arm64', SYSCALLS_ARM64],
  ] as const) {
    const known = new Map(
      table
        .trim()
        .split(/\s+/)
        .map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]),
    );
    for (const [name, number] of Object.entries(CALL_NUMBERS[machine]))
      assert.is(number, known.get(name), `${machine} ${name}`);
  }
});

test('the build writes the stub that the source describes', () => {
  for (const machine of ['x64', 'arm64'] as const) {
    const built = join(import.meta.dirname, '..', '..', '..', '..', 'src', 'sys', 'stub', `stub-${machine}`);
    assert.equal(readFileSync(built), makeStubProgram(machine));
  }
});

test.run();
