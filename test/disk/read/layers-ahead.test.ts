import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import { buildRootfs } from '../../../src/disk/build-rootfs.ts';
import type { LayerInput } from '../../../src/disk/read/read-layer.ts';
import type { UnpackOptions } from '../../../src/disk/unpack-options.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { verified } from '../../../src/streams/verified.ts';
import { failureOf } from '../../support/failure-of.ts';
import { asIdentity, IDENTITIES, type Identity } from '../../support/host/as-user.ts';
import { dir, entry, file, hardlink, symlink, tarOf, whiteout } from '../../support/image/tar.ts';
import { differences, snapshot } from '../../support/image/tree-snapshot.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { findTool, haveTools } from '../../support/tools.ts';

const test = suite('disk/read/layers-ahead');

async function place(identity: Identity): Promise<string> {
  const inner = join(tempDir(0o777), 'place');
  await asIdentity(identity, () => mkdirSync(inner));
  return inner;
}

function bytesOf(index: number, length: number): Buffer {
  return Buffer.from(`${index} is what this file is about\n`.repeat(Math.ceil(length / 20))).subarray(0, length);
}

/** Some megabytes in layers that refer to each other. */
const ARCHIVES: readonly Buffer[] = [
  tarOf(
    dir('etc', { mtime: 1_000_000_000 }),
    ...Array.from({ length: 120 }, (_, index) => file(`etc/f${index}`, bytesOf(index, index * 600), { mode: 0o640 })),
    file('etc/caps', 'x', { xattrs: { 'user.some': Buffer.from([0, 255, 10]) }, mtime: '1.25' }),
    file('na\u00efve', 'y'),
  ),
  tarOf(
    ...Array.from({ length: 40 }, (_, index) => whiteout(`etc/f${index * 3}`)),
    hardlink('again', 'etc/f1'),
    symlink('link', 'etc'),
    file('big', bytesOf(7, 3_000_000)),
  ),
  tarOf(entry('0', 'link/through', bytesOf(9, 900_000)), file('etc/f1', 'new')),
  tarOf(file('last', 'one')),
];

/** The ways to the bytes of a layer: a stream that verifies them, small pieces that are not verified, a file. */
const WAYS = ['stream', 'pieces', 'file'] as const;

const digests = new WeakMap<Buffer, Digest>();

/** The digest of a blob that many trees are made of. */
function knownDigest(blob: Buffer): Digest {
  const digest = digests.get(blob) ?? digestOf(blob);
  digests.set(blob, digest);
  return digest;
}

function inputs(
  blobs: readonly Buffer[],
  way: (typeof WAYS)[number] = 'stream',
  promised = blobs,
): readonly LayerInput[] {
  const folder = way === 'file' ? tempDir(0o777) : undefined;
  return blobs.map((blob, index): LayerInput => {
    const stored = promised[index] ?? blob;
    const descriptor = { digest: knownDigest(stored), size: stored.length };
    const path = folder === undefined ? undefined : join(folder, `blob-${index}`);
    if (path !== undefined) writeFileSync(path, blob);
    return {
      label: `layer ${index}`,
      diffId: knownDigest(ARCHIVES[index] ?? Buffer.alloc(0)),
      ...descriptor,
      open: async () => Readable.from(pieces(blob), { objectMode: false }).pipe(verified(descriptor, 'the layer')),
      locate: async () => {
        if (path === undefined) return undefined;
        const opened = openSync(path, 'r');
        return { descriptor: opened, offset: 0, size: statSync(path).size, close: async () => closeSync(opened) };
      },
      fetch: way === 'pieces' ? () => Readable.from(pieces(blob)) : undefined,
    };
  });
}

function* pieces(bytes: Buffer, length = 30_011): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += length) yield bytes.subarray(from, from + length);
}

const GZIP = ARCHIVES.map((archive) => gzipSync(archive));

for (const identity of IDENTITIES) {
  const make = (layers: readonly LayerInput[], to: string, options: UnpackOptions = {}) =>
    asIdentity(identity, () => buildRootfs(layers, to, options));

  test(`as ${identity}: threads make the same tree, whichever way the bytes come`, async () => {
    const here = await place(identity);
    const expected = await make(inputs(GZIP), join(here, 'plain'), { threads: 0 });
    for (const threads of [1, 2, 3]) {
      for (const way of WAYS) {
        const to = join(here, `to-${threads}-${way}`);
        const report = await make(inputs(GZIP, way), to, { threads });
        assert.equal({ ...report, destination: '' }, { ...expected, destination: '' });
        assert.equal(differences(snapshot(to), snapshot(join(here, 'plain'))), []);
      }
    }
  });
}

const HERE = IDENTITIES[0] ?? 'ordinary user';

test('uncompressed layers, and layers compressed by zstd, are read in threads too', async () => {
  const here = await place(HERE);
  await buildRootfs(inputs(ARCHIVES), join(here, 'plain'), { threads: 0 });
  const zstd = haveTools('zstd')
    ? ARCHIVES.map((input) => spawnSync(findTool('zstd') ?? 'zstd', ['-c'], { input, maxBuffer: 1 << 28 }).stdout)
    : [];
  for (const blobs of [ARCHIVES, zstd]) {
    if (blobs.length === 0) continue;
    for (const way of WAYS) {
      const to = join(here, 'to');
      await buildRootfs(inputs(blobs, way), to, { threads: 2, force: true });
      assert.equal(differences(snapshot(to), snapshot(join(here, 'plain'))), []);
    }
  }
});

test('a damaged layer gives the same error as without threads, and nothing is left', async () => {
  const damaged = GZIP.map((blob, index) => {
    const copy = Buffer.from(blob);
    if (index === 1) copy.fill(0xff, 2000, 2100);
    return copy;
  });
  const cut = GZIP.map((blob, index) => (index === 2 ? blob.subarray(0, -20) : blob));
  const other = GZIP.map((blob, index) => (index === 1 ? gzipSync(tarOf(file('a', 'another'))) : blob));
  const notTar = GZIP.map((blob, index) => (index === 3 ? gzipSync('no archive'.repeat(1000)) : blob));
  const flipped = (blobs: readonly Buffer[], place: (blob: Buffer) => number) =>
    blobs.map((blob) => {
      const copy = Buffer.from(blob);
      const at = place(copy);
      copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
      return copy;
    });
  // The damage is in the checksum of a tar, in the magic number and in the checksum of gzip
  const badHeader = flipped(ARCHIVES, () => 150);
  const badMagic = flipped(GZIP, () => 1);
  const badTrailer = flipped(GZIP, (blob) => blob.length - 6);
  const [trailed, changed] = ['x', 'y'].map((byte) =>
    GZIP.map((blob) => Buffer.concat([blob, Buffer.alloc(600_000, byte)])),
  );
  assert.ok(trailed !== undefined && changed !== undefined);
  const cases: readonly (readonly [blobs: readonly Buffer[], promised: readonly Buffer[], code: string])[] = [
    // The bytes are the promised ones
    [damaged, damaged, 'COMPRESSION_INVALID'],
    [cut, cut, 'COMPRESSION_INVALID'],
    [other, other, 'DIFF_ID_MISMATCH'],
    [notTar, notTar, 'TAR_INVALID'],
    // The bytes are others, and the digest tells it wherever the damage is
    [damaged, GZIP, 'DIGEST_MISMATCH'],
    [cut, GZIP, 'SIZE_MISMATCH'],
    [other, GZIP, 'SIZE_MISMATCH'],
    [badHeader, ARCHIVES, 'DIGEST_MISMATCH'],
    [badMagic, GZIP, 'DIGEST_MISMATCH'],
    [badTrailer, GZIP, 'DIGEST_MISMATCH'],
    // The decompressor reads only bytes that are right
    [trailed, changed, 'DIGEST_MISMATCH'],
  ];
  for (const [blobs, promised, code] of cases) {
    for (const threads of [0, 2]) {
      for (const way of WAYS) {
        const here = await place(HERE);
        const failed = buildRootfs(inputs(blobs, way, promised), join(here, 'to'), { threads });
        const error = await failed.then(
          () => assert.unreachable('it should have failed'),
          (reason: { readonly code?: string }) => reason,
        );
        assert.is(error?.code, code, `${way}, ${threads} threads`);
        assert.equal(readdirSync(here), []);
      }
    }
  }
});

test('limits hold in threads', async () => {
  const here = await place(HERE);
  const options = { threads: 2, limits: { maxSize: 1_000_000 } };
  const error = await failureOf(buildRootfs(inputs(GZIP), join(here, 'to'), options), 'LIMIT_EXCEEDED');
  assert.is(error.facts.maximum, 1_000_000);
  await failureOf(
    buildRootfs(inputs(GZIP, 'file'), join(here, 'to'), { threads: 2, limits: { maxEntries: 100 } }),
    'LIMIT_EXCEEDED',
  );
  assert.equal(readdirSync(here), []);
});

test('bytes behind a layer are counted, or are an error where the policy is strict', async () => {
  const trailing = GZIP.map((blob, index) => (index < 2 ? Buffer.concat([blob, Buffer.from('trailing')]) : blob));
  for (const threads of [0, 2]) {
    const here = await place(HERE);
    const report = await buildRootfs(inputs(trailing), join(here, 'to'), { threads });
    assert.is(report.tolerated.get('trailing-bytes'), 2);
    const error = await failureOf(
      buildRootfs(inputs(trailing), join(here, 'strict'), { threads, strict: true }),
      'POLICY_VIOLATED',
    );
    assert.is(error.facts.policy, 'trailing-bytes');
    assert.equal(readdirSync(here), ['to']);
  }
});

test('an abort ends layers that are waiting for bytes, and leaves nothing', async () => {
  for (const way of WAYS) {
    const here = await place(HERE);
    const abort = new AbortController();
    const stuck = new Readable({ read() {} });
    stuck.push(GZIP[1]?.subarray(0, 3000));
    const begin = (signal: AbortSignal | undefined): Readable => {
      setTimeout(() => abort.abort(), 30);
      return signal === undefined ? stuck : addAbortSignal(signal, stuck);
    };
    const layers = inputs(GZIP, way).map((layer, index): LayerInput => {
      if (index !== 1) return layer;
      const fetch = way === 'pieces' ? begin : undefined;
      return { ...layer, open: async () => begin(undefined), locate: async () => undefined, fetch };
    });
    const failed = buildRootfs(layers, join(here, 'to'), { threads: 2, signal: abort.signal });
    await failed.then(
      () => assert.unreachable('it should have stopped'),
      (error: unknown) => assert.is(error instanceof Error ? error.name : '', 'AbortError'),
    );
    assert.ok(stuck.destroyed);
    assert.equal(readdirSync(here), []);
  }
});

test('the first layer that fails ends the others, whichever it is', async () => {
  const here = await place(HERE);
  const stuck = new Readable({ read() {} });
  const layers = inputs(GZIP).map((layer, index): LayerInput => {
    if (index === 0) return { ...layer, open: async () => stuck };
    return index === 2 ? { ...layer, diffId: digestOf('another') } : layer;
  });
  await failureOf(buildRootfs(layers, join(here, 'to'), { threads: 2 }), 'DIFF_ID_MISMATCH');
  assert.ok(stuck.destroyed);
  assert.equal(readdirSync(here), []);
});

test.run();
