import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { CALL_NUMBERS } from '../../../src/sys/stub/call-number.data.ts';
import { CALL, FIRST_CALL, MEMORY } from '../../../src/sys/stub/layout.ts';

// This module is loaded before the command (`node --import`). It writes each request to a stub as a line of JSON to the
// file that TSIMG_TEST_REQUESTS names. It recognises requests by their form, among all writes.

/** A request to a stub, as it was written. */
export interface LoggedRequest {
  /** The caller's end of the stub's socket. */
  readonly stub: number;
  readonly calls: readonly LoggedCall[];
}

export interface LoggedCall {
  readonly name: string;
  /** As unsigned numbers of 64 bits, in decimal. */
  readonly args: readonly string[];
}

const NAMES = new Map(
  Object.entries(CALL_NUMBERS[process.arch === 'arm64' ? 'arm64' : 'x64']).map(([name, number]) => [number, name]),
);

function callsOf(bytes: Buffer): readonly LoggedCall[] | undefined {
  if (bytes.length < FIRST_CALL + CALL.size || bytes.readBigUInt64LE(0) !== BigInt(bytes.length)) return undefined;
  const calls: LoggedCall[] = [];
  for (let at = FIRST_CALL; at >= FIRST_CALL; ) {
    const name = NAMES.get(Number(bytes.readBigUInt64LE(at + CALL.number)));
    if (name === undefined) return undefined;
    const args = [0, 1, 2, 3, 4, 5].map((index) => String(bytes.readBigUInt64LE(at + CALL.arguments + 8 * index)));
    calls.push({ name, args });
    at = Number(bytes.readBigUInt64LE(at + CALL.next)) - MEMORY;
  }
  return calls;
}

const file = process.env.TSIMG_TEST_REQUESTS;
if (file !== undefined) {
  const log = fs.openSync(file, 'a');
  const write = fs.writeSync;
  const logged = (...args: Parameters<typeof write>) => {
    const [stub, bytes, offset] = args;
    const calls = Buffer.isBuffer(bytes) && !offset ? callsOf(bytes) : undefined;
    if (calls !== undefined) write(log, `${JSON.stringify({ stub, calls } satisfies LoggedRequest)}\n`);
    return write(...args);
  };
  Object.assign(fs, { writeSync: logged });
  syncBuiltinESMExports();
}
