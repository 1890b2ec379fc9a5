import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

// Images for the benchmarks, written by GNU tar and gzip or zstd: the same files on every machine, made once and kept.

export interface ImageShape {
  readonly name: string;
  /** Files in each layer, base first. */
  readonly filesPerLayer: readonly number[];
  /** Mean size of a file: bytes. */
  readonly meanSize: number;
  readonly compression: 'gzip' | 'zstd';
  /** Bytes of zeros at the end of each file, for content that is made quickly. */
  readonly zeros?: number;
}

export const SHAPES = {
  fourLayers: {
    name: 'four-layers',
    filesPerLayer: [18_000, 9_000, 6_000, 3_000],
    meanSize: 33_000,
    compression: 'gzip',
  },
  oneLayer: { name: 'one-layer', filesPerLayer: [6_000], meanSize: 100_000, compression: 'gzip' },
  fiftyLayers: {
    name: 'fifty-layers',
    filesPerLayer: Array<number>(50).fill(200),
    meanSize: 8_000,
    compression: 'gzip',
  },
  tenMegabytes: { name: 'ten-megabytes', filesPerLayer: [300], meanSize: 33_000, compression: 'gzip' },
  fiveGigabytes: {
    name: 'five-gigabytes',
    filesPerLayer: [500],
    meanSize: 500_000,
    compression: 'gzip',
    zeros: 10_000_000,
  },
  zstd: { name: 'zstd', filesPerLayer: [6_000, 6_000], meanSize: 33_000, compression: 'zstd' },
} as const satisfies Record<string, ImageShape>;

/** Shapes that are pulled and pushed, not unpacked. */
export const MOVED = {
  fortyLayers: {
    name: 'forty-layers',
    filesPerLayer: Array<number>(40).fill(20),
    meanSize: 8_000,
    compression: 'gzip',
  },
  largeLayer: { name: 'large-layer', filesPerLayer: [4_300], meanSize: 100_000, compression: 'gzip' },
} as const satisfies Record<string, ImageShape>;

/** A random generator: small, fast and the same everywhere; its quality does not matter (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A megabyte that compresses about as programs do: words of a small vocabulary between runs of noise. */
function makePool(random: () => number): Buffer {
  const words = Array.from({ length: 4000 }, () =>
    Buffer.from(Array.from({ length: 3 + Math.floor(random() * 12) }, () => 97 + Math.floor(random() * 26))),
  );
  const pool = Buffer.alloc(1 << 20);
  for (let at = 0; at < pool.length; ) {
    if (random() < 0.25) {
      const end = Math.min(pool.length, at + 16);
      while (at < end) pool[at++] = Math.floor(random() * 256);
    } else {
      at += words[Math.floor(random() * words.length)]?.copy(pool, at) ?? 1;
    }
  }
  return pool;
}

function fillLayer(folder: string, layer: number, shape: ImageShape, random: () => number, pool: Buffer): void {
  const count = shape.filesPerLayer[layer] ?? 0;
  for (let index = 0; index < count; index++) {
    const directory = join(folder, `usr/share/part${layer}/d${Math.floor(index / 40)}`);
    if (index % 40 === 0) mkdirSync(directory, { recursive: true });
    const path = join(directory, `file-${index}`);
    if (index % 25 === 7) {
      symlinkSync(`file-${index - 1}`, path);
    } else if (index % 50 === 11) {
      linkSync(join(directory, `file-${index - 1}`), path);
    } else {
      // exponential sizes: many small files and a few large ones
      let left = Math.floor(-Math.log(1 - random()) * shape.meanSize);
      const pieces: Buffer[] = [];
      while (left > 0) {
        const start = Math.floor(random() * (pool.length - 4096));
        const piece = pool.subarray(start, start + Math.min(left, 4096 + Math.floor(random() * 60_000)));
        pieces.push(piece);
        left -= piece.length;
      }
      writeFileSync(path, Buffer.concat(pieces), { mode: index % 10 === 0 ? 0o755 : 0o644 });
      if (shape.zeros !== undefined) truncateSync(path, statSync(path).size + shape.zeros);
    }
  }
  if (layer > 0) {
    for (let index = 0; index < 20; index++) {
      const below = join(folder, `usr/share/part${layer - 1}/d${index}`);
      mkdirSync(below, { recursive: true });
      writeFileSync(join(below, index % 4 === 0 ? '.wh..wh..opq' : `.wh.file-${index * 40 + 2}`), '');
    }
  }
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

async function putBlob(layout: string, path: string): Promise<{ readonly digest: string; readonly size: number }> {
  const hex = await digestOfFile(path);
  const { size } = statSync(path);
  renameSync(path, join(layout, 'blobs/sha256', hex));
  return { digest: `sha256:${hex}`, size };
}

async function putJson(layout: string, value: unknown): Promise<{ readonly digest: string; readonly size: number }> {
  const path = join(layout, 'document');
  writeFileSync(path, JSON.stringify(value));
  return putBlob(layout, path);
}

/** The OCI layout of this shape below `folder`, tag `latest`; made where it is missing. */
export async function makeImage(folder: string, shape: ImageShape): Promise<string> {
  const layout = join(folder, shape.name);
  if (existsSync(join(layout, 'index.json'))) return layout;
  rmSync(layout, { recursive: true, force: true });
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const random = randomOf(1);
  const pool = makePool(random);
  const layers: { mediaType: string; digest: string; size: number }[] = [];
  const diffIds: string[] = [];
  for (const index of shape.filesPerLayer.keys()) {
    const tree = join(folder, 'tree');
    mkdirSync(tree);
    fillLayer(tree, index, shape, random, pool);
    const tar = join(folder, 'layer.tar');
    execFileSync('tar', ['--sort=name', '--mtime=@1700000000', '--owner=0', '--group=0', '-cf', tar, '-C', tree, '.']);
    rmSync(tree, { recursive: true });
    diffIds.push(`sha256:${await digestOfFile(tar)}`);
    const packed = shape.compression === 'gzip' ? `${tar}.gz` : `${tar}.zst`;
    execFileSync(shape.compression, shape.compression === 'gzip' ? ['-6', '-n', tar] : ['-q', '--rm', tar]);
    layers.push({
      mediaType: `application/vnd.oci.image.layer.v1.tar+${shape.compression}`,
      ...(await putBlob(layout, packed)),
    });
  }
  const config = await putJson(layout, {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const manifest = await putJson(layout, {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers,
  });
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          ...manifest,
          annotations: { 'org.opencontainers.image.ref.name': 'latest' },
        },
      ],
    }),
  );
  return layout;
}

/** The layers' blobs of a layout that makeImage made, base first. */
export function layerFiles(
  layout: string,
  manifest: { readonly layers: readonly { readonly digest: string }[] },
): readonly string[] {
  return manifest.layers.map(({ digest }) => join(layout, 'blobs/sha256', digest.slice('sha256:'.length)));
}

/** The checkout: dist/bench → two up. */
export const ROOT = dirname(dirname(import.meta.dirname));
