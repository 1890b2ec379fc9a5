import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CALL_NUMBERS } from '../../../../src/sys/stub/call-number.data.ts';
import { ANSWER_SIZE, CALL, FIRST_CALL, MEMORY, MEMORY_SIZE } from '../../../../src/sys/stub/layout.ts';
import { makeStubProgram, type StubMachine } from '../../../../src/sys/stub/machine/program.ts';
import { ROOT } from '../../../support/checkout.ts';
import { RUNNERS, request, TEXT } from '../../../support/container/stub-request.ts';
import { tempDir } from '../../../support/temp-dir.ts';
import { haveTools } from '../../../support/tools.ts';

// The stub's source in assembler: each path through it is tested.

const test = suite('sys/stub/machine/assembler');
const AT_FDCWD = -100;
const EBADF = 9;
/** Milliseconds between two pieces of a request, so that they likely arrive one by one. No test depends on that. */
const PAUSE = 20;

/** The assembler for each machine, and the program that extracts the code from its output. */
function toolsFor(machine: StubMachine): readonly [assembler: string, objcopy: string] {
  const prefix = process.arch === machine ? '' : { x64: 'x86_64-linux-gnu-', arm64: 'aarch64-linux-gnu-' }[machine];
  return [`${prefix}as`, `${prefix}objcopy`];
}

for (const machine of ['x64', 'arm64'] as const) {
  const source = join(ROOT, 'src', 'sys', 'stub', 'machine', `stub-${machine}.s`);
  const [assembler, objcopy] = toolsFor(machine);

  if (haveTools(assembler, objcopy)) {
    test(`${machine}: the packaged code is the assembled source, byte for byte`, () => {
      const folder = tempDir();
      const [object, code] = [join(folder, 'object'), join(folder, 'code')];
      const made = spawnSync(assembler, ['--fatal-warnings', '-o', object, source], { encoding: 'utf8' });
      assert.is(made.status, 0, made.stderr);
      const taken = spawnSync(objcopy, ['-O', 'binary', '-j', '.text', object, code], { encoding: 'utf8' });
      assert.is(taken.status, 0, taken.stderr);
      // After the ELF header and three program headers.
      const shipped = makeStubProgram(machine).subarray(64 + 3 * 56);
      assert.is(shipped.toString('hex'), readFileSync(code).toString('hex'));
    });
  }

  test(`${machine}: the source has the offsets of layout.ts`, () => {
    const lines = readFileSync(source, 'utf8').matchAll(/^\.set (\w+), (\w+)$/gm);
    const set = Object.fromEntries(Array.from(lines, ([, name = '', value]) => [name, Number(value)]));
    const { number, arguments: args, result, input, output, next, ranges, stores, expected, otherwise } = CALL;
    const places = { MEMORY, MEMORY_SIZE, NUMBER: number, ARGUMENTS: args, RESULT: result, INPUT: input };
    const later = { NEXT: next, RANGES: ranges, STORES: stores, EXPECTED: expected, OTHERWISE: otherwise };
    assert.equal(set, { ...places, ...(machine === 'x64' && { OUTPUT: output }), ...later });
    // arm64 loads both at once.
    assert.is(output, input + 4);
    assert.is(FIRST_CALL, 8);
  });
}

/**
 * Speaks with a stub by a socket, as its caller does. Each piece is sent after a number of answers, since data that
 * arrives with a request counts as part of it. Returns the stub's answers, its standard output, and its end.
 */
async function converse(
  machine: StubMachine,
  runner: readonly string[],
  pieces: readonly (readonly [answers: number, bytes: Buffer])[],
) {
  const folder = tempDir();
  const program = join(folder, 'stub');
  writeFileSync(program, makeStubProgram(machine), { mode: 0o755 });
  const [command = '', ...args] = [...runner, program];
  const stdio = ['ignore', 'pipe', 'inherit', 'pipe', 'ignore'] as const;
  const child = spawn(command, args, { stdio: [...stdio], cwd: folder, timeout: 20_000 });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const { stdout: output } = child;
  const socket = child.stdio[3];
  if (!(socket instanceof Duplex) || output === null) throw new Error('it has no socket');
  socket.on('error', () => {});
  const [written, answers]: readonly [Buffer[], Buffer[]] = [[], []];
  output.on('data', (chunk: Buffer) => written.push(chunk));
  socket.on('data', (chunk: Buffer) => answers.push(chunk));
  for (const [before, bytes] of pieces) {
    const count = () => Math.floor(Buffer.concat([...written, ...answers]).length / ANSWER_SIZE);
    for (let tries = 0; count() < before && tries < 1000; tries += 1) await sleep(10);
    socket.write(bytes);
    await sleep(PAUSE);
  }
  socket.end();
  const status = await ended;
  return { stdout: Buffer.concat(written), answers: Buffer.concat(answers), status, folder };
}

/** Changes the descriptors after 0 of a request's only call. */
function goOnWith(bytes: Buffer, input: number, output: number): Buffer {
  bytes.writeUInt32LE(input, FIRST_CALL + CALL.input);
  bytes.writeUInt32LE(output, FIRST_CALL + CALL.output);
  return bytes;
}

function results(answers: Buffer): readonly number[] {
  const count = Math.floor(answers.length / ANSWER_SIZE);
  return Array.from({ length: count }, (_, index) => Number(answers.readBigInt64LE(index * ANSWER_SIZE)));
}

for (const [machine, runner] of RUNNERS) {
  const numbers = CALL_NUMBERS[machine];
  const makeDirectory = (name: string) => request([[numbers.mkdirat, AT_FDCWD, TEXT, 0o700]], name);

  test(`${machine}: a request that comes in pieces is performed when it is complete`, async () => {
    const text = 'a long text '.repeat(40_000);
    const bytes = request([[numbers.write, 1, TEXT, text.length]], text);
    assert.ok(bytes.length > 6 * 65_536);
    const cuts = [0, 8, 9, 100, 65_536, 65_537, 200_000, bytes.length];
    const pieces = cuts.slice(1).map((end, index) => [0, bytes.subarray(cuts[index], end)] as const);
    const { stdout, answers, status } = await converse(machine, runner, pieces);
    assert.is(status, 0);
    assert.ok(stdout.equals(Buffer.from(text)));
    assert.equal(results(answers), [text.length]);
  });

  test(`${machine}: it exits at the end of its input, and does not perform an incomplete request`, async () => {
    const { status, answers, folder } = await converse(machine, runner, [
      [0, goOnWith(makeDirectory('first'), 3, 3)],
      [1, makeDirectory('second').subarray(0, -1)],
    ]);
    assert.is(status, 0);
    assert.equal(results(answers), [0]);
    assert.equal(readdirSync(folder).toSorted(), ['first', 'stub']);
  });

  test(`${machine}: after 0 it uses the descriptors of the call, after any other result its own`, async () => {
    const F_GETFD = 1;
    const { stdout, answers, status } = await converse(machine, runner, [
      // 5, not 0: the answer comes by the socket of the request.
      [0, request([[numbers.dup3, 1, 5, 0]])],
      // 0: from here on, answers go to descriptor 1.
      [1, request([[numbers.fcntl, 5, F_GETFD]])],
      [2, request([[numbers.dup3, 1, 6, 0]])],
      // 0 again, and back.
      [3, goOnWith(request([[numbers.fcntl, 5, F_GETFD]]), 3, 3)],
      [4, request([[numbers.dup3, 1, 7, 0]])],
      // A failed call changes no descriptors.
      [5, request([[numbers.fcntl, 99, F_GETFD]])],
    ]);
    assert.is(status, 0);
    assert.equal(results(answers), [5, 0, 7, -EBADF]);
    assert.equal(results(stdout), [0, 6]);
  });

  test(`${machine}: the next call is made after a result of 0 or more, and not after an error`, async () => {
    const calls = [
      [numbers.dup3, 1, 5, 0],
      [numbers.mkdirat, AT_FDCWD, TEXT, 0o700],
      [numbers.close, 99],
      [numbers.close, 1],
    ] as const;
    const { stdout, folder } = await converse(machine, runner, [[0, request(calls, 'made')]]);
    assert.equal(results(stdout), [-EBADF]);
    assert.is(stdout.readBigInt64LE(8), 2n);
    assert.equal(readdirSync(folder).toSorted(), ['made', 'stub']);
  });

  test(`${machine}: a result is written to the places of its list, and an expected one leads to another call`, async () => {
    const bytes = request(
      [
        [numbers.dup3, 1, 9, 0],
        [numbers.write, 0, TEXT, 2],
        [numbers.close, 99],
        [numbers.write, 1, TEXT, 4],
        [numbers.write, 0, TEXT, 1],
      ],
      'text',
    );
    const call = (index: number) => FIRST_CALL + index * CALL.size;
    // The list is where the last call has arguments that it does not need.
    const list = call(4) + CALL.arguments + 24;
    bytes.writeBigInt64LE(BigInt(MEMORY + call(1) + CALL.arguments), list);
    bytes.writeBigInt64LE(BigInt(MEMORY + call(4) + CALL.arguments), list + 8);
    bytes.writeBigInt64LE(BigInt(MEMORY + list), call(0) + CALL.stores);
    bytes.writeBigInt64LE(BigInt(-EBADF), call(2) + CALL.expected);
    bytes.writeBigInt64LE(BigInt(MEMORY + call(4)), call(2) + CALL.otherwise);
    const { stdout, answers, status } = await converse(machine, runner, [[0, bytes]]);
    assert.is(status, 0);
    // Both are written to descriptor 9, and the call after the expected one is left out.
    assert.is(stdout.toString(), 'tet');
    assert.equal(results(answers), [1]);
    assert.is(answers.readBigInt64LE(8), 4n);
  });

  test(`${machine}: after a clone, only the child uses the descriptors of the call`, async () => {
    const [SIGCHLD, WEXITED] = [17, 4];
    const born = goOnWith(request([[numbers.clone, SIGCHLD, 0, 0, 0, 0]]), 4, 1);
    const reaped = goOnWith(request([[numbers.waitid, 0, 0, 0, WEXITED, 0]]), 3, 3);
    const { stdout, answers, status } = await converse(machine, runner, [
      [0, born],
      [2, reaped],
    ]);
    assert.is(status, 0);
    assert.equal(results(stdout), [0]);
    const [child = 0, waited] = results(answers);
    assert.ok(child > 1);
    // The child read the end of /dev/null and ended.
    assert.is(waited, 0);
  });

  test(`${machine}: it exits when it cannot write an answer`, async () => {
    const nowhere = goOnWith(request([[numbers.fcntl, 1, 1]]), 3, 9);
    const { status, folder, answers } = await converse(machine, runner, [
      [0, nowhere],
      // Wait until it must have read the first piece alone.
      ...Array.from({ length: 20 }, () => [0, makeDirectory('second')] as const),
    ]);
    assert.is(status, 0);
    assert.equal(results(answers), []);
    assert.equal(readdirSync(folder), ['stub']);
  });

  test(`${machine}: it is hidden before it reads anything`, async () => {
    const PR_GET_DUMPABLE = 3;
    const { stdout } = await converse(machine, runner, [[0, request([[numbers.prctl, PR_GET_DUMPABLE, 0, 0, 0, 0]])]]);
    assert.equal(results(stdout), [0]);
  });
}

test.run();
