import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { EXAMPLE, type ImageStore, makeImageStore } from '../../support/changed-container.ts';
import { runInContainer } from '../../support/container.ts';
import { defineRuns, type RunFixture } from '../../support/define-runs.ts';
import type { OrdinaryUser } from '../../support/ordinary-user.ts';
import { hasOwnEtc, ROOT_RANGE as range } from '../../support/own-etc.ts';
import { tempDir } from '../../support/temp-dir.ts';

const asRoot = suite('--userns as root');
const asUser = suite('--userns as an ordinary user');
const images = suite('--userns auto with images');
const keptImages = suite('--userns keep-id with images');

/** The user whose IDs are kept. */
let ordinary: OrdinaryUser | undefined;

/** Names, owners, modes and contents of all files below a folder. */
function snapshot(folder: string): string {
  const { stdout } = spawnSync('tar', ['--numeric-owner', '--sort=name', '-C', folder, '-c', '.'], {
    maxBuffer: 1 << 28,
  });
  return spawnSync('sha256sum', { input: stdout, encoding: 'utf8' }).stdout;
}

function ownersIn(folder: string, name: string): readonly number[] {
  const { uid, gid } = lstatSync(join(folder, name));
  return [uid, gid];
}

/** `upper` of the only container. */
function upperOf({ root }: ImageStore): string {
  const [id = ''] = readdirSync(join(root, 'containers')).filter((name) => /^[0-9a-f]{64}$/.test(name));
  return join(root, 'containers', id, 'upper');
}

function define(test: Test, { sh, freshRootfs, user }: RunFixture): void {
  const sh2 = (rootfs: string, script: string, request: Partial<RunRequest> = {}) =>
    runInContainer({ rootfs, request: { command: ['/bin/sh', '-c', script], userns: 'auto', ...request } });

  if (user !== undefined) {
    ordinary = user;
    test('host and auto are the same map: root is the caller', async () => {
      const maps = await Promise.all(
        (['host', 'auto'] as const).map((userns) => sh('cat /proc/self/uid_map', { userns })),
      );
      const [host, auto] = maps;
      assert.equal(auto, host);
      assert.match(host?.stdout ?? '', new RegExp(`^ +0 +${user.uid} +1\n`));
    });

    test('keep-id: the command has the caller’s IDs, and no capabilities; owners of files are the same', async () => {
      const folder = tempDir(0o777);
      const script =
        'id -u; id -g; touch /d/new; stat -c %u:%g /d/new; grep CapEff /proc/self/status; stat -c %u /dev /etc/hosts';
      const { status, stdout, stderr } = await sh(script, { userns: 'keep-id', volumes: [`${folder}:/d`] });
      assert.is(status, 0, stderr);
      const { uid, gid } = user;
      assert.is(stdout, `${uid}\n${gid}\n${uid}:${gid}\nCapEff:\t0000000000000000\n0\n0\n`);
      assert.equal(ownersIn(folder, 'new'), [uid, gid]);
    });

    test('keep-id: root of the container, by -u, is a subordinate ID', async () => {
      const folder = tempDir(0o777);
      const rootfs = freshRootfs();
      const script = 'id -u; touch /d/new';
      const request = { userns: 'keep-id', user: '0', volumes: [`${folder}:/d`] } as const;
      const { status, stdout, stderr } = await runInContainer(
        { rootfs, request: { command: ['/bin/sh', '-c', script], ...request } },
        { user },
      );
      assert.equal([status, stdout], [0, '0\n'], stderr);
      const { uid: owner } = statSync(join(folder, 'new'));
      assert.ok(owner !== user.uid && owner !== 0, String(owner));
    });

    test('keep-id: a terminal works, and is the caller’s', async () => {
      const { status, stdout } = await sh('stat -c %u $(tty)', { userns: 'keep-id', terminal: true });
      assert.equal([status, stdout.trim()], [0, String(user.uid)]);
    });
    return;
  }

  test('keep-id is for ordinary users', async () => {
    assert.is((await sh('true', { userns: 'keep-id' })).status, 125);
  });

  test('auto: root of the container is a subordinate ID outside, and files keep the image’s IDs', async () => {
    const rootfs = freshRootfs();
    const { status, stdout, stderr } = await sh2(
      rootfs,
      'cat /proc/self/uid_map; stat -c %u /bin; touch /made; chown 7:8 /made; stat -c %u:%g /made',
    );
    assert.is(status, 0, stderr);
    assert.match(stdout, new RegExp(`^ +0 +${range.start} +${range.count}\n0\n7:8\n$`));
    assert.equal(ownersIn(rootfs, 'made'), [7, 8]);
  });

  test('auto: root of the container has no more access to the host’s files than other users', async () => {
    const parent = tempDir(0o700);
    const folder = join(parent, 'shared');
    mkdirSync(folder);
    writeFileSync(join(folder, 'secret'), 'secret\n', { mode: 0o600 });
    writeFileSync(join(folder, 'public'), 'public\n', { mode: 0o644 });
    const script = 'cat /d/public; cat /d/secret || echo refused; touch /d/new || echo refused; stat -c %u /d/secret';
    const { stdout } = await sh(script, { userns: 'auto', volumes: [`${folder}:/d`] });
    assert.is(stdout, 'public\nrefused\nrefused\n65534\n');
    assert.not(existsSync(join(folder, 'new')));
  });

  test('auto: a read-only volume stays read-only', async () => {
    const folder = tempDir(0o777);
    const { stdout } = await sh('touch /d/new || echo refused', { userns: 'auto', volumes: [`${folder}:/d:ro`] });
    assert.is(stdout, 'refused\n');
  });

  test('auto: neither links of the root filesystem lead out of it, nor is /proc or /dev mounted over one', async () => {
    const outside = tempDir(0o777);
    const linked = freshRootfs();
    symlinkSync(outside, join(linked, 'out'));
    await sh2(linked, 'true', { volumes: [`${tempDir(0o755)}:/out/place`] });
    assert.equal(readdirSync(outside), []);
    const spoilt = freshRootfs();
    spawnSync('rm', ['-rf', join(spoilt, 'proc')]);
    symlinkSync(outside, join(spoilt, 'proc'));
    assert.is((await sh2(spoilt, 'true')).status, 125);
  });

  for (const [what, request] of [
    ['the host’s network', { network: 'host' }],
    ['the host’s processes', { pid: 'host' }],
    ['the host’s shared memory', { ipc: 'host' }],
    ['all capabilities', { privileged: true }],
    ['chroot alone', { isolation: 'chroot' }],
    ['another user', { user: '5:6' }],
    ['a root that cannot be changed', { readOnly: true }],
  ] as const) {
    test(`auto goes with ${what}`, async () => {
      const { status, stderr } = await sh('test -e /proc/self/status', { userns: 'auto', ...request });
      assert.is(status, 0, stderr);
    });
  }

  test('auto: all capabilities in the container give no rights of the host’s root', async () => {
    const folder = tempDir(0o755);
    writeFileSync(join(folder, 'secret'), 'secret\n', { mode: 0o600 });
    const { stdout } = await sh('cat /d/secret || echo refused', {
      userns: 'auto',
      privileged: true,
      volumes: [`${folder}:/d`],
    });
    assert.is(stdout, 'refused\n');
  });
}

function defineImages(): void {
  const store = makeImageStore(undefined);
  const auto = (name: string, script: string) => store.change(name, script, '--userns', 'auto');

  images('layers are shared with other containers and stay as they are; changes have the image’s IDs', () => {
    store.ok('run', '-q', '--rm', '--network', 'none', EXAMPLE, 'true');
    const layers = join(store.root, 'layers');
    const before = snapshot(layers);
    const out = auto(
      'c1',
      'stat -c %u /bin; touch /made; chown 7:8 /made; rm -r /home; mkdir -m 700 /own; echo >>/etc/passwd',
    );
    assert.is(out, '0\n');
    assert.is(snapshot(layers), before);
    assert.equal(readdirSync(layers), ['root']);
    const upper = upperOf(store);
    assert.equal(
      [ownersIn(upper, 'made'), ownersIn(upper, 'own')],
      [
        [7, 8],
        [0, 0],
      ],
    );
    assert.ok(lstatSync(join(upper, 'home')).isCharacterDevice());
  });

  images('diff, cp, commit, inspect and start know such a container', () => {
    assert.is(store.ok('diff', 'c1'), 'C /etc\nC /etc/passwd\nD /home\nA /made\nA /own\n');
    const { stdout } = store.call(['cp', 'c1:/made', '-']);
    assert.match(stdout, /made/);
    writeFileSync(join(store.folder, 'in'), 'in\n');
    store.ok('cp', 'in', 'c1:/own/in');
    assert.equal(ownersIn(join(upperOf(store), 'own'), 'in'), [0, 0]);
    assert.is(JSON.parse(store.ok('inspect', 'c1'))[0].HostConfig.UsernsMode, 'auto');
    store.ok('commit', '-q', 'c1', 'tsimg/changed:1');
    assert.is(
      store.ok('run', '-q', '--rm', '--network', 'none', 'tsimg/changed:1', 'stat', '-c', '%u:%g', '/made'),
      '7:8\n',
    );
    store.ok('start', 'c1');
    store.ok('rm', '-f', 'c1');
    assert.equal(readdirSync(join(store.root, 'containers')), ['names']);
  });

  images('exec is root of the user namespace and no more; cp waits until the container has ended', () => {
    store.ok('run', '-q', '-d', '--name', 'c2', '--network', 'none', '--userns', 'auto', EXAMPLE, 'sleep', '600');
    const script = 'touch /by-exec; cat /proc/self/uid_map; grep CapEff /proc/self/status; echo out >/dev/stdout';
    assert.match(
      store.ok('exec', 'c2', 'sh', '-c', script),
      new RegExp(`^ +0 +${range.start} .*\nCapEff:\t00000000800405fb\nout\n$`),
    );
    assert.equal(ownersIn(upperOf(store), 'by-exec'), [0, 0]);
    assert.is(store.ok('exec', '-u', '7:8', 'c2', 'id', '-g'), '8\n');
    assert.is(store.call(['exec', '-u', '4000000000', 'c2', 'id']).status, 125);
    assert.match(store.call(['cp', 'c2:/by-exec', '-']).stderr, /--userns auto/);
    assert.is(store.call(['exec', '--toolbox', EXAMPLE, 'c2', 'true']).status, 125);
    store.ok('rm', '-f', 'c2');
  });

  images.after(() => store.remove());
}

function defineKeptImages(user: OrdinaryUser): void {
  const store = makeImageStore(user);
  keptImages('the root directory is root’s, what the command makes is the caller’s, and all verbs know it', () => {
    const out = store.change('k1', 'id -u; stat -c %u /; touch /tmp/made', '--userns', 'keep-id');
    assert.is(out, `${user.uid}\n0\n`);
    assert.equal(ownersIn(upperOf(store), 'tmp/made'), [user.uid, user.gid]);
    assert.is(store.ok('diff', 'k1'), 'C /tmp\nA /tmp/made\n');
    store.ok('commit', '-q', 'k1', 'tsimg/changed:1');
    assert.match(store.ok('cp', 'k1:/tmp/made', '-'), /made/);
    store.ok('start', 'k1');
    store.ok('rm', '-f', 'k1');
  });

  keptImages('exec is the caller, or root of the container by -u; cp works while it runs', () => {
    store.ok('run', '-q', '-d', '--name', 'k2', '--network', 'none', '--userns', 'keep-id', EXAMPLE, 'sleep', '600');
    assert.is(store.ok('exec', 'k2', 'id', '-u'), `${user.uid}\n`);
    assert.is(store.ok('exec', '-u', '0', 'k2', 'sh', '-c', 'touch /r; stat -c %u /r'), '0\n');
    writeFileSync(join(store.folder, 'in'), 'in\n', { mode: 0o644 });
    store.ok('cp', 'in', 'k2:/tmp/in');
    assert.is(store.ok('exec', 'k2', 'stat', '-c', '%u', '/tmp/in'), '0\n');
    const other = store.call(['run', '--rm', '--network', 'container:k2', EXAMPLE, 'true']);
    assert.match(other.stderr, /the same --userns/);
    store.ok('rm', '-f', 'k2');
    assert.equal(readdirSync(join(store.root, 'containers')), ['names']);
  });

  keptImages.after(() => store.remove());
}

if (hasOwnEtc(import.meta.filename)) {
  defineRuns(asRoot, asUser, define);
  defineImages();
  if (ordinary !== undefined) defineKeptImages(ordinary);
  asRoot.run();
  asUser.run();
  images.run();
  keptImages.run();
}
