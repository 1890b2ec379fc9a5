import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_ARCHIVE, EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { tsimg } from '../../support/command/tsimg.ts';
import { differences, type Snapshot, snapshot } from '../../support/image/tree-snapshot.ts';
import { SHARED, sharedImage } from '../../support/shared-images.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

// Compares the tree that `tsimg unpack SOURCE DEST` makes of real images with the tree of umoci.

const test = suite('cli/unpack/compared-with-umoci');
const ready = haveRoot() && haveTools('umoci', 'skopeo', 'buildah');
const compare = ready ? test : test.skip;

/** The SOURCE of an image; an archive of several images needs a name. */
function tsimgTree(source: string, folder: string): Snapshot {
  const target = join(folder, 'tsimg');
  const { status, stderr } = tsimg(['unpack', '-q', source, target]);
  assert.is(status, 0, stderr);
  return snapshot(target);
}

/** Copies an image into an OCI layout, which umoci needs: layers byte for byte, under a name that umoci takes. */
function umociTree(source: string, folder: string): Snapshot {
  const layout = join(folder, 'layout');
  const { status, stderr } = tsimg(['save', '-q', '--format', 'oci-dir', '-o', layout, source]);
  assert.is(status, 0, stderr);
  const indexPath = join(layout, 'index.json');
  const index = JSON.parse(readFileSync(indexPath, 'utf8'));
  for (const manifest of index.manifests) manifest.annotations = { 'org.opencontainers.image.ref.name': 'x' };
  writeFileSync(indexPath, JSON.stringify(index));
  execFileSync('umoci', ['unpack', '--image', `${layout}:x`, join(folder, 'bundle')], { stdio: 'pipe' });
  return snapshot(join(folder, 'bundle', 'rootfs'));
}

/** The image to compare with where umoci 0.4.7 fails. */
const INSTEAD: Readonly<Record<string, string>> = {
  // umoci has no zstd. These two archives hold the same files, by their INDEX.
  'oci-zstd.tar': 'oci-gzip.tar',
};

const images =
  ready && sharedImage('INDEX.md') !== undefined ? readdirSync(SHARED).filter((name) => name !== 'INDEX.md') : [];
for (const name of images) {
  compare(`${name} becomes the tree that umoci makes`, () => {
    // The archive has several images; both have no files.
    const suffix = name === 'podman-two-images.tar.xz' ? ':example.com/empty:latest' : '';
    const spec = (file: string) =>
      suffix === '' ? join(SHARED, file) : `docker-archive:${join(SHARED, file)}${suffix}`;
    const folder = tempDir();
    const found = tsimgTree(spec(name), folder);
    assert.equal(differences(found, umociTree(spec(INSTEAD[name] ?? name), folder)), []);
  });
}

compare('what skopeo writes in each of its forms becomes the tree that umoci makes', () => {
  const folder = tempDir();
  const plain = join(folder, 'example.tar');
  // skopeo 1.9 does not read compressed archives.
  writeFileSync(plain, execFileSync('gzip', ['-dc', EXAMPLE_ARCHIVE], { maxBuffer: 1 << 26 }));
  const forms = [
    `docker-archive:${join(folder, 'd.tar')}:a/b:c`,
    `oci-archive:${join(folder, 'o.tar')}:c`,
    `oci:${join(folder, 'o')}:c`,
    `dir:${join(folder, 'dir')}`,
  ];
  for (const form of forms) {
    execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', `docker-archive:${plain}`, form], { stdio: 'pipe' });
  }
  // One tree for all forms: in `dir:` skopeo labels plain layers as gzip, and umoci then fails.
  const expected = umociTree(`oci:${join(folder, 'o')}:c`, folder);
  assert.ok(expected.has('home/guest') && !expected.has('etc/motd'));
  for (const form of forms) {
    const here = join(folder, `work-${form.slice(0, form.indexOf(':'))}`);
    mkdirSync(here);
    assert.equal(differences(tsimgTree(form, here), expected), [], form);
  }
});

compare('what buildah commits and pushes becomes the tree that umoci makes', () => {
  const folder = tempDir();
  const buildah = (...args: readonly string[]) =>
    execFileSync(
      'buildah',
      ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs', ...args],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    ).trim();
  const content = join(folder, 'content');
  mkdirSync(join(content, 'sub'), { recursive: true });
  writeFileSync(join(content, 'sub', 'removed'), 'in the first layer only');
  writeFileSync(join(content, 'kept'), 'kept', { mode: 0o4755 });
  const first = buildah('from', 'scratch');
  buildah('copy', '--chown', '12:34', first, content, '/data');
  buildah('commit', '-q', '--format', 'docker', first, 'base');
  const second = buildah('from', 'base');
  const root = buildah('mount', second);
  rmSync(join(root, 'data/sub/removed'));
  writeFileSync(join(root, 'data/added'), 'added');
  buildah('umount', second);
  buildah('commit', '-q', '--format', 'oci', second, 'top');
  for (const form of [
    `oci-archive:${join(folder, 'top.tar')}:x`,
    `docker-archive:${join(folder, 'docker.tar')}:top:x`,
  ]) {
    buildah('push', '-q', 'top', form);
    const here = join(folder, `work-${form.slice(0, form.indexOf(':'))}`);
    mkdirSync(here);
    const found = tsimgTree(form, here);
    assert.is(found.get('data/kept')?.mode, '4755', form);
    assert.is(found.get('data/added')?.kind, 'file', form);
    assert.not(found.has('data/sub/removed'), form);
    assert.equal(differences(found, umociTree(form, here)), [], form);
  }
});

compare('what umoci repacks becomes the tree that umoci makes', () => {
  const folder = tempDir();
  const layout = join(folder, 'made');
  const { status, stderr } = tsimg(['save', '-q', '--format', 'oci-dir', '-o', layout, EXAMPLE_IMAGE]);
  assert.is(status, 0, stderr);
  const umoci = (...args: readonly string[]) => execFileSync('umoci', args, { stdio: 'pipe' });
  umoci('tag', '--image', `${layout}:docker.io/tsimg/example:latest`, 'x');
  umoci('unpack', '--image', `${layout}:x`, join(folder, 'work'));
  rmSync(join(folder, 'work/rootfs/home'), { recursive: true });
  writeFileSync(join(folder, 'work/rootfs/etc/added'), 'added');
  umoci('repack', '--image', `${layout}:y`, join(folder, 'work'));
  const found = tsimgTree(`oci:${layout}:y`, folder);
  assert.not(found.has('home'));
  umoci('unpack', '--image', `${layout}:y`, join(folder, 'expected'));
  assert.equal(differences(found, snapshot(join(folder, 'expected', 'rootfs'))), []);
});

test.run();
