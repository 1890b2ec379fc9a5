import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { decompressed } from '../src/streams/decompress/decompress.ts';
import { measure } from './measure.ts';

/** The least work to unpack and check these layers: seconds of one core. */
export interface PhysicalLimit {
  readonly decompressing: number;
  /** Layers as stored and as unpacked. */
  readonly hashing: number;
  /** Seconds that the kernel takes to make the files: GNU tar's system time without decompression. */
  readonly writing: number;
  /** Their sum over the cores. */
  readonly seconds: number;
}

function secondsOf(action: () => void): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function hashingOf(path: string): number {
  const file = openSync(path, 'r');
  const chunk = Buffer.allocUnsafeSlow(1 << 18);
  try {
    const { size } = fstatSync(file);
    // Reading is not measured.
    const reading = secondsOf(() => {
      for (let at = 0; at < size; ) at += readSync(file, chunk, 0, chunk.length, at);
    });
    const hash = createHash('sha256');
    const both = secondsOf(() => {
      for (let at = 0; at < size; ) {
        const count = readSync(file, chunk, 0, chunk.length, at);
        hash.update(chunk.subarray(0, count));
        at += count;
      }
    });
    return Math.max(0, both - reading);
  } finally {
    closeSync(file);
  }
}

/**
 * Measures the limit for layers, with the fastest decompressor of this host. @param place the directory for the files
 */
export async function physicalLimit(layers: readonly string[], place: string): Promise<PhysicalLimit> {
  const folder = join(place, `tsimg-limit-${process.pid}`);
  let [decompressing, hashing, writing] = [0, 0, 0];
  try {
    mkdirSync(join(folder, 'root'), { recursive: true });
    for (const layer of layers) {
      const tar = join(folder, 'layer.tar');
      await pipeline(decompressed(createReadStream(layer), { where: layer }), createWriteStream(tar));
      const tool = isZstd(layer) ? ['zstd', '-dcq'] : ['igzip', '-dc'];
      decompressing += (await measure(['sh', '-c', `${tool.join(' ')} < ${layer} > /dev/null`])).processorSeconds;
      hashing += hashingOf(layer) + hashingOf(tar);
      writing += (await measure(['tar', '-xf', tar, '-C', join(folder, 'root')])).systemSeconds;
      rmSync(tar);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { decompressing, hashing, writing, seconds: (decompressing + hashing + writing) / availableParallelism() };
}

function isZstd(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(4);
    readSync(file, head, 0, 4, 0);
    return head.readUInt32LE(0) === 0xfd2fb528;
  } finally {
    closeSync(file);
  }
}
