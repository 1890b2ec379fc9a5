import { ANSWER_SIZE, CALL, FIRST_CALL, MEMORY, NO_RESULT } from '../../../src/sys/stub/layout.ts';
import type { StubMachine } from '../../../src/sys/stub/machine/program.ts';
import { haveTools } from '../tools.ts';

// Requests to a stub, written a second time: the tests of its program do not use the code of src that makes requests.

/** The machines whose programs can be run here, with the emulator of each. */
export const RUNNERS: readonly (readonly [StubMachine, readonly string[]])[] = [
  ...(process.arch === 'x64' ? [['x64', []] as const] : []),
  ...(process.arch === 'arm64' ? [['arm64', []] as const] : []),
  ...(process.arch !== 'arm64' && haveTools('qemu-aarch64-static')
    ? [['arm64', ['qemu-aarch64-static']] as const]
    : []),
];

if (process.arch !== 'x64') console.log('skipped: needs an x86-64 machine');

/** Makes one request of several calls. The arguments of a call are numbers, with `TEXT` for the text. */
export function request(calls: readonly (readonly [number, ...number[]])[], text = '', received = 0): Buffer {
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
    bytes.writeBigInt64LE(NO_RESULT, call + CALL.expected);
  });
  return bytes;
}

/** Stands for the address of a text in the stub. */
export const TEXT = 0xffff_fff0;
