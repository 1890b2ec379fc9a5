import type koffi from 'koffi';
import { addressOf, type HostDecoder, loadHostLibrary, SMALL_BYTES } from './host-decoder.ts';

// ISA-L (the library of igzip) inflates in less than half of the time of zlib. Its `struct inflate_state` of
// igzip_lib.h is laid out here for version 2 of the interface of the library, on 64-bit little-endian machines. The
// file name has this version.

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
/** The structure has 87 KB; the bytes behind it must stay unchanged. */
const STATE_BYTES = 128 * 1024;
/** ISAL_GZIP_NO_HDR: a raw deflate stream, with the CRC-32 of its content. */
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
  /** CRC-32 of the content of this stream so far. */
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

/** A deflate stream with a literal block and repeats, and the CRC-32 of its content. */
const SAMPLE = Buffer.from('cb48cdc9c957c8402201', 'hex');
const SAMPLE_TEXT = 'hello hello hello ';
const SAMPLE_CRC = 0x0431b5ed;

/** Tries the library on a known stream, so that a library with another layout is not used. */
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
  /** Kept, so that its memory stays while the library has its address. */
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
      // The rest of the last byte belongs to the stream
      word.writeBigUInt64LE(state.readBigUInt64LE(OFFSET.readIn) >> BigInt(bits % 8));
      const left = state.readUInt32LE(OFFSET.availableIn);
      return Buffer.concat([word.subarray(0, bits >> 3), given.subarray(given.length - left)]);
    },
  };
}

/** Opens an inflater of the ISA-L of the host, or returns undefined: see `loadHostLibrary`. */
export function openIsalInflater(): IsalInflater | undefined {
  loaded ??= { isal: loadHostLibrary({ name: LIBRARY, isInNode: false }, bindIsal, isAsExpected) };
  const { isal } = loaded;
  return isal && inflaterOf(isal, Buffer.alloc(STATE_BYTES));
}
