import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildRootfs } from '../../src/disk/build-rootfs.ts';
import { failureOf } from '../support/failure-of.ts';
import { asIdentity, IDENTITIES, type Identity, ORDINARY } from '../support/host/as-user.ts';
import { layerInputs } from '../support/image/layer-input.ts';
import { charDevice, dir, entry, fifo, file, hardlink, symlink, tarOf, whiteout } from '../support/image/tar.ts';
import { differences, snapshot } from '../support/image/tree-snapshot.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot } from '../support/tools.ts';

const test = suite('disk/build-rootfs');

/** Makes a folder of the identity, in which a destination `to` can be made. */
async function place(identity: Identity): Promise<string> {
  const outer = tempDir(0o777);
  const inner = join(outer, 'place');
  await asIdentity(identity, () => mkdirSync(inner));
  return inner;
}

for (const identity of IDENTITIES) {
  const make = (layers: readonly Buffer[], to: string, options = {}) =>
    asIdentity(identity, () => buildRootfs(layerInputs(...layers), to, options));

  test(`as ${identity}: layers become a tree with content, modes, links and times`, async () => {
    const here = await place(identity);
    const base = tarOf(
      dir('etc', { mtime: 1_000_000_000 }),
      file('etc/motd', 'hello\n', { mode: 0o640, mtime: '-1.5' }),
      file('etc/old', 'old'),
      symlink('motd', 'etc/motd', { mtime: 5 }),
      file('bin/busybox', 'x'.repeat(70_000), { mode: 0o755 }),
      hardlink('bin/sh', 'bin/busybox'),
      fifo('pipe', { mode: 0o620 }),
      file('empty', '', { mode: 0o600 }),
    );
    const top = tarOf(whiteout('etc/old'), file('etc/new', 'new'));
    const report = await make([base, top], join(here, 'to'));
    assert.equal([report.layers, report.names], [2, 9]);

    const found = snapshot(join(here, 'to'));
    assert.equal(
      [...found].map(([path, line]) => `${path} ${line.kind} ${line.mode} ${line.size}`),
      [
        ' directory 0755 0',
        'bin directory 0755 0',
        'bin/busybox file 0755 70000',
        'bin/sh file 0755 70000',
        'empty file 0600 0',
        'etc directory 0755 0',
        'etc/motd file 0640 6',
        'etc/new file 0644 3',
        'motd symlink 0777 8',
        'pipe fifo 0620 0',
      ],
    );
    assert.is(found.get('bin/sh')?.first, 'bin/busybox');
    assert.is(found.get('bin/sh')?.links, 2n);
    assert.is(found.get('etc/motd')?.mtime, -1_500_000_000n);
    assert.is(found.get('etc')?.mtime, 1_000_000_000_000_000_000n);
    assert.is(found.get('bin')?.mtime, 0n);
    assert.is(found.get('motd')?.mtime, 5_000_000_000n);
    assert.is(found.get('motd')?.content, 'etc/motd');
    assert.equal(readdirSync(here), ['to']);
  });

  test(`as ${identity}: an existing empty directory is replaced, one with content is refused`, async () => {
    const here = await place(identity);
    const to = join(here, 'to');
    await asIdentity(identity, () => mkdirSync(to));
    await make([tarOf(file('a', '1'))], to);
    const error = await failureOf(make([tarOf(file('b', '2'))], to), 'DESTINATION_EXISTS');
    assert.match(error.hint ?? '', '--force');
    assert.equal(readdirSync(to), ['a']);
    await make([tarOf(file('b', '2'))], to, { force: true });
    assert.equal(readdirSync(to), ['b']);
    assert.equal(readdirSync(here), ['to']);
  });

  test(`as ${identity}: a directory that must stay is filled`, async () => {
    const here = await place(identity);
    const to = join(here, 'to');
    await asIdentity(identity, () => mkdirSync(to));
    const before = lstatSync(to).ino;
    const old = process.cwd();
    process.chdir(to);
    try {
      await make([tarOf(dir('.', { mode: 0o751, mtime: 7 }), file('c', '1'))], '.');
    } finally {
      process.chdir(old);
    }
    const stat = lstatSync(to);
    assert.equal([stat.ino, stat.mode & 0o7777, stat.mtimeMs], [before, 0o751, 7000]);
    assert.equal(readdirSync(to), ['c']);
  });

  test(`as ${identity}: an error leaves nothing new, and the destination as it was`, async () => {
    const here = await place(identity);
    const to = join(here, 'to');
    await make([tarOf(file('a', '1'))], to);
    const before = snapshot(to);
    const closed = [dir('d', { mode: 0 }), file('d/f', 'x', { mode: 0 }), file('big', 'y'.repeat(5000))];
    await failureOf(make([tarOf(...closed, hardlink('l', 'nothing'))], to, { force: true }), 'LAYER_INVALID');
    await failureOf(make([tarOf(...closed).subarray(0, 2500)], to, { force: true }), 'TAR_INVALID');
    const wrong = layerInputs(tarOf(...closed)).map((layer) => ({ ...layer, diffId: layerInputs(tarOf())[0]?.diffId }));
    await failureOf(
      asIdentity(identity, () => buildRootfs(wrong, to, { force: true })),
      'DIFF_ID_MISMATCH',
    );
    assert.equal(differences(snapshot(to), before), []);
    assert.equal(readdirSync(here), ['to']);
  });

  test(`as ${identity}: an abort leaves nothing`, async () => {
    const here = await place(identity);
    const abort = new AbortController();
    const [layer] = layerInputs(tarOf(file('a', 'x'.repeat(4000))));
    assert.ok(layer);
    const stuck = new Readable({ read() {} });
    stuck.push(tarOf(file('a', 'x'.repeat(4000))).subarray(0, 1500));
    setTimeout(() => abort.abort(), 20);
    const endless = { ...layer, open: async () => stuck };
    const failed = asIdentity(identity, () => buildRootfs([endless], join(here, 'to'), { signal: abort.signal }));
    await failed.then(
      () => assert.unreachable('it should have stopped'),
      (error: unknown) => assert.is(error instanceof Error ? error.name : '', 'AbortError'),
    );
    assert.equal(readdirSync(here), []);
  });

  test(`as ${identity}: the umask does not matter`, async () => {
    const here = await place(identity);
    const old = process.umask(0o777);
    try {
      await make(
        [tarOf(dir('d', { mode: 0o777 }), file('d/f', 'x', { mode: 0o666 }), file('i/f', ''))],
        join(here, 'to'),
      );
    } finally {
      process.umask(old);
    }
    const found = snapshot(join(here, 'to'));
    assert.equal(
      [...found.values()].map((line) => line.mode),
      ['0755', '0777', '0666', '0755', '0644'],
    );
  });

  test(`as ${identity}: holes stay holes`, async () => {
    const here = await place(identity);
    const sparse = entry('0', 'sparse', 'abcd', {
      pax: {
        'GNU.sparse.numblocks': '1',
        'GNU.sparse.map': '1048576,4',
        'GNU.sparse.size': '8388608',
        'GNU.sparse.name': 'sparse',
      },
    });
    await make([tarOf(sparse)], join(here, 'to'));
    const stat = lstatSync(join(here, 'to', 'sparse'));
    assert.is(stat.size, 8_388_608);
    assert.ok(stat.blocks * 512 < 1_000_000, `${stat.blocks} blocks`);
    assert.is(readFileSync(join(here, 'to', 'sparse')).toString('latin1', 1_048_576, 1_048_580), 'abcd');
  });

  test(`as ${identity}: names and targets stay bytes`, async () => {
    const here = await place(identity);
    const name = Buffer.from([0x61, 0xff, 0x0a, 0xfe]);
    await make([tarOf(file(name, 'x'), symlink('l', name))], join(here, 'to'));
    const found = snapshot(join(here, 'to'));
    assert.equal([...found.keys()], ['', 'a\xff\n\xfe', 'l']);
    assert.is(found.get('l')?.content, 'a\xff\n\xfe');
  });

  test(`as ${identity}: a destination without a parent, a file, and a dangling link are refused`, async () => {
    const here = await place(identity);
    writeFileSync(join(here, 'file'), '');
    symlinkSync('nowhere', join(here, 'link'));
    const error = await failureOf(make([tarOf()], join(here, 'no/to')), 'DESTINATION_INVALID');
    assert.match(error.hint ?? '', 'mkdir -p');
    await failureOf(make([tarOf()], join(here, 'file')), 'DESTINATION_INVALID');
    await failureOf(make([tarOf()], join(here, 'link')), 'DESTINATION_INVALID');
    await failureOf(make([tarOf()], '/', { force: true }), 'DESTINATION_INVALID');
    assert.equal(readdirSync(here).sort(), ['file', 'link']);
  });

  test(`as ${identity}: --force removes closed directories, and never follows links`, async () => {
    const here = await place(identity);
    const outside = join(here, 'outside');
    await asIdentity(identity, () => mkdirSync(outside));
    writeFileSync(join(outside, 'canary'), 'alive');
    const to = join(here, 'to');
    await make([tarOf(dir('d', { mode: 0 }), file('d/e/f', 'x'), symlink('l', outside), symlink('d/up', '..'))], to);
    await make([tarOf()], to, { force: true });
    assert.is(readFileSync(join(outside, 'canary'), 'utf8'), 'alive');
    assert.equal(readdirSync(here).sort(), ['outside', 'to']);
  });
}

/** A label of another host's policy: it is left out. */
const LABEL = { 'security.selinux': 'system_u:object_r:container_file_t:s0' };

test('root gives files to their owners, makes devices and sets every xattr but an SELinux label', async () => {
  if (!haveRoot()) return;
  const here = await place('root');
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  const layer = tarOf(
    file('f', 'x', { uid: 1000, gid: 2000, mode: 0o6755, xattrs: { 'security.capability': capability, ...LABEL } }),
    symlink('l', 'f', { uid: 3, gid: 4 }),
    charDevice('null', 1, 3, { mode: 0o666 }),
    dir('d', { uid: 5, xattrs: { 'user.note': 'hi', 'trusted.x': 'y', ...LABEL } }),
    file('far', '', { uid: 4_294_967_294, gid: 1_516_583_083 }),
  );
  const report = await buildRootfs(layerInputs(layer), join(here, 'to'));
  assert.is(report.tolerated.get('selinux-labels'), 2);
  const found = snapshot(join(here, 'to'));
  const f = found.get('f');
  assert.equal(
    [f?.mode, f?.owner, f?.xattrs],
    ['6755', '1000:2000', [`security.capability=${capability.toString('hex')}`]],
  );
  assert.is(found.get('l')?.owner, '3:4');
  assert.is(found.get('null')?.content, `device ${0x103}`);
  assert.is(found.get('null')?.mode, '0666');
  assert.equal(found.get('d')?.xattrs, ['trusted.x=79', 'user.note=6869']);
  assert.is(found.get('far')?.owner, '4294967294:1516583083');
});

test('an ordinary user can read, change and remove everything, and attributes are recorded', async () => {
  const here = await place('ordinary user');
  const to = join(here, 'to');
  const layer = tarOf(
    dir('closed', { mode: 0o055, uid: 5 }),
    file('closed/f', 'x', { mode: 0o004, uid: 0, gid: 5 }),
    file('plain', 'x', { mode: 0o644 }),
    charDevice('null', 1, 3, { mode: 0o666, uid: 7, gid: 8 }),
    symlink('l', 'plain', { uid: 3 }),
  );
  const report = await asIdentity('ordinary user', () => buildRootfs(layerInputs(layer), to));
  const found = snapshot(to);
  const hex = (text: string) => Buffer.from(text).toString('hex');
  const summary = [...found].map(([path, { kind, mode, xattrs }]) => [path, kind, mode, ...xattrs].join(' '));
  assert.equal(summary, [
    ' directory 0755',
    `closed directory 0755 user.rootlesscontainers=080510ffffffff0f user.tsimg.intended=${hex('055')}`,
    `closed/f file 0604 user.rootlesscontainers=08ffffffff0f1005 user.tsimg.intended=${hex('04')}`,
    'l symlink 0777',
    `null file 0666 user.rootlesscontainers=08071008 user.tsimg.intended=${hex('0666 c 1 3')}`,
    'plain file 0644',
  ]);
  const me = process.geteuid?.() === 0 ? ORDINARY : process.geteuid?.();
  assert.ok([...found.values()].every((line) => line.owner.startsWith(`${me}:`)));
  assert.equal(Object.fromEntries(report.tolerated), { owners: 4, modes: 2, devices: 1 });
  await asIdentity('ordinary user', () => buildRootfs(layerInputs(tarOf()), to, { force: true }));
  assert.equal(readdirSync(to), []);
});

test('strict makes an error of each thing that an ordinary user cannot do, and leaves nothing', async () => {
  const here = await place('ordinary user');
  const make = (layer: Buffer, options: object) =>
    asIdentity('ordinary user', () => buildRootfs(layerInputs(layer), join(here, 'to'), options));
  await failureOf(make(tarOf(file('f', 'x', { uid: 5 })), { strict: true }), 'POLICY_VIOLATED');
  await failureOf(make(tarOf(charDevice('c', 1, 3)), { strict: true }), 'POLICY_VIOLATED');
  const trusted = tarOf(file('f', 'x', { xattrs: { 'trusted.x': 'y' } }));
  await failureOf(make(trusted, { policy: { xattrs: 'strict' } }), 'POLICY_VIOLATED');
  assert.not(existsSync(join(here, 'to')));
  assert.is((await make(trusted, {})).tolerated.get('xattrs'), 1);
});

test.run();
