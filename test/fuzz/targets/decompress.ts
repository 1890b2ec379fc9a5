import { spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { gzipMember, zstdFrame } from '../../../fixtures/conformance/compressed.ts';
import { messageOf } from '../../../src/errors.ts';
import { decompressed } from '../../../src/streams/decompress/decompress.ts';
import { findTool } from '../../support/tools.ts';
import { codeOrThrow, fault } from '../ending.ts';
import { mutateSome } from '../mutate/mutate-bytes.ts';
import type { Random } from '../mutate/random.ts';
import { blobSeeds } from '../seeds.ts';
import { bytesTarget } from '../target.ts';

/** The most content that is compared, in bytes. Decompression bombs have tests of their own. */
const MAX_CONTENT = 8 * 1024 * 1024;
const TEXT = Buffer.from('content '.repeat(40));

interface Result {
  /** `accepted`, `large` for content that was not compared, or the error's code. */
  readonly ending: string;
  readonly content: Buffer;
  /** Bytes that were reported behind the last member. */
  readonly trailing: number;
  readonly message: string;
}

function* cut(bytes: Buffer, chunk: () => number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = chunk();
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function decompress(input: Buffer, chunk: () => number): Promise<Result> {
  const chunks: Buffer[] = [];
  let trailing = 0;
  let size = 0;
  let ending = 'accepted';
  let message = '';
  const options = { where: 'input', onTrailing: (bytes: number) => (trailing += bytes) };
  try {
    for await (const part of decompressed(Readable.from(cut(input, chunk), { objectMode: false }), options)) {
      chunks.push(part);
      size += part.length;
      if (size > MAX_CONTENT) {
        ending = 'large';
        break;
      }
    }
  } catch (error) {
    ending = codeOrThrow(error);
    message = messageOf(error);
  }
  return { ending, content: Buffer.concat(chunks), trailing, message };
}

/** Compares two results for different chunk sizes. Before an error their contents may have different lengths. */
async function decompressTwice(input: Buffer, random: Random): Promise<Result> {
  const whole = await decompress(input, () => input.length || 1);
  const most = Math.max(200, input.length / 20);
  const again = await decompress(input, () => 1 + random.below(most));
  if (again.ending !== whole.ending) throw fault(`cut in pieces it ends with ${again.ending}, not ${whole.ending}`);
  if (whole.ending === 'accepted' && !again.content.equals(whole.content))
    throw fault('cut in pieces it has other content');
  return whole;
}

function startsWith(bytes: Buffer, ...magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

function nodesGunzip(input: Buffer): Buffer | undefined {
  try {
    return gunzipSync(input, { maxOutputLength: MAX_CONTENT });
  } catch {
    return undefined;
  }
}

function compareWithZlib(input: Buffer, ours: Result): void {
  if (ours.ending === 'large') return;
  const theirs = nodesGunzip(input);
  // Node loses members behind zeros, and fails at bytes that are no member: docs/decisions/0002.
  const hasPadding = input.includes(Buffer.from([0, 0x1f, 0x8b]));
  if (theirs === undefined) {
    if (ours.ending === 'accepted' && ours.trailing === 0 && !hasPadding) throw fault('accepted, and zlib refuses it');
    return;
  }
  if (ours.ending !== 'accepted') {
    if (!hasPadding) throw fault(`zlib accepts it, and here it is ${ours.ending}: ${ours.message}`);
  } else if (!ours.content.equals(theirs) && !(hasPadding && ours.content.subarray(0, theirs.length).equals(theirs))) {
    throw fault('zlib finds other content');
  }
}

export const gzipTarget = bytesTarget({
  name: 'gzip',
  rule: 'gzip is refused by an error of tsimg, or has the content that zlib finds',
  seeds: () => [
    ...blobSeeds().filter((blob) => startsWith(blob, 0x1f, 0x8b)),
    gzipMember(TEXT),
    gzipMember(TEXT, { flags: 0x1c, fields: Buffer.from('\x04\0abcdname\0comment\0', 'latin1') }),
  ],
  mutate: (seed, other, random) => joined(seed, other, random, gzipMember),
  async run(input, random) {
    const ours = await decompressTwice(input, random);
    if (startsWith(input, 0x1f, 0x8b, 8)) compareWithZlib(input, ours);
    return ours.ending;
  },
});

/** Returns members or frames of both inputs in a row, or with bytes between them; mostly damaged. */
function joined(seed: Buffer, other: Buffer, random: Random, wrap: (content: Buffer) => Buffer): Buffer {
  if (random.once(4)) return mutateSome(seed, other, random);
  const between = random.pick([Buffer.alloc(0), Buffer.alloc(random.below(9)), Buffer.from('rest'), wrap(TEXT)]);
  const both = Buffer.concat([seed, between, other]);
  return random.once(2) ? both : mutateSome(both, seed, random);
}

/** Decompresses by zstd(1); undefined where it refuses. */
function zstdProgram(input: Buffer): Buffer | undefined {
  const run = spawnSync(findTool('zstd') ?? 'zstd', ['-dcq', '--no-sparse'], { input, maxBuffer: MAX_CONTENT });
  return run.status === 0 ? run.stdout : undefined;
}

function compareWithZstd(input: Buffer, ours: Result): void {
  if (ours.ending === 'large' || ours.ending === 'LIMIT_EXCEEDED' || ours.ending === 'FORMAT_UNSUPPORTED') return;
  const theirs = zstdProgram(input);
  // zstd(1) also takes a gzip member behind a frame, and refuses wrong checksums, which tsimg does not compare.
  if (theirs === undefined || ours.message.includes('something else follows')) return;
  if (ours.ending !== 'accepted') throw fault(`zstd accepts it, and here it is ${ours.ending}: ${ours.message}`);
  if (!ours.content.equals(theirs)) throw fault('zstd finds other content');
}

export const zstdTarget = bytesTarget({
  name: 'zstd',
  rule: 'zstd is refused by an error of tsimg, or has the content that zstd(1) finds',
  tools: ['zstd'],
  seeds: () => [...blobSeeds().filter((blob) => startsWith(blob, 0x28, 0xb5, 0x2f, 0xfd)), zstdFrame(TEXT)],
  mutate: (seed, other, random) => joined(seed, other, random, zstdFrame),
  async run(input, random) {
    const ours = await decompressTwice(input, random);
    const isFrame = startsWith(input, 0x28, 0xb5, 0x2f, 0xfd);
    // A process for each input takes most of the time.
    if (isFrame && (random.once(20) || (ours.ending === 'accepted' && random.once(4)))) compareWithZstd(input, ours);
    return ours.ending;
  },
});
