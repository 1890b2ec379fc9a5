import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import { MEDIA_TYPE } from '../../../src/oci/media-type.ts';
import { tsimg } from '../../support/command/tsimg.ts';
import { describe, makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { dir, file, numericField, paxHeader, tarOf } from '../../support/image/tar.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('cli/unpack/unpack-limits');

const MIB = 1024 ** 2;
const MEMBER = gzipSync(Buffer.alloc(64 * MIB));
/** Returns ten GiB of zeros as gzip members, in ten megabytes. */
const ZEROS: readonly Buffer[] = Array.from({ length: 160 }, () => MEMBER);

const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };

/** Makes a layout of one image with this blob as its only layer. The diff ID is wrong, but is never compared. */
function layoutOfBlob(here: string, blob: Buffer): string {
  const made = makeImage({ platform, manifest: { layers: [describe(MEDIA_TYPE.ociLayerGzip, blob)] } });
  writeLayout(join(here, 'layout'), [named(made.descriptor, 'x')], made.blobs, new Map([[digestOf(blob), blob]]));
  return `oci:${join(here, 'layout')}:x`;
}

function layoutOfLayers(here: string, ...layers: readonly Buffer[]): string {
  const made = makeImage({ platform, layers, gzip: true });
  writeLayout(join(here, 'layout'), [named(made.descriptor, 'x')], made.blobs);
  return `oci:${join(here, 'layout')}:x`;
}

/** Unpacks and expects an error about the limit of this option, which leaves nothing behind. */
function refused(here: string, source: string, option: string, ...args: readonly string[]): void {
  const before = readdirSync(here);
  const run = tsimg(['unpack', '--json', ...args, source, join(here, 'to')], {
    env: { TSIMG_ROOT: join(here, 'store') },
  });
  assert.is(run.status, 1, run.stderr);
  const error: { readonly code: string; readonly hint: string } = JSON.parse(
    run.stderr.trim().split('\n').at(-1) ?? '',
  ).error;
  assert.is(error.code, 'LIMIT_EXCEEDED');
  assert.ok(error.hint.includes(option), error.hint);
  assert.equal(readdirSync(here), before);
}

function accepted(here: string, source: string, ...args: readonly string[]): void {
  const run = tsimg(['unpack', '-q', ...args, source, join(here, 'to')], { env: { TSIMG_ROOT: join(here, 'store') } });
  assert.is(run.status, 0, run.stderr);
}

test('a file of ten GiB of zeros ends at --max-size', () => {
  const here = tempDir();
  const header = file('zeros', '', { size: numericField(160 * 64 * MIB, 12) });
  refused(here, layoutOfBlob(here, Buffer.concat([gzipSync(header), ...ZEROS])), '--max-size', '--max-size', '32m');
});

test('ten GiB of zeros behind the end of a layer end at the default ratio', () => {
  const here = tempDir();
  refused(here, layoutOfBlob(here, Buffer.concat([gzipSync(tarOf()), ...ZEROS])), '--max-ratio');
});

test('--max-size counts all layers together', () => {
  const here = tempDir();
  const source = layoutOfLayers(here, tarOf(file('a', 'x'.repeat(MIB))), tarOf(file('b', 'y'.repeat(MIB))));
  refused(here, source, '--max-size', '--max-size', '2m');
  accepted(here, source, '--max-size', '3m');
});

test('a compressed archive that is a bomb ends before it is decompressed', () => {
  const here = tempDir();
  writeFileSync(join(here, 'bomb.tar.gz'), Buffer.concat(ZEROS));
  refused(here, join(here, 'bomb.tar.gz'), '--max-size', '--max-size', '100m');
  if (!haveTools('xz')) return;
  writeFileSync(join(here, 'bomb.tar.xz'), execFileSync('xz', ['-0c'], { input: Buffer.alloc(64 * MIB) }));
  refused(here, join(here, 'bomb.tar.xz'), '--max-size', '--max-size', '10m');
});

test('--max-entries counts the files of all layers', () => {
  const here = tempDir();
  const some = (prefix: string) => tarOf(...Array.from({ length: 50 }, (_, index) => file(`${prefix}${index}`)));
  const source = layoutOfLayers(here, some('a'), some('b'));
  refused(here, source, '--max-entries', '--max-entries', '99');
  accepted(here, source, '--max-entries', '100');
});

test('whiteouts, which make no file, are counted too', () => {
  const here = tempDir();
  const markers = Array.from({ length: 20 }, (_, index) => file(`.wh.${index}`));
  refused(here, layoutOfLayers(here, tarOf(...markers)), '--max-entries', '--max-entries', '19');
});

test('names are nested 512 deep at most, unless --max-depth allows more', () => {
  const here = tempDir();
  const deep = (depth: number) => Array.from({ length: depth }, () => 'd').join('/');
  accepted(tempDir(), layoutOfLayers(tempDir(), tarOf(dir(deep(512)))));
  const source = layoutOfLayers(here, tarOf(dir(deep(513))));
  refused(here, source, '--max-depth');
  accepted(here, source, '--max-depth', '513');
});

test('extended headers have 1 MiB at most, unless --max-header allows more', () => {
  const here = tempDir();
  const source = layoutOfLayers(here, tarOf(paxHeader(['comment', 'x'.repeat(MIB)]), file('a')));
  refused(here, source, '--max-header');
  accepted(here, source, '--max-header', '2m');
});

test('documents have 4 MiB at most, unless --max-document allows more', () => {
  const here = tempDir();
  const made = makeImage({ platform, config: { comment: ' '.repeat(4 * MIB) }, layers: [tarOf(file('a'))] });
  writeLayout(join(here, 'layout'), [named(made.descriptor, 'x')], made.blobs);
  const source = `oci:${join(here, 'layout')}:x`;
  refused(here, source, '--max-document');
  accepted(here, source, '--max-document', '5m');
});

test('export has the same limits', () => {
  const here = tempDir();
  const source = layoutOfLayers(here, tarOf(file('a', 'x'.repeat(MIB))));
  const run = tsimg(['export', '--max-size', '1m', source, join(here, 'x.tar')], {
    env: { TSIMG_ROOT: join(here, 'store') },
  });
  assert.is(run.status, 1);
  assert.match(run.stderr, /--max-size/);
  assert.equal(readdirSync(here), ['layout']);
});

test('holes do not count for unpack, and count where they are written as zeros', () => {
  const here = tempDir();
  const sparse = paxHeader(
    ['GNU.sparse.major', '0'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.size', String(1024 ** 4)],
    ['GNU.sparse.numblocks', '1'],
    ['GNU.sparse.offset', '0'],
    ['GNU.sparse.numbytes', '1'],
  );
  const source = layoutOfLayers(here, tarOf(sparse, file('f', 'x')));
  accepted(here, source);
  const run = tsimg(['export', source, join(here, 'x.tar')], { env: { TSIMG_ROOT: join(here, 'store') } });
  assert.is(run.status, 1);
  assert.match(run.stderr, /--max-ratio/);
  assert.not(readdirSync(here).includes('x.tar'));
});

test.run();
