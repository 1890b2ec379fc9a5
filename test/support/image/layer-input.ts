import { Readable } from 'node:stream';
import { digestOf } from '../../../src/crypto/digest.ts';
import type { LayerInput } from '../../../src/disk/read/read-layer.ts';

/** Returns archives as layers, with their diff IDs, in pieces as of a stream. */
export function layerInputs(...archives: readonly Buffer[]): readonly LayerInput[] {
  return archives.map((archive, index) => ({
    label: `layer ${index}`,
    diffId: digestOf(archive),
    size: archive.length,
    open: async () => Readable.from(pieces(archive)),
  }));
}

function* pieces(archive: Buffer, length = 1000): Generator<Buffer> {
  for (let from = 0; from < archive.length; from += length) yield archive.subarray(from, from + length);
}
