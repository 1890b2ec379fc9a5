import type koffi from 'koffi';
import { addressOf, loadHostLibrary, SMALL_BYTES } from './host-decoder.ts';

// libzstd, for compressing with a Node that has no zstd of its own.

const LIBRARY = 'libzstd.so.1';
/** struct ZSTD_inBuffer and ZSTD_outBuffer: address, size, position; 64 bits each. */
const BUFFER = { address: 0, size: 8, position: 16, bytes: 24 } as const;
/** ZSTD_EndDirective. */
const DIRECTIVE = { continue: 0, end: 2 } as const;
/** ZSTD_cParameter. */
const PARAMETER = { level: 100, checksum: 201 } as const;
/** ZSTD_CStreamOutSize(), about. */
const OUTPUT_BYTES = 128 * 1024;

interface Zstd {
  create(): unknown;
  free(context: unknown): void;
  set(context: unknown, parameter: number, value: number): number;
  compress(context: unknown, output: Buffer, input: Buffer, directive: number): number;
  compressInThread(context: unknown, output: Buffer, input: Buffer, directive: number): Promise<number>;
  isError(result: number): boolean;
  errorName(result: number): string;
}

/** Compresses one frame. */
export interface ZstdEncoder {
  /** Returns what can be written so far; with `isLast`, all the rest. One call at a time. */
  compress(input: Buffer, isLast: boolean): Promise<Buffer>;
  /** Frees the memory of the library, when a running call has ended. */
  close(): Promise<void>;
}

let loaded: { readonly zstd: Zstd | undefined } | undefined;

function bindZstd(library: ReturnType<typeof koffi.load>): Zstd {
  const create = library.func('void *ZSTD_createCCtx()');
  const free = library.func('size_t ZSTD_freeCCtx(void *)');
  const set = library.func('int64_t ZSTD_CCtx_setParameter(void *, int, int)');
  const compress = library.func('int64_t ZSTD_compressStream2(void *, uint8_t *, uint8_t *, int)');
  const isError = library.func('unsigned int ZSTD_isError(int64_t)');
  const errorName = library.func('const char *ZSTD_getErrorName(int64_t)');
  return {
    create: () => create(),
    free: (context) => void free(context),
    set: (context, parameter, value) => Number(set(context, parameter, value)),
    compress: (context, output, input, directive) => Number(compress(context, output, input, directive)),
    compressInThread: (context, output, input, directive) =>
      new Promise((resolve, reject) => {
        compress.async(context, output, input, directive, (error: unknown, result: number | bigint) =>
          error ? reject(error) : resolve(Number(result)),
        );
      }),
    isError: (result) => isError(result) !== 0,
    errorName: (result) => String(errorName(result)),
  };
}

/** Whether the library is the one that the prototypes are of: it takes a parameter and knows an error. */
function isAsExpected(zstd: Zstd): boolean {
  const context = zstd.create();
  try {
    return !zstd.isError(zstd.set(context, PARAMETER.level, 1)) && zstd.isError(zstd.set(context, 99_999, 1));
  } finally {
    zstd.free(context);
  }
}

function encoderOf(zstd: Zstd, context: unknown): ZstdEncoder {
  const input = Buffer.alloc(BUFFER.bytes);
  const out = Buffer.alloc(BUFFER.bytes);
  let running: Promise<unknown> = Promise.resolve();

  async function compress(given: Buffer, isLast: boolean): Promise<Buffer> {
    const pieces: Buffer[] = [];
    input.writeBigUInt64LE(addressOf(given), BUFFER.address);
    input.writeBigUInt64LE(BigInt(given.length), BUFFER.size);
    input.writeBigUInt64LE(0n, BUFFER.position);
    const run = given.length > SMALL_BYTES ? zstd.compressInThread : zstd.compress;
    for (;;) {
      const output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
      out.writeBigUInt64LE(addressOf(output), BUFFER.address);
      out.writeBigUInt64LE(BigInt(output.length), BUFFER.size);
      out.writeBigUInt64LE(0n, BUFFER.position);
      const left = await run(context, out, input, isLast ? DIRECTIVE.end : DIRECTIVE.continue);
      if (zstd.isError(left)) throw new Error(`libzstd cannot compress: ${zstd.errorName(left)}`);
      pieces.push(output.subarray(0, Number(out.readBigUInt64LE(BUFFER.position))));
      const isTaken = input.readBigUInt64LE(BUFFER.position) === BigInt(given.length);
      if (isLast ? left === 0 : isTaken) return Buffer.concat(pieces);
    }
  }

  return {
    compress(given, isLast) {
      const result = compress(given, isLast);
      running = result.catch(() => {});
      return result;
    },
    async close() {
      await running;
      zstd.free(context);
    },
  };
}

/** Opens an encoder of the libzstd of the host, or returns undefined: see `loadHostLibrary`. @param level 1 … 22 */
export function openZstdEncoder(level: number): ZstdEncoder | undefined {
  const isInNode = 'zstd' in process.versions;
  loaded ??= { zstd: loadHostLibrary({ name: LIBRARY, isInNode }, bindZstd, isAsExpected) };
  const { zstd } = loaded;
  if (zstd === undefined) return undefined;
  const context = zstd.create();
  zstd.set(context, PARAMETER.level, level);
  zstd.set(context, PARAMETER.checksum, 1);
  return encoderOf(zstd, context);
}
