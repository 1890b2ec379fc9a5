import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SYSCALLS_ARM64 } from '../../../src/linux/syscalls-arm64.data.ts';
import { SYSCALLS_X64 } from '../../../src/linux/syscalls-x64.data.ts';
import { CALL_NUMBERS } from '../../../src/sys/hand/call-number.data.ts';
import { ANSWER_SIZE, CALL, FIRST_CALL, MEMORY } from '../../../src/sys/hand/layout.ts';
import { type HandMachine, makeHandProgram } from '../../../src/sys/hand/program.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('sys/hand/program');

/** The machines whose programs can be run here, and by what. */
const RUNNERS: readonly (readonly [HandMachine, readonly string[]])[] = [
  ...(process.arch === 'x64' ? [['x64', []] as const] : []),
  ...(process.arch === 'arm64' ? [['arm64', []] as const] : []),
  ...(process.arch !== 'arm64' && haveTools('qemu-aarch64-static')
    ? [['arm64', ['qemu-aarch64-static']] as const]
    : []),
];

if (process.arch !== 'x64') console.log('skipped: needs an x86-64 machine');

/** One request of several calls; what follows a call is told by the numbers of its arguments, `TEXT` among them. */
function request(calls: readonly (readonly [number, ...number[]])[], text = '', received = 0): Buffer {
  const data = FIRST_CALL + calls.length * CALL.size;
  const bytes = Buffer.alloc(data + Buffer.byteLength(text) + 1);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 0);
  bytes.write(text, data);
  calls.forEach(([number, ...args], index) => {
    const call = FIRST_CALL + index * CALL.size;
    const put = (at: number, value: number) => bytes.writeBigInt64LE(BigInt(value), call + at);
    put(CALL.number, number);
    for (const [position, value] of args.entries())
      put(CALL.arguments + 8 * position, value === TEXT ? MEMORY + data : value);
    put(CALL.tag, index);
    bytes.writeUInt32LE(3, call + CALL.input);
    bytes.writeUInt32LE(1, call + CALL.output);
    put(CALL.next, index + 1 < calls.length ? MEMORY + call + CALL.size : 0);
    put(CALL.ranges, MEMORY + call + CALL.result);
    put(CALL.ranges + 8, ANSWER_SIZE);
    put(CALL.ranges + 16, MEMORY + data);
    put(CALL.ranges + 24, received);
  });
  return bytes;
}

/** Stands for the address of the text. */
const TEXT = 0xffff_fff0;
const AT_FDCWD = -100;

/** What a hand answers to requests that lie in a file; answers go to standard output, for it is told so by calls that return 0. */
function answers(machine: HandMachine, runner: readonly string[], requests: readonly Buffer[]) {
  const folder = tempDir();
  const program = join(folder, 'hand');
  writeFileSync(program, makeHandProgram(machine), { mode: 0o755 });
  const file = join(folder, 'requests');
  writeFileSync(file, Buffer.concat(requests));
  const input = openSync(file, 'r');
  try {
    const [command = '', ...args] = [...runner, program];
    return spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe', input], timeout: 10_000, cwd: folder });
  } finally {
    closeSync(input);
  }
}

for (const [machine, runner] of RUNNERS) {
  const numbers = CALL_NUMBERS[machine];
  test(`${machine}: calls follow each other until one fails, and the answer tells which, with its errno`, () => {
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
    const elf = makeHandProgram(machine);
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

test('what the build wrote is what the source says', () => {
  for (const machine of ['x64', 'arm64'] as const) {
    const built = join(import.meta.dirname, '..', '..', '..', 'src', 'sys', 'hand', `hand-${machine}`);
    assert.equal(readFileSync(built), makeHandProgram(machine));
  }
});

test.run();
