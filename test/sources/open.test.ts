import { spawnSync } from 'node:child_process';
import { cpSync, createReadStream, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import type { TsimgEvent } from '../../src/events.ts';
import { type LoadedImage, loadImage } from '../../src/image/load.ts';
import { hexOf } from '../../src/oci/digest.ts';
import { type OpenSourceOptions, openSource } from '../../src/sources/open.ts';
import { unpackImage } from '../../src/verbs/rootfs/unpack.ts';
import { EXAMPLE_IMAGE } from '../support/checkout.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeImage } from '../support/image/image.ts';
import { named, writeLayout } from '../support/image/layout.ts';
import { dir, entry, file, hardlink, symlink, tarOf } from '../support/image/tar.ts';
import { verifyImage } from '../support/image/verify-image.ts';
import { sharedImage } from '../support/shared-images.ts';
import { tempDir } from '../support/temp-dir.ts';
import { findTool, haveTools } from '../support/tools.ts';

const test = suite('sources/open');
const options: OpenSourceOptions = { storeRoot: '/nonexistent/store' };

/** Opens, loads and reads an image completely, and closes what was opened. */
async function read(spec: string, more: Partial<OpenSourceOptions> = {}, name?: string): Promise<LoadedImage> {
  const opened = await openSource(spec, { ...options, ...more });
  try {
    const image = await loadImage(opened.source, { name: opened.name ?? name });
    await verifyImage(image);
    return image;
  } finally {
    await opened.source.close();
  }
}

const idOf = (image: LoadedImage) => hexOf(image.manifest.config.digest);

/** An archive of docker save with one image; `members` replaces or adds members. */
function dockerArchive(
  made: ReturnType<typeof makeImage>,
  layers: readonly Buffer[],
  repoTags: readonly string[] | null,
): Buffer {
  const id = hexOf(made.config.digest);
  const names = layers.map((_, index) => `layer${index}/layer.tar`);
  return tarOf(
    ...layers.map((layer, index) => file(names[index] ?? '', layer)),
    file(`${id}.json`, made.blobs.get(made.config.digest)),
    file('manifest.json', JSON.stringify([{ Config: `${id}.json`, RepoTags: repoTags, Layers: names }])),
  );
}

const layerA = tarOf(file('a', 'a'));
const layerB = tarOf(file('b', 'b'));

test('every image of other tools is opened, listed and verified', async () => {
  const files = [
    'alpine-3.9.4-docker-save.tar.gz',
    'containerd-store-busybox-sparse-index.tar',
    'dive-docker-save.tar',
    'dive-kaniko.tar',
    'docker-v1.0-busybox.tgz',
    'docker25-hello-world.tar',
    'docker29-oci-labels.tar',
    'hello-world-docker-save.tar',
    'jib-busybox.tar',
    'oci-estargz.tar',
    'oci-gzip.tar',
    'oci-uncompressed.tar',
    'oci-zstd.tar',
    'busybox-1.38-glibc-amd64-layout',
    'hello-world-multiarch-layout',
  ];
  for (const name of files) {
    const path = sharedImage(name);
    if (path === undefined) return;
    const { source } = await openSource(path, options);
    assert.ok(((await source.list?.()) ?? []).length > 0, name);
    await source.close();
    await read(path);
  }
});

test('the image of the tutorial has the ID and the diff ID that docker gave it', async () => {
  const path = sharedImage('alpine-3.9.4-docker-save.tar.gz');
  if (path === undefined) return;
  const image = await read(path, {}, 'alpine:3.9');
  assert.match(idOf(image), /^055936d39205/);
  assert.match(image.config.diffIds[0] ?? '', /^sha256:f1b5933fe4b5/);
});

test('names in archives are found as users write them', async () => {
  for (const [file, ...names] of [
    ['docker25-hello-world.tar', 'hello-world', 'hello-world:latest', 'docker.io/library/hello-world:latest', 'latest'],
    ['docker-v1.0-busybox.tgz', 'busybox', 'busybox:latest'],
    ['dive-docker-save.tar', 'dive-test:latest'],
  ] as const) {
    const path = sharedImage(file);
    if (path === undefined) return;
    const { source } = await openSource(path, options);
    const only = await source.resolve();
    const listed = (await source.list?.())?.map(({ name }) => name);
    for (const name of file.startsWith('dive') ? [listed?.[0] ?? ''] : names) {
      assert.is((await source.resolve(name))?.digest, only?.digest, `${file} ${name} ${listed}`);
    }
    await source.close();
  }
});

test('a partial copy of a multi-platform image gives the images that are there, and errors for others', async () => {
  const path = sharedImage('containerd-store-busybox-sparse-index.tar');
  if (path === undefined) return;
  const { source } = await openSource(path, options);
  const amd64 = await loadImage(source, { platform: { os: 'linux', architecture: 'amd64' } });
  assert.is(amd64.layers.length, 1);
  const arm64 = { os: 'linux', architecture: 'arm64' };
  const error = await failureOf(loadImage(source, { platform: arm64 }), 'BLOB_NOT_FOUND');
  assert.equal(error.facts.available, ['linux/amd64']);
  await source.close();
});

test('an archive of two images lists them without a name, and reads repeated layers through links', async () => {
  const path = sharedImage('podman-two-images.tar.xz');
  if (path === undefined || !haveTools('xz')) return;
  const { source } = await openSource(path, options);
  const error = await failureOf(source.resolve(), 'IMAGE_AMBIGUOUS');
  const names = error.facts.images;
  assert.ok(Array.isArray(names) && names.length === 2);
  for (const name of names) await verifyImage(await loadImage(source, { name }));
  await source.close();
  const [first] = names;
  assert.ok((await read(`docker-archive:${path}:${first}`)).layers.length > 0);
});

test('the example image opens by its file, and as a docker archive by its transport', async () => {
  const image = await read(EXAMPLE_IMAGE);
  assert.is(idOf(await read(`docker-archive:${EXAMPLE_IMAGE}`)), idOf(image));
});

test('an archive reads the same plain, gzip’d, from stdin and through a pipe', async () => {
  const folder = tempDir();
  const made = makeImage({ layers: [layerA, layerB] });
  const archive = dockerArchive(made, [layerA, layerB], ['x:1']);
  writeFileSync(join(folder, 'plain'), archive);
  writeFileSync(join(folder, 'gz'), gzipSync(archive));
  const expected = (await read(join(folder, 'plain'))).descriptor.digest;
  assert.is((await read(join(folder, 'gz'))).descriptor.digest, expected);
  for (const bytes of [archive, gzipSync(archive)]) {
    assert.is((await read('-', { stdin: Readable.from([bytes], { objectMode: false }) })).descriptor.digest, expected);
    const slow = Readable.from([bytes.subarray(0, 1), bytes.subarray(1, 3), bytes.subarray(3)], { objectMode: false });
    assert.is((await read('-', { stdin: slow })).descriptor.digest, expected);
  }
  const pipe = join(folder, 'pipe');
  assert.is(spawnSync('mkfifo', [pipe]).status, 0);
  const writer = import('node:fs').then(({ createWriteStream }) =>
    createReadStream(join(folder, 'gz')).pipe(createWriteStream(pipe)),
  );
  assert.is((await read(pipe)).descriptor.digest, expected);
  await writer;
});

test('archives in xz, bzip2 and zstd are decompressed, from a file and from stdin', async () => {
  const folder = tempDir();
  const plain = join(folder, 'plain');
  writeFileSync(plain, dockerArchive(makeImage({ layers: [layerA] }), [layerA], null));
  const expected = (await read(plain)).descriptor.digest;
  for (const program of ['xz', 'bzip2', 'zstd']) {
    if (findTool(program) === undefined) {
      console.log(`skipped: needs ${program}`);
      continue;
    }
    const { stdout, status } = spawnSync(program, ['-c', plain]);
    assert.is(status, 0);
    writeFileSync(`${plain}.${program}`, stdout);
    assert.is((await read(`${plain}.${program}`)).descriptor.digest, expected, program);
    assert.is((await read('-', { stdin: createReadStream(`${plain}.${program}`) })).descriptor.digest, expected);
  }
});

test('a truncated xz archive is COMPRESSION_INVALID', async () => {
  if (!haveTools('xz')) return;
  const path = join(tempDir(), 'archive.xz');
  const { stdout } = spawnSync('xz', ['-c', EXAMPLE_IMAGE]);
  writeFileSync(path, stdout.subarray(0, stdout.length / 2));
  await failureOf(read(path), 'COMPRESSION_INVALID');
});

test('a bare word that names a file is the file, else a reference', async () => {
  const folder = tempDir();
  const before = process.cwd();
  process.chdir(folder);
  try {
    const error = await failureOf(openSource('alpine', options), 'IMAGE_NOT_FOUND');
    assert.match(error.hint ?? '', 'tsimg pull alpine:latest');
    mkdirSync('alpine');
    await failureOf(openSource('alpine', options), 'IMAGE_NOT_FOUND');
    rmSync('alpine', { recursive: true });
    writeFileSync('alpine', dockerArchive(makeImage({ layers: [layerA] }), [layerA], null));
    await read('alpine');
    await read('./alpine');
  } finally {
    process.chdir(before);
  }
});

test('missing and empty files, and other formats, are named in the error', async () => {
  const folder = tempDir();
  await failureOf(openSource(join(folder, 'nothing'), options), 'SOURCE_NOT_FOUND');
  await failureOf(openSource(folder, options), 'ARCHIVE_INVALID');
  const bad = (name: string, content: Buffer | string) => {
    writeFileSync(join(folder, name), content);
    return openSource(join(folder, name), options);
  };
  await failureOf(bad('empty', ''), 'ARCHIVE_INVALID');
  await failureOf(bad('text', 'dear reader\n'.repeat(100)), 'ARCHIVE_INVALID');
  await failureOf(bad('squashfs', `hsqs${'\0'.repeat(2000)}`), 'FORMAT_UNSUPPORTED');
  await failureOf(bad('cut.gz', gzipSync(layerA).subarray(0, 40)), 'COMPRESSION_INVALID');
  await failureOf(bad('cut.tar', dockerArchive(makeImage(), [layerA], null).subarray(0, 700)), 'TAR_INVALID');
});

test('a transport that does not fit the content is refused', async () => {
  const folder = tempDir();
  const archive = join(folder, 'archive');
  writeFileSync(archive, dockerArchive(makeImage({ layers: [layerA] }), [layerA], null));
  await failureOf(openSource(`oci-archive:${archive}`, options), 'ARCHIVE_INVALID');
  await failureOf(openSource(`dir:${folder}`, options), 'ARCHIVE_INVALID');
  await failureOf(openSource('containers-storage:alpine', options), 'FORMAT_UNSUPPORTED');
  const { descriptor, blobs } = makeImage();
  const layout = writeLayout(tempDir(), [named(descriptor, 'a')], blobs);
  rmSync(join(layout, 'index.json'));
  const error = await failureOf(openSource(`oci:${layout}`, options), 'ARCHIVE_INVALID');
  assert.is(error.why, 'it has no index.json');
});

test('oci:PATH:TAG chooses by tag', async () => {
  const one = makeImage({ config: { author: 'one' } });
  const two = makeImage({ config: { author: 'two' } });
  const path = writeLayout(tempDir(), [named(one.descriptor, 'a'), named(two.descriptor, 'b')], one.blobs, two.blobs);
  assert.is((await read(`oci:${path}:b`)).descriptor.digest, two.descriptor.digest);
  const error = await failureOf(read(`oci:${path}`), 'IMAGE_AMBIGUOUS');
  assert.match(error.hint ?? '', 'oci:PATH:TAG');
  await failureOf(read(`oci:${path}:c`), 'IMAGE_NOT_FOUND');
});

test('names with ./, absolute names and repeated names are read as in an extraction', async () => {
  const made = makeImage({ layers: [layerA] });
  const id = hexOf(made.config.digest);
  const path = join(tempDir(), 'archive');
  const list = JSON.stringify([{ Config: `${id}.json`, RepoTags: null, Layers: ['/nix/layer.tar'] }]);
  writeFileSync(
    path,
    tarOf(
      file('/nix/layer.tar', 'an older one'),
      file('./manifest.json', list),
      file(`./${id}.json`, made.blobs.get(made.config.digest)),
      file('/nix/layer.tar', layerA),
    ),
  );
  await read(path);
});

test('a repeated layer that is a link is read from its first place', async () => {
  const made = makeImage({ layers: [layerA, layerA, layerA] });
  const id = hexOf(made.config.digest);
  const path = join(tempDir(), 'archive');
  const list = [{ Config: `${id}.json`, RepoTags: ['x:1'], Layers: ['1/layer.tar', '2/layer.tar', '3/layer.tar'] }];
  writeFileSync(
    path,
    tarOf(
      dir('1'),
      file('1/layer.tar', layerA),
      symlink('2/layer.tar', '../1/layer.tar'),
      hardlink('3/layer.tar', '2/layer.tar'),
      file(`${id}.json`, made.blobs.get(made.config.digest)),
      file('manifest.json', JSON.stringify(list)),
    ),
  );
  assert.is((await read(path)).layers.length, 3);
});

test('links in a cycle or out of the archive lead to nothing', async () => {
  const made = makeImage({ layers: [layerA] });
  const id = hexOf(made.config.digest);
  const folder = tempDir();
  const outside = join(folder, 'outside');
  writeFileSync(outside, layerA);
  for (const [index, target] of ['layer.tar', `../../../../../../..${outside}`, outside].entries()) {
    const path = join(folder, `archive${index}`);
    writeFileSync(
      path,
      tarOf(
        symlink('1/layer.tar', target),
        file(`${id}.json`, made.blobs.get(made.config.digest)),
        file('manifest.json', JSON.stringify([{ Config: `${id}.json`, Layers: ['1/layer.tar'] }])),
      ),
    );
    await failureOf(read(path), 'BLOB_NOT_FOUND');
  }
});

test('an edited config is used, with a warning', async () => {
  const made = makeImage({ layers: [layerA] });
  const path = join(tempDir(), 'archive');
  const id = hexOf(digestOf('another'));
  const list = JSON.stringify([{ Config: `${id}.json`, Layers: ['l'] }]);
  writeFileSync(
    path,
    tarOf(file('l', layerA), file(`${id}.json`, made.blobs.get(made.config.digest)), file('manifest.json', list)),
  );
  const events: TsimgEvent[] = [];
  const { source } = await openSource(path, options);
  const image = await loadImage(source, {}, { onEvent: (event) => void events.push(event) });
  assert.is(image.manifest.config.digest, made.config.digest, 'its ID is that of what it is');
  assert.equal(image.deviations, [{ tolerance: 'edited-configs', where: `${path} ${id}.json` }]);
  assert.equal(events, [
    { kind: 'warning', message: `${path} ${id}.json: the digest of the config is not that of its name` },
  ]);
  const report = await unpackImage(image, join(tempDir(), 'to'));
  assert.is(report.tolerated.get('edited-configs'), 1);
  const error = await failureOf(unpackImage(image, join(tempDir(), 'to'), { strict: true }), 'POLICY_VIOLATED');
  assert.is(error.facts.policy, 'edited-configs');
  await source.close();
  assert.equal((await read(EXAMPLE_IMAGE)).deviations, []);
});

test('an edited config is used, too, where the archive is a layout as well, as docker saves since 25', async () => {
  const path = sharedImage('docker25-hello-world.tar');
  if (path === undefined || !haveTools('tar')) return;
  const folder = tempDir();
  assert.is(spawnSync('tar', ['-xf', path, '-C', folder]).status, 0);
  const [{ Config: name }] = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const config = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  writeFileSync(join(folder, name), JSON.stringify({ ...config, config: { ...config.config, Cmd: ['/edited'] } }));
  const image = await read(folder);
  assert.equal([image.config.run.cmd, image.deviations?.length], [['/edited'], 1]);
  const failure = await failureOf(read(`oci:${folder}`));
  assert.ok(['SIZE_MISMATCH', 'DIGEST_MISMATCH'].includes(failure.code), 'who names the layout gets no other form');
});

test('of a repeated config or manifest.json the last is used, with a warning', async () => {
  const made = makeImage({ layers: [layerA] });
  const path = join(tempDir(), 'archive');
  const name = `${hexOf(made.config.digest)}.json`;
  const config = file(name, made.blobs.get(made.config.digest));
  const list = file('manifest.json', JSON.stringify([{ Config: name, Layers: ['l'] }]));
  writeFileSync(
    path,
    tarOf(file(name, '{}'), file('manifest.json', '[]'), file('l', layerA), config, file(`./l`, layerA), list),
  );
  const events: TsimgEvent[] = [];
  const { source } = await openSource(path, options);
  const image = await loadImage(source, {}, { onEvent: (event) => void events.push(event) });
  await source.close();
  const places = [`${path} manifest.json`, `${path} ${name}`];
  assert.equal(
    image.deviations,
    places.map((where) => ({ tolerance: 'repeated-members', where })),
  );
  const message = (where: string) => `${where}: it is in the archive more than once, and other tools read the first`;
  assert.equal(
    events,
    places.map((where) => ({ kind: 'warning', message: message(where) })),
  );
  const again = await openSource(path, options);
  const whole = await loadImage(again.source);
  const report = await unpackImage(whole, join(tempDir(), 'to'));
  assert.is(report.tolerated.get('repeated-members'), 2);
  const error = await failureOf(unpackImage(whole, join(tempDir(), 'to'), { strict: true }), 'POLICY_VIOLATED');
  assert.is(error.facts.policy, 'repeated-members');
  await again.source.close();
});

test('an image is named by its place in an archive’s list, or by a digest in a layout', async () => {
  const images = [makeImage({ config: { author: 'one' } }), makeImage({ config: { author: 'two' } })];
  const path = writeLayout(
    tempDir(),
    images.map(({ descriptor }) => descriptor),
    ...images.map(({ blobs }) => blobs),
  );
  for (const [place, { descriptor }] of images.entries()) {
    assert.is((await read(`oci:${path}:@${place}`)).descriptor.digest, descriptor.digest);
    assert.is((await read(`oci:${path}@${descriptor.digest}`)).descriptor.digest, descriptor.digest);
  }
  await failureOf(read(`oci:${path}:@2`), 'IMAGE_NOT_FOUND');
  await failureOf(read(`oci:${path}@sha256:${'0'.repeat(64)}`), 'IMAGE_NOT_FOUND');
  const archive = join(tempDir(), 'archive');
  const configs = images.map(({ config, blobs }) => blobs.get(config.digest) ?? Buffer.alloc(0));
  const list = configs.map((_, index) => ({ Config: `${index}.json`, Layers: ['l'] }));
  const members = configs.map((config, index) => file(`${index}.json`, config));
  writeFileSync(archive, tarOf(file('l', Buffer.alloc(1024)), ...members, file('manifest.json', JSON.stringify(list))));
  assert.is(idOf(await read(`docker-archive:${archive}:@1`)), hexOf(images[1]?.config.digest ?? digestOf('')));
  await failureOf(read(`docker-archive:${archive}:@2`), 'IMAGE_NOT_FOUND');
});

test('an index.json without oci-layout is a layout, with a warning; any other index.json is not', async () => {
  const made = makeImage();
  const path = writeLayout(tempDir(), [named(made.descriptor, 'a')], made.blobs);
  rmSync(join(path, 'oci-layout'));
  const archive = join(tempDir(), 'archive.tar');
  const members = [...made.blobs].map(([digest, bytes]) => file(`blobs/sha256/${hexOf(digest)}`, bytes));
  writeFileSync(archive, tarOf(...members, file('index.json', readFileSync(join(path, 'index.json')))));
  for (const spec of [path, `oci:${path}:a`, archive, `oci-archive:${archive}`]) {
    const events: TsimgEvent[] = [];
    const { source, name } = await openSource(spec, options, { onEvent: (event) => void events.push(event) });
    assert.is((await loadImage(source, { name })).descriptor.digest, made.descriptor.digest);
    assert.is(events.length, 1);
    assert.match(JSON.stringify(events), 'without its file oci-layout');
    await source.close();
  }
  writeFileSync(join(path, 'index.json'), '{"name": "an app"}');
  const error = await failureOf(openSource(path, options), 'ARCHIVE_INVALID');
  assert.match(error.why ?? '', 'index.json');
  const other = await failureOf(openSource(`oci:${path}`, options), 'ARCHIVE_INVALID');
  assert.equal([other.why, other.hint], ['it has no oci-layout', undefined], 'it is none without the transport either');
});

test('an uncompressed layer with a wrong diff ID fails while it is read', async () => {
  const path = join(tempDir(), 'archive');
  writeFileSync(path, dockerArchive(makeImage({ layers: [layerA] }), [layerB], null));
  await failureOf(read(path), 'DIGEST_MISMATCH');
});

test('a tar of a root filesystem is an image of one layer and no configuration', async () => {
  const path = join(tempDir(), 'rootfs.tar');
  const rootfs = tarOf(dir('bin'), file('bin/sh', '#!'), dir('etc'), entry('0', 'manifest.json', '{"name": "an app"}'));
  writeFileSync(path, rootfs);
  const image = await read(path);
  assert.is(image.config.diffIds[0], digestOf(rootfs));
  assert.equal(image.config.run.cmd, []);
  writeFileSync(`${path}.gz`, gzipSync(rootfs));
  assert.is((await read(`${path}.gz`)).descriptor.digest, image.descriptor.digest);
});

test('an extracted docker archive and an extracted layout are read as directories', async () => {
  const archive = sharedImage('docker25-hello-world.tar');
  if (archive === undefined) return;
  const folder = tempDir();
  assert.is(spawnSync('tar', ['-xf', archive, '-C', folder]).status, 0);
  const image = await read(folder);
  assert.is(image.descriptor.digest, (await read(archive)).descriptor.digest);
  const docker = tempDir();
  cpSync(folder, docker, { recursive: true });
  rmSync(join(docker, 'oci-layout'));
  assert.is(idOf(await read(docker)), idOf(image));
});

test('a directory of skopeo’s is read', async () => {
  if (!haveTools('skopeo')) return;
  const folder = tempDir();
  const made = makeImage({ layers: [layerA], gzip: true });
  const layout = writeLayout(join(folder, 'layout'), [named(made.descriptor, 'x')], made.blobs);
  const { status, stderr } = spawnSync('skopeo', ['copy', `oci:${layout}:x`, `dir:${join(folder, 'dir')}`], {
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  for (const spec of [`dir:${join(folder, 'dir')}`, join(folder, 'dir')]) {
    assert.is(idOf(await read(spec)), hexOf(made.config.digest));
  }
});

test('a blob that is a link inside the layout is read, one that leads out is not', async () => {
  const made = makeImage();
  const path = writeLayout(tempDir(), [made.descriptor], made.blobs);
  const blob = join(path, 'blobs', 'sha256', hexOf(made.config.digest));
  const copy = join(path, 'copy');
  writeFileSync(copy, readFileSync(blob));
  rmSync(blob);
  symlinkSync('../../copy', blob);
  assert.is(idOf(await read(path)), hexOf(made.config.digest));
  rmSync(blob);
  const outside = join(tempDir(), 'copy');
  cpSync(copy, outside);
  symlinkSync(outside, blob);
  await failureOf(read(path), 'FILESYSTEM');
});

test.run();
