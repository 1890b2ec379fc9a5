import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyImage } from '../../src/image/copy.ts';
import type { Image } from '../../src/image/image.ts';
import { loadImage } from '../../src/image/load.ts';
import { toOci } from '../../src/image/to-oci.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { openArchiveSink } from '../../src/sinks/archive.ts';
import { openOciLayoutSink } from '../../src/sinks/oci-layout.ts';
import { openSource } from '../../src/sources/open.ts';
import { makeImage, memorySource } from '../support/image/image.ts';
import { named, writeLayout } from '../support/image/layout.ts';
import { dir, file, symlink, tarOf } from '../support/image/tar.ts';
import { verifyImage } from '../support/image/verify-image.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

const platform = parsePlatform('linux/amd64');
const NAME = 'example.com/images/one:1';
const layers = [tarOf(dir('etc'), file('etc/motd', 'hello')), tarOf(symlink('motd', 'etc/motd'))];
const made = makeImage({ layers, gzip: true });
const docker = makeImage({
  layers,
  gzip: true,
  configType: MEDIA_TYPE.dockerConfig,
  layerType: MEDIA_TYPE.dockerLayerGzip,
  manifest: { mediaType: MEDIA_TYPE.dockerManifest },
});
const dockerDescriptor = { ...docker.descriptor, mediaType: MEDIA_TYPE.dockerManifest };
const test = suite('sinks/real-tools');

function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 });
  assert.is(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function saved(open: (path: string) => ReturnType<typeof openArchiveSink>, image: Image): Promise<string> {
  const path = join(tempDir(), 'saved');
  const sink = await open(path);
  await copyImage(image, sink, { names: [NAME] });
  await sink.close();
  return path;
}

const ociImage = () => loadImage(memorySource(made.descriptor, made.blobs), { platform });
const dockerImage = () => loadImage(memorySource(dockerDescriptor, docker.blobs), { platform });
const toDockerArchive = (path: string) => openArchiveSink({ path }, { docker: true });
const toOciArchive = (path: string) => openArchiveSink({ path }, { docker: false });

test('skopeo reads our images, by every transport', async () => {
  if (!haveTools('skopeo')) return;
  const image = await ociImage();
  const archive = await saved(toDockerArchive, image);
  const specs = [
    `docker-archive:${archive}`,
    `docker-archive:${archive}:${NAME}`,
    `oci-archive:${archive}:${NAME}`,
    `oci-archive:${await saved(toOciArchive, image)}:${NAME}`,
    `oci:${await saved(openOciLayoutSink, image)}:${NAME}`,
    `oci:${await saved(openOciLayoutSink, toOci(await dockerImage()))}:${NAME}`,
    `docker-archive:${await saved(toDockerArchive, await dockerImage())}:${NAME}`,
  ];
  for (const spec of specs) {
    const target = join(tempDir(), 'dir');
    run('skopeo', 'copy', '--insecure-policy', spec, `dir:${target}`);
    const { source } = await openSource(`dir:${target}`, { storeRoot: target });
    const copy = await loadImage(source, { platform });
    await verifyImage(copy);
    assert.equal(copy.config.diffIds, made.diffIds, spec);
  }
});

test('umoci unpacks our layouts, and docker’s images once they are converted to OCI', async () => {
  if (!haveTools('umoci') || !haveRoot()) return;
  for (const image of [await ociImage(), toOci(await dockerImage())]) {
    const layout = await saved(openOciLayoutSink, image);
    const bundle = join(tempDir(), 'bundle');
    run('umoci', 'unpack', '--image', `${layout}:${NAME}`, bundle);
    assert.is(run('cat', join(bundle, 'rootfs', 'motd')), 'hello');
  }
});

test('an extracted archive is a layout for umoci', async () => {
  if (!haveTools('umoci')) return;
  const folder = tempDir();
  run('tar', '-xf', await saved(toDockerArchive, await ociImage()), '-C', folder);
  assert.is(run('umoci', 'list', '--layout', folder).trim(), NAME);
});

test('buildah reads our archives', async () => {
  if (!haveTools('buildah') || !haveRoot()) return;
  const root = tempDir();
  const storage = ['--root', join(root, 'root'), '--runroot', join(root, 'run'), '--storage-driver', 'vfs'];
  for (const image of [await ociImage(), await dockerImage()]) {
    for (const spec of [
      `docker-archive:${await saved(toDockerArchive, image)}`,
      `oci-archive:${await saved(toOciArchive, image)}`,
    ]) {
      const id = run('buildah', ...storage, 'pull', '-q', '--policy', 'always', spec).trim();
      assert.is(`sha256:${id}`, image.manifest.config.digest, spec);
    }
  }
});

test('podman loads our archives, by name, and we load podman’s', async () => {
  if (!haveTools('podman') || !haveRoot()) return;
  const root = tempDir();
  const storage = ['--root', join(root, 'root'), '--runroot', join(root, 'run'), '--storage-driver', 'vfs'];
  for (const open of [toDockerArchive, toOciArchive]) {
    assert.match(run('podman', ...storage, 'load', '-q', '-i', await saved(open, await ociImage())), NAME);
  }
  for (const format of ['docker-archive', 'oci-archive', 'docker-dir', 'oci-dir']) {
    const path = join(root, format);
    run('podman', ...storage, 'save', '-q', '--format', format, '-o', path, NAME);
    const { source } = await openSource(path, { storeRoot: root });
    const image = await loadImage(source, { platform });
    await verifyImage(image);
    assert.is(image.manifest.config.digest, made.config.digest, format);
    await source.close();
  }
});

test('images of skopeo and umoci are read in every form', async () => {
  if (!haveTools('skopeo', 'umoci')) return;
  const folder = tempDir();
  const layout = writeLayout(join(folder, 'layout'), [named(made.descriptor, 'x')], made.blobs);
  const targets = [
    `docker-archive:${join(folder, 'docker.tar')}:${NAME}`,
    `oci-archive:${join(folder, 'oci.tar')}:y`,
    `oci:${join(folder, 'copy')}:y`,
    `dir:${join(folder, 'dir')}`,
  ];
  for (const spec of targets) {
    run('skopeo', 'copy', '--insecure-policy', `oci:${layout}:x`, spec);
    const { source, name } = await openSource(spec, { storeRoot: folder });
    const image = await loadImage(source, { name, platform });
    await verifyImage(image);
    assert.equal(image.config.diffIds, made.diffIds, spec);
    await source.close();
  }
  mkdirSync(join(folder, 'umoci'));
  const own = join(folder, 'umoci', 'layout');
  run('umoci', 'init', '--layout', own);
  run('umoci', 'new', '--image', `${own}:z`);
  const { source } = await openSource(`oci:${own}:z`, { storeRoot: folder });
  assert.is((await loadImage(source)).layers.length, 0);
});

test.run();
