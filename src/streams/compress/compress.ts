import type { Duplex } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { CompressionChoice } from './choice.ts';
import { createZstdStream } from './zstd.ts';

/**
 * Returns the streams that compress a layer, none for `none`. Their output has neither a name nor a time, so that the
 * same bytes always give the same output with the same version of zlib or libzstd; other versions may give another one.
 * @throws HOST_UNSUPPORTED where neither Node nor the host can compress with zstd
 */
export function compressing({ kind, level }: CompressionChoice): readonly Duplex[] {
  switch (kind) {
    case 'gzip':
      return [createGzip(level === undefined ? {} : { level })];
    case 'zstd':
      return [createZstdStream(level ?? 3)];
    case 'none':
      return [];
  }
}
