import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadImage } from '../../../src/image/load.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { entriesOf } from '../../../src/rootfs/tree.ts';
import { openSource } from '../../../src/sources/open.ts';
import { foldImage } from '../../../src/verbs/layers/fold-image.ts';
import { exportImage } from '../../../src/verbs/rootfs/export.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage, memorySource } from '../../support/image/image.ts';
import {
  charDevice,
  dir,
  fifo,
  file,
  hardlink,
  symlink,
  type TarPart,
  tarOf,
  whiteout,
} from '../../support/image/tar.ts';
import { sharedImage } from '../../support/shared-images.ts';
import { tempDir } from '../../support/temp-dir.ts';

const platform = parsePlatform('linux/amd64');
const test = suite('verbs/rootfs/export');

async function exported(...layers: readonly (readonly TarPart[])[]): Promise<string> {
  const made = makeImage({ layers: layers.map((parts) => tarOf(...parts)), gzip: true });
  const path = join(tempDir(), 'rootfs.tar');
  await exportImage(await loadImage(memorySource(made.descriptor, made.blobs), { platform }), { path });
  return path;
}

function gnuTar(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('tar', args, { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
  assert.is(status, 0, stderr);
  return stdout;
}

test('the layers are flattened, and GNU tar reads the archive', async () => {
  const path = await exported(
    [
      dir('etc'),
      file('etc/old'),
      file('etc/motd', 'hello', { mode: 0o4640, uid: 7, gid: 8 }),
      symlink('link', 'etc/motd'),
    ],
    [whiteout('etc/old'), charDevice('null', 1, 3), fifo('pipe'), hardlink('twin', 'etc/motd')],
  );
  assert.equal(gnuTar('-tf', path).trim().split('\n'), ['etc/', 'etc/motd', 'link', 'null', 'pipe', 'twin']);
  assert.is(gnuTar('-xOf', path, 'etc/motd'), 'hello');
  const listing = gnuTar('-tvf', path);
  assert.match(listing, /-rwSr----- 7\/8 +5 .* etc\/motd/);
  assert.match(listing, /crw-r--r-- 0\/0 +1,3 .* null/);
  assert.match(listing, /hrwSr----- 7\/8 .* twin link to etc\/motd/);
});

test('another mode of the root is kept', async () => {
  assert.match(gnuTar('-tvf', await exported([dir('.', { mode: 0o700 }), file('a')])), /drwx------ .* \.\//);
});

test('an exported image unpacks to the same root filesystem', async () => {
  const shared = sharedImage('busybox-1.38-glibc-amd64-layout');
  if (shared === undefined) return;
  const { source } = await openSource(shared, { storeRoot: '/nonexistent' });
  const image = await loadImage(source, { platform });
  const path = join(tempDir(), 'rootfs.tar');
  await exportImage(image, { path });
  const again = await openSource(path, { storeRoot: '/nonexistent' });
  const facts = async (loaded: typeof image) =>
    [...entriesOf(await foldImage(loaded))].map(({ path: name, node }) => {
      const { attributes, kind } = node;
      return {
        name,
        kind,
        ...attributes,
        size: node.kind === 'file' ? node.size : 0,
        shared: 'shared' in node && node.shared,
      };
    });
  const before = (await facts(image)).filter(({ name }) => name !== '');
  const after = (await facts(await loadImage(again.source))).filter(({ name }) => name !== '');
  assert.ok(before.length > 400);
  assert.equal(after, before);
  await again.source.close();
  await exportImage(image, { path: `${path}2` });
  assert.ok(readFileSync(path).equals(readFileSync(`${path}2`)));
  await source.close();
});

test('a damaged layer leaves no archive', async () => {
  const made = makeImage({
    layers: [tarOf(file('a'))],
    config: { rootfs: { diff_ids: [`sha256:${'0'.repeat(64)}`] } },
  });
  const folder = tempDir();
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  await failureOf(exportImage(image, { path: join(folder, 'a') }), 'DIFF_ID_MISMATCH');
  assert.equal(readdirSync(folder), []);
  // No layer is read for an archive that cannot have its name
  await failureOf(exportImage(image, { path: join(folder, 'gone', 'a') }), 'DESTINATION_INVALID');
  await failureOf(exportImage(image, { path: folder }), 'DESTINATION_EXISTS');
});

test.run();
