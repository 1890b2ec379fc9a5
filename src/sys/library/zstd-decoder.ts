import type koffi from 'koffi';
import { addressOf, type HostDecoder, loadHostLibrary, SMALL_BYTES } from './host-decoder.ts';

// libzstd, which most distributions need for their packages, decompresses ten times as fast as JavaScript.

const LIBRARY = 'libzstd.so.1';
/** struct ZSTD_inBuffer and ZSTD_outBuffer: address, size, position; 64 bits each. */
const BUFFER = { address: 0, size: 8, position: 16, bytes: 24 } as const;

interface Zstd {
  create(): unknown;
  free(stream: unknown): void;
  init(stream: unknown): void;
  /** A hint, 0 at the end of a frame, or an error. */
  decompress(stream: unknown, output: Buffer, input: Buffer): number;
  decompressInThread(stream: unknown, output: Buffer, input: Buffer): Promise<number>;
  isError(result: number): boolean;
  errorName(result: number): string;
}

/** Decompresses frames. */
export interface ZstdDecoder extends HostDecoder {
  /** Frees the memory of the library; the decoder must not be running. */
  close(): void;
}

let loaded: { readonly zstd: Zstd | undefined } | undefined;

function bindZstd(library: ReturnType<typeof koffi.load>): Zstd {
  const create = library.func('void *ZSTD_createDStream()');
  const free = library.func('size_t ZSTD_freeDStream(void *)');
  const init = library.func('size_t ZSTD_initDStream(void *)');
  const decompress = library.func('int64_t ZSTD_decompressStream(void *, uint8_t *, uint8_t *)');
  const isError = library.func('unsigned int ZSTD_isError(int64_t)');
  const errorName = library.func('const char *ZSTD_getErrorName(int64_t)');
  return {
    create: () => create(),
    free: (stream) => void free(stream),
    init: (stream) => void init(stream),
    decompress: (stream, output, input) => Number(decompress(stream, output, input)),
    decompressInThread: (stream, output, input) =>
      new Promise((resolve, reject) => {
        decompress.async(stream, output, input, (error: unknown, result: number | bigint) =>
          error ? reject(error) : resolve(Number(result)),
        );
      }),
    isError: (result) => isError(result) !== 0,
    errorName: (result) => String(errorName(result)),
  };
}

/** A frame of one raw block. */
const SAMPLE = Buffer.from('28b52ffd2005290000', 'hex');
const SAMPLE_TEXT = 'hello';

function isAsExpected(zstd: Zstd): boolean {
  const decoder = decoderOf(zstd, zstd.create());
  try {
    decoder.reset();
    decoder.give(Buffer.concat([SAMPLE, Buffer.from(`${SAMPLE_TEXT}behind`)]));
    const output = Buffer.alloc(64);
    const written = decoder.runHere(output);
    const text = output.toString('latin1', 0, written);
    return text === SAMPLE_TEXT && decoder.isFinished && decoder.unused().toString('latin1') === 'behind';
  } finally {
    decoder.close();
  }
}

function decoderOf(zstd: Zstd, stream: unknown): ZstdDecoder & { runHere(output: Buffer): number } {
  const input = Buffer.alloc(BUFFER.bytes);
  const out = Buffer.alloc(BUFFER.bytes);
  /** Kept, so that its memory stays while the library has its address. */
  let given: Buffer = Buffer.alloc(0);
  let failure: string | undefined;
  let isFinished = false;

  const position = () => Number(input.readBigUInt64LE(BUFFER.position));

  function setOutput(output: Buffer): void {
    out.writeBigUInt64LE(addressOf(output), BUFFER.address);
    out.writeBigUInt64LE(BigInt(output.length), BUFFER.size);
    out.writeBigUInt64LE(0n, BUFFER.position);
  }

  function written(result: number): number {
    if (zstd.isError(result)) failure = zstd.errorName(result);
    else isFinished = result === 0;
    return Number(out.readBigUInt64LE(BUFFER.position));
  }

  return {
    reset() {
      zstd.init(stream);
      input.fill(0);
      given = Buffer.alloc(0);
      failure = undefined;
      isFinished = false;
    },
    give(bytes) {
      given = bytes;
      input.writeBigUInt64LE(addressOf(bytes), BUFFER.address);
      input.writeBigUInt64LE(BigInt(bytes.length), BUFFER.size);
      input.writeBigUInt64LE(0n, BUFFER.position);
    },
    get inputLeft() {
      return given.length - position();
    },
    runHere(output) {
      setOutput(output);
      return written(zstd.decompress(stream, out, input));
    },
    async run(output, beside) {
      setOutput(output);
      const isWorthIt = beside && given.length - position() > SMALL_BYTES;
      const run = isWorthIt ? zstd.decompressInThread : zstd.decompress;
      return written(await run(stream, out, input));
    },
    get failure() {
      return failure;
    },
    get isFinished() {
      return isFinished;
    },
    unused: () => given.subarray(position()),
    close: () => zstd.free(stream),
  };
}

/** Opens a decoder of the libzstd of the host, or returns undefined: see `loadHostLibrary`. */
export function openZstdDecoder(): ZstdDecoder | undefined {
  const isInNode = 'zstd' in process.versions;
  loaded ??= { zstd: loadHostLibrary({ name: LIBRARY, isInNode }, bindZstd, isAsExpected) };
  const { zstd } = loaded;
  return zstd && decoderOf(zstd, zstd.create());
}
