import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../../src/events.ts';
import { MEDIA_TYPE } from '../../../src/oci/media-type.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { type PackOptions, packImage } from '../../../src/verbs/author/pack.ts';
import { openImage } from '../../../src/verbs/image/open-image.ts';
import { listFiles } from '../../../src/verbs/layers/list-files.ts';
import { failureOf } from '../../support/failure-of.ts';
import { asIdentity, IDENTITIES } from '../../support/host/as-user.ts';
import { authorWorld, EVERYTHING, ownDirectory, unpacked } from '../../support/image/authored.ts';
import { dir, file, tarOf } from '../../support/image/tar.ts';
import { differences, snapshot } from '../../support/image/tree-snapshot.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('verbs/author/pack');
const world = authorWorld();
const { folder } = world;

async function withEpoch<T>(seconds: string, action: () => Promise<T>): Promise<T> {
  process.env.SOURCE_DATE_EPOCH = seconds;
  try {
    return await action();
  } finally {
    delete process.env.SOURCE_DATE_EPOCH;
  }
}

/** The names, kinds and owners of an image. */
async function linesOf(name: string, options: PackOptions): Promise<readonly string[]> {
  await using opened = await openImage(name, options);
  const lines: string[] = [];
  for await (const { path, node } of listFiles(opened.image)) {
    const { uid, gid, mode } = node.attributes;
    lines.push(`${node.kind} ${mode.toString(8)} ${uid}:${gid} /${path}`);
  }
  return lines;
}

test('an archive of no bytes is refused, compressed or not', async () => {
  const options = world.options('root');
  for (const [name, content] of [
    ['none.tar', Buffer.alloc(0)],
    ['none.tar.gz', gzipSync('')],
  ] as const) {
    const path = join(folder, name);
    writeFileSync(path, content);
    for (const compression of [undefined, { kind: 'none' }, { kind: 'gzip' }] as const) {
      await failureOf(packImage(path, {}, { ...options, compression }), 'TAR_INVALID');
    }
  }
});

if (haveRoot()) {
  test('root who packs a tree of an ordinary user is told that the owners stay, unless the owners were chosen', async () => {
    const tree = join(folder, 'of-a-user');
    mkdirSync(tree);
    chownSync(tree, 4321, 4321);
    const warnings: string[] = [];
    const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
    const options = { ...world.options('root'), onEvent };
    await packImage(tree, {}, options);
    assert.equal(
      warnings.map((message) => /UID 4321; --ids single/.test(message)),
      [true],
    );
    for (const choice of [{ ids: 'root' }, { ids: 'single' }, { owner: { uid: 0, gid: 0 } }] as const) {
      await packImage(tree, {}, { ...options, ...choice });
    }
    assert.is(warnings.length, 1);
  });
}

const base = world.source(EVERYTHING);
const made = new Map<string, string>();

for (const identity of IDENTITIES) {
  const options = world.options(identity);

  test(`a tree that was unpacked is packed to the same tree, as ${identity}`, async () => {
    await asIdentity(identity, async () => {
      const tree = await unpacked(base, join(folder, `tree of ${identity}`), options);
      const { layers } = await packImage(tree, {}, { ...options, tags: ['packed:1'] });
      made.set(identity, layers[0]?.diffId ?? '');
      await unpacked('packed:1', join(folder, `again of ${identity}`), options);
    });
    assert.equal(
      differences(snapshot(join(folder, `again of ${identity}`)), snapshot(join(folder, `tree of ${identity}`))),
      [],
    );
    const lines = await asIdentity(identity, () => linesOf('packed:1', options));
    for (const line of [
      'file 4755 0:0 /bin/tool',
      'character-device 666 0:0 /dev/null',
      'file 0 0:42 /etc/shadow',
      'directory 2755 1000:1000 /home/app',
      'file 644 1000:1001 /home/app/data',
    ]) {
      assert.ok(lines.includes(line), `${line}: ${lines.join('\n')}`);
    }
  });

  test(`the same directory gives the same image, with SOURCE_DATE_EPOCH, as ${identity}`, async () => {
    await asIdentity(identity, async () => {
      const tree = join(folder, `tree of ${identity}`);
      const pack = () => withEpoch('1000', () => packImage(tree, { cmd: '["a"]' }, options));
      const one = await pack();
      assert.equal(await pack(), one);
      await using opened = await openImage(one.id, options);
      for await (const { path, node } of listFiles(opened.image)) {
        const { seconds, nanoseconds } = node.attributes.mtime;
        assert.ok(seconds < 1000 || (seconds === 1000 && nanoseconds === 0), path);
      }
    });
  });

  test(`a socket is left out with a warning, and no link is followed, as ${identity}`, async () => {
    const secret = join(folder, `secret of ${identity}`);
    mkdirSync(secret);
    writeFileSync(join(secret, 'key'), 'secret');
    const tree = ownDirectory(join(folder, `links of ${identity}`), { plain: 'x' });
    symlinkSync(secret, join(tree, 'directory'));
    symlinkSync(join(secret, 'key'), join(tree, 'file'));
    symlinkSync('../../../../../../../etc/passwd', join(tree, 'up'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(tree, 'socket'), resolve));
    const warnings: string[] = [];
    const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
    await asIdentity(identity, () => packImage(tree, {}, { ...options, tags: ['links:1'], onEvent }));
    server.close();
    assert.ok(warnings.includes('/socket is left out: it is a socket'), warnings.join('\n'));
    const lines = await asIdentity(identity, () => linesOf('links:1', options));
    assert.equal(
      lines.map((line) => line.replace(/ .* /, ' ')),
      ['directory /', 'symlink /directory', 'symlink /file', 'file /plain', 'symlink /up'],
    );
  });
}

if (IDENTITIES.length > 1) {
  test('the layer has the same bytes, whoever unpacked the tree', () => {
    assert.is(made.get('ordinary user'), made.get('root'));
  });

  test('root makes the same layer of the tree of a user, by the records in it', async () => {
    const warnings: string[] = [];
    const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
    const options = { ...world.options('root'), ids: 'single', onEvent } as const;
    const { layers } = await packImage(join(folder, 'tree of ordinary user'), {}, options);
    assert.equal([layers[0]?.diffId, warnings], [made.get('root'), []]);
    // Files of a third user are told: they may come of a tree with subordinate IDs.
    const tree = ownDirectory(join(folder, 'mixed'), { theirs: 'x', mine: 'y' });
    chownSync(join(tree, 'mine'), 0, 0);
    await packImage(tree, {}, options);
    assert.match(warnings.join('\n'), /^files of other users than the directory's count as root's \(1\)/);
  });
}

test('a file that the caller may not read is named', async () => {
  const tree = ownDirectory(join(folder, 'closed'), { open: 'x', closed: 'y' });
  chmodSync(join(tree, 'closed'), 0);
  const run = asIdentity('ordinary user', () => failureOf(packImage(tree, {}, world.options('ordinary user'))));
  const { code, where, what } = await run;
  assert.equal([code, where, what], ['FILESYSTEM', join(tree, 'closed'), 'cannot open a file']);
});

test('a name that means a deletion is refused', async () => {
  const tree = ownDirectory(join(folder, 'whiteouts'), { '.wh.x': '' });
  const { where } = await failureOf(packImage(tree, {}, world.options('root')), 'FORMAT_UNSUPPORTED');
  assert.is(where, '.wh.x');
});

test('platform, settings and owner are those that are asked for', async () => {
  const options = world.options('root');
  const tree = ownDirectory(join(folder, 'settings'), { a: 'x' });
  const platform = parsePlatform('linux/arm/v7');
  const edit = { env: ['A=1'], cmd: '["run"]', annotation: ['k=v'], label: ['l=m'], workdir: '/w' };
  const { id } = await packImage(tree, edit, { ...options, platform, owner: { uid: 7, gid: 8 } });
  await using opened = await openImage(id, { ...options, platform });
  const { config, manifest } = opened.image;
  assert.equal({ ...config.platform }, { os: 'linux', architecture: 'arm', variant: 'v7', osVersion: undefined });
  assert.equal([config.run.env, config.run.cmd, config.run.workingDir], [['A=1'], ['run'], '/w']);
  assert.equal({ ...manifest.annotations }, { k: 'v' });
  assert.is(config.history.length, 1);
  const lines = await linesOf(id, { ...options, platform });
  assert.equal(lines, ['directory 755 7:8 /', 'file 644 7:8 /a']);
});

const tar = tarOf(dir('etc'), file('etc/motd', 'hello'));
const sha = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

test('the bytes of a tar stay as they are, and so does its compression', async () => {
  const options = world.options('root');
  const gz = gzipSync(tar, { level: 1 });
  const path = join(folder, 'a.tar');
  writeFileSync(path, tar);
  writeFileSync(`${path}.gz`, gz);
  const [zipped] = (await packImage(`${path}.gz`, {}, options)).layers;
  assert.equal(zipped, { mediaType: MEDIA_TYPE.ociLayerGzip, digest: sha(gz), diffId: sha(tar), size: gz.length });
  const [plain] = (await packImage(path, {}, options)).layers;
  assert.equal([plain?.mediaType, plain?.diffId], [MEDIA_TYPE.ociLayerGzip, sha(tar)]);
  const [stored] = (await packImage(`${path}.gz`, {}, { ...options, compression: { kind: 'none' } })).layers;
  assert.equal(stored, { mediaType: MEDIA_TYPE.ociLayer, digest: sha(tar), diffId: sha(tar), size: tar.length });
  await using opened = await openImage(
    (await packImage(`${path}.gz`, {}, { ...options, compression: { kind: 'zstd', level: 19 } })).id,
    options,
  );
  assert.is(opened.image.layers[0]?.descriptor.mediaType, MEDIA_TYPE.ociLayerZstd);
  assert.is((await opened.image.layers[0]?.open())?.read === undefined, false);
  const names: string[] = [];
  for await (const entry of listFiles(opened.image)) names.push(entry.path);
  assert.equal(names, ['', 'etc', 'etc/motd']);
});

test('what is no archive of a root filesystem is refused', async () => {
  const options = world.options('root');
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['images.tar', tarOf(file('oci-layout', '{}'), file('index.json', '{}')), 'FORMAT_UNSUPPORTED'],
    ['docker.tar', tarOf(file('manifest.json', '[]'), file('repositories', '{}')), 'FORMAT_UNSUPPORTED'],
    ['text', Buffer.from('hello '.repeat(1000)), 'TAR_INVALID'],
    ['broken.gz', gzipSync(tar).subarray(0, 60), 'COMPRESSION_INVALID'],
    ['short.tar', tar.subarray(0, 700), 'TAR_INVALID'],
  ];
  for (const [name, bytes, code] of cases) {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    assert.is((await failureOf(packImage(path, {}, options))).code, code, name);
  }
  await failureOf(packImage(join(folder, 'missing'), {}, options), 'SOURCE_NOT_FOUND');
  await failureOf(packImage(folder, {}, { ...options, compression: { kind: 'gzip', level: 10 } }), 'USAGE');
});

test('a root directory that not all users may enter is told', async () => {
  const tree = ownDirectory(join(folder, 'private'), {});
  chmodSync(tree, 0o700);
  const warnings: string[] = [];
  const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
  await packImage(tree, {}, { ...world.options('root'), onEvent });
  assert.match(warnings.join('\n'), /has the mode 0700, .*: not all users may enter it$/m);
});

if (haveRoot() && haveTools('skopeo', 'umoci', 'setfattr', 'tar')) {
  test('GNU tar lists the layer, and umoci unpacks the image to the same tree', async () => {
    const options = world.options('root');
    const to = join(folder, 'for-umoci');
    const tree = join(folder, 'tree of root');
    utimesSync(tree, 0, 0);
    const { layers } = await packImage(tree, {}, { ...options, output: `oci:${to}:1` });
    const digest = layers[0]?.digest ?? '';
    const layer = gunzipSync(readFileSync(join(to, 'blobs', ...digest.split(':'))));
    const listed = spawnSync('tar', ['-tvf', '-'], { input: layer, encoding: 'utf8' });
    assert.equal([listed.status, listed.stderr], [0, '']);
    const bundle = join(folder, 'bundle');
    const { status, stderr } = spawnSync('umoci', ['unpack', '--image', `${to}:1`, bundle], { encoding: 'utf8' });
    assert.is(status, 0, stderr);
    assert.equal(differences(snapshot(join(bundle, 'rootfs')), snapshot(tree)), []);
    const inspected = spawnSync('skopeo', ['inspect', `oci:${to}:1`], { encoding: 'utf8' });
    assert.is(inspected.status, 0, inspected.stderr);
  });
}

test.run();
