import type koffi from 'koffi';
import { addressOf, type HostDecoder, loadHostLibrary, SMALL_BYTES } from './host-decoder.ts';

// ISA-L (the library of igzip) inflates in less than half of zlib's time. Its `struct inflate_state` of igzip_lib.h is
// laid out here for version 2 of the library's interface, which the file name says, on 64-bit little-endian machines.

const LIBRARY = 'libisal.so.2';
const OFFSET = {
  nextOut: 0,
  availableOut: 8,
  nextIn: 16,
  readIn: 24,
  availableIn: 32,
  readInBits: 36,
  blockState: 21160,
  crcFlag: 21172,
  crc: 21176,
} as const;
/** The structure has 87 KB; what lies behind it must stay untouched. */
const STATE_BYTES = 128 * 1024;
/** ISAL_GZIP_NO_HDR: a raw deflate stream, of whose content the CRC-32 is taken. */
const RAW_WITH_CRC = 2;
/** ISAL_BLOCK_FINISH */
const FINISHED = 5;
const FAILURES: Readonly<Record<string, string>> = {
  '-1': 'invalid block',
  '-2': 'invalid symbol',
  '-3': 'invalid distance too far back',
};
interface Isal {
  init(state: Buffer): void;
  inflate(state: Buffer): number;
  inflateInThread(state: Buffer): Promise<number>;
}

/** Inflates raw deflate streams. */
export interface IsalInflater extends HostDecoder {
  /** CRC-32 of what was written of this stream. */
  readonly crc: number;
}

let loaded: { readonly isal: Isal | undefined } | undefined;

function bindIsal(library: ReturnType<typeof koffi.load>): Isal {
  const init = library.func('void isal_inflate_init(uint8_t *)');
  const inflate = library.func('int isal_inflate(uint8_t *)');
  return {
    init: (state) => void init(state),
    inflate: (state) => inflate(state),
    inflateInThread: (state) =>
      new Promise((resolve, reject) => {
        inflate.async(state, (error: unknown, result: number) => (error ? reject(error) : resolve(result)));
      }),
  };
}

/** A deflate stream with a literal block and repeats, and its content's CRC-32. */
const SAMPLE = Buffer.from('cb48cdc9c957c8402201', 'hex');
const SAMPLE_TEXT = 'hello hello hello ';
const SAMPLE_CRC = 0x0431b5ed;

/** Tries the library on a known stream, so that one of another layout is found out before it is used. */
function isAsExpected(isal: Isal): boolean {
  const state = Buffer.alloc(STATE_BYTES);
  const inflater = inflaterOf(isal, state);
  inflater.reset();
  inflater.give(Buffer.concat([SAMPLE, Buffer.from('behind')]));
  const output = Buffer.alloc(64);
  setOutput(state, output);
  const result = isal.inflate(state);
  const text = output.toString('latin1', 0, output.length - state.readUInt32LE(OFFSET.availableOut));
  return (
    result === 0 &&
    text === SAMPLE_TEXT &&
    inflater.isFinished &&
    inflater.crc === SAMPLE_CRC &&
    inflater.unused().toString('latin1') === 'behind' &&
    state.subarray(STATE_BYTES - 32 * 1024).every((byte) => byte === 0)
  );
}

function setOutput(state: Buffer, output: Buffer): void {
  state.writeBigUInt64LE(addressOf(output), OFFSET.nextOut);
  state.writeUInt32LE(output.length, OFFSET.availableOut);
}

function inflaterOf(isal: Isal, state: Buffer): IsalInflater {
  /** Held, so that the memory stays while the library has its address. */
  let given: Buffer = Buffer.alloc(0);
  let failure: string | undefined;
  return {
    reset() {
      isal.init(state);
      state.writeUInt32LE(RAW_WITH_CRC, OFFSET.crcFlag);
      state.writeUInt32LE(0, OFFSET.availableIn);
      given = Buffer.alloc(0);
      failure = undefined;
    },
    give(input) {
      given = input;
      state.writeBigUInt64LE(addressOf(input), OFFSET.nextIn);
      state.writeUInt32LE(input.length, OFFSET.availableIn);
    },
    get inputLeft() {
      return state.readUInt32LE(OFFSET.availableIn);
    },
    async run(output, beside) {
      setOutput(state, output);
      const isWorthIt = beside && state.readUInt32LE(OFFSET.availableIn) > SMALL_BYTES;
      const result = isWorthIt ? await isal.inflateInThread(state) : isal.inflate(state);
      if (result < 0) failure = FAILURES[result] ?? `error ${result}`;
      return output.length - state.readUInt32LE(OFFSET.availableOut);
    },
    get failure() {
      return failure;
    },
    get isFinished() {
      return state.readUInt32LE(OFFSET.blockState) === FINISHED;
    },
    get crc() {
      return state.readUInt32LE(OFFSET.crc);
    },
    unused() {
      const bits = state.readInt32LE(OFFSET.readInBits);
      const word = Buffer.alloc(8);
      // What is left of the last byte belongs to the stream
      word.writeBigUInt64LE(state.readBigUInt64LE(OFFSET.readIn) >> BigInt(bits % 8));
      const left = state.readUInt32LE(OFFSET.availableIn);
      return Buffer.concat([word.subarray(0, bits >> 3), given.subarray(given.length - left)]);
    },
  };
}

/** An inflater of the host's ISA-L, or undefined: see `loadHostLibrary`. */
export function openIsalInflater(): IsalInflater | undefined {
  loaded ??= { isal: loadHostLibrary({ name: LIBRARY, isInNode: false }, bindIsal, isAsExpected) };
  const { isal } = loaded;
  return isal && inflaterOf(isal, Buffer.alloc(STATE_BYTES));
}
