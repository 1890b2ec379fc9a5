import { type Duplex, Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { isError, TsimgError } from '../../errors.ts';
import { openZstdEncoder } from '../../sys/library/zstd-encoder.ts';

/** ZSTD_c_compressionLevel and ZSTD_c_checksumFlag of zstd.h. */
const PARAMETER = { level: 100, checksum: 201 } as const;

/** Makes the stream of Node, which has zstd from 22.15 and 23.8 on; undefined for other versions. */
function streamOfNode(level: number): Duplex | undefined {
  const create: unknown = Reflect.get(zlib, 'createZstdCompress');
  if (typeof create !== 'function') return undefined;
  const stream: unknown = create({ params: { [PARAMETER.level]: level, [PARAMETER.checksum]: 1 } });
  return stream instanceof Transform ? stream : undefined;
}

/** Makes a stream that compresses with the libzstd of the host; undefined where there is none. */
function streamOfHost(level: number): Duplex | undefined {
  const encoder = openZstdEncoder(level);
  if (encoder === undefined) return undefined;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      encoder.compress(chunk, false).then(
        (output) => done(null, output),
        (error: unknown) => done(isError(error) ? error : new Error(String(error))),
      );
    },
    flush(done) {
      encoder.compress(Buffer.alloc(0), true).then(
        (output) => done(null, output),
        (error: unknown) => done(isError(error) ? error : new Error(String(error))),
      );
    },
    destroy(error, done) {
      encoder.close().then(() => done(error), done);
    },
  });
}

/**
 * Makes a stream that compresses into one zstd frame with a checksum: by Node, or else by the libzstd of the host.
 * @param level 1 … 22
 * @throws HOST_UNSUPPORTED where neither can
 */
export function createZstdStream(level: number): Duplex {
  const stream = streamOfNode(level) ?? streamOfHost(level);
  if (stream !== undefined) return stream;
  throw new TsimgError('HOST_UNSUPPORTED', 'nothing here compresses with zstd', {
    why: `Node ${process.versions.node} has no zstd, and the host has no libzstd.so.1 that tsimg can use`,
    hint: 'use Node 22.15 or newer, install libzstd1, or choose --compression gzip',
  });
}
