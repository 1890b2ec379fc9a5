import { spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { EXAMPLE, type ImageStore, makeImageStore } from '../../support/container/changed-container.ts';
import { runInContainer } from '../../support/container/container.ts';
import { defineRuns, type RunFixture } from '../../support/container/define-runs.ts';
import type { OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { hasOwnEtc, ROOT_RANGE as range } from '../../support/host/own-etc.ts';
import { readWhole } from '../../support/image/read-tar.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

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

  test('auto: a file system whose files cannot be shown with other IDs is an error with a way out', async () => {
    const [lower, rootfs, upper, work] = [freshRootfs(), tempDir(0o755), tempDir(0o755), tempDir()];
    const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    assert.is(spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, rootfs]).status, 0);
    try {
      const { status, stderr } = await sh2(rootfs, 'true');
      assert.is(status, 125);
      assert.match(stderr, /the files cannot be shown with other IDs .*no ID-mapped mounts/);
    } finally {
      spawnSync('umount', [rootfs]);
    }
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

/** crun of Debian 12 refuses hosts with both cgroup versions, so it is shown the unified hierarchy alone. */
const UNIFIED = 'umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"';

/** Runs a container by an OCI runtime. */
function runBelow(runtime: string, { root, folder }: ImageStore, words: readonly string[], user?: OrdinaryUser) {
  const become =
    user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];
  const command = [...become, process.execPath, MAIN, 'run', '-q', '--rm', '--runtime', runtime, ...words];
  const script = runtime === 'crun' ? UNIFIED : 'exec "$@"';
  return spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', ...command], {
    encoding: 'utf8',
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      TSIMG_ROOT: root,
      HOME: folder,
      XDG_RUNTIME_DIR: folder,
      TMPDIR: process.env.TMPDIR ?? '/tmp',
    },
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
    assert.equal(
      readdirSync(join(store.root, 'containers')).filter((name) => !name.startsWith('names')),
      [],
    );
  });

  images('exec is root of the user namespace and no more', () => {
    store.ok('run', '-q', '-d', '--name', 'c2', '--network', 'none', '--userns', 'auto', EXAMPLE, 'sleep', '600');
    const script = 'touch /by-exec; cat /proc/self/uid_map; grep CapEff /proc/self/status; echo out >/dev/stdout';
    assert.match(
      store.ok('exec', 'c2', 'sh', '-c', script),
      new RegExp(`^ +0 +${range.start} .*\nCapEff:\t00000000800405fb\nout\n$`),
    );
    assert.equal(ownersIn(upperOf(store), 'by-exec'), [0, 0]);
    assert.is(store.ok('exec', '-u', '7:8', 'c2', 'id', '-g'), '8\n');
    assert.is(store.call(['exec', '-u', '4000000000', 'c2', 'id']).status, 125);
    const look = `id -u; stat -c %u /bin /container/by-exec /etc/hosts /dev; touch /new /container/kept; stat -c %u /new
      grep -c 127.0.0.1 /etc/hosts; ps | grep -c "sleep 600$"; cat /proc/self/uid_map; ls /proc/1/root/by-exec
      for n in user pid net ipc uts cgroup; do [ $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) ] || echo $n; done
      mkdir /x; mount -t tmpfs none /x && mount | grep -c "on /x "
      umount /x; exit 6`;
    const box = store.call(['exec', '--privileged', '--toolbox', EXAMPLE, 'c2', 'sh', '-c', look]);
    assert.is(box.status, 6, box.stderr);
    assert.equal(
      box.stdout.replaceAll(/ +/g, ' '),
      [0, 0, 0, 0, 0, 0, 1, 1, ` 0 ${range.start} ${range.count}`, '/proc/1/root/by-exec', 1, ''].join('\n'),
    );
    assert.equal(ownersIn(upperOf(store), 'kept'), [0, 0]);
    assert.not.ok(existsSync(join(upperOf(store), 'new')));
    assert.not.match(store.ok('exec', '--toolbox', EXAMPLE, 'c2', 'ls', '/'), /new/);
    store.ok('rm', '-f', 'c2');
  });

  images('cp of a running container has the IDs that the container sees, in both directions', () => {
    const volume = join(store.folder, 'volume');
    mkdirSync(volume, { mode: 0o777 });
    writeFileSync(join(volume, 'hosts'), '');
    chownSync(join(volume, 'hosts'), 1234, 1234);
    store.ok(
      ...'run -q -d --name c3 --network none --userns auto --tmpfs /t'.split(' '),
      ...['-v', `${volume}:/v`, EXAMPLE],
      'sleep',
      '600',
    );
    store.ok('exec', 'c3', 'sh', '-c', 'mkdir /own; touch /own/a; chown 7:8 /own/a; ln -s /t /link; chmod 700 /own');
    const owners = (archive: string) =>
      readWhole(Buffer.from(archive)).map(({ header: { path, uid, gid } }) => `${path} ${uid}:${gid}`);
    const copyOut = (path: string) => owners(store.call(['cp', `c3:${path}`, '-']).stdout);
    assert.equal(copyOut('/own'), ['own/ 0:0', 'own/a 7:8']);
    // An ID that the container has not is seen as the container sees it.
    assert.equal(copyOut('/v/hosts'), ['hosts 65534:65534']);
    const tree = join(store.folder, 'tree');
    mkdirSync(join(tree, 'inner'), { recursive: true });
    for (const [name, uid, gid] of [
      ['one', 7, 8],
      ['none', 4_000_000_000, 0],
      ['capable', 0, 0],
    ] as const) {
      writeFileSync(join(tree, 'inner', name), name);
      chownSync(join(tree, 'inner', name), uid, gid);
    }
    assert.is(spawnSync('setcap', ['cap_net_raw+ep', join(tree, 'inner/capable')]).status, 0);
    const archive = spawnSync('tar', ['-C', tree, '-c', 'inner/one', 'inner/none']).stdout;
    for (const place of ['/own', '/t', '/v']) {
      store.ok('cp', tree, `c3:${place}/plain`);
      store.ok('cp', '-a', tree, `c3:${place}/kept`);
      assert.is(store.call(['cp', '-a', '-', `c3:${place}`], archive).status, 0);
    }
    store.ok('cp', join(tree, 'inner/one'), 'c3:/link');
    const look =
      'stat -c "%n %u:%g" /own/plain/inner/* /t/kept/inner/* /v/kept/inner/one /own/inner /own/inner/one /v/inner /t/one';
    assert.equal(store.ok('exec', 'c3', 'sh', '-c', look).trim().split('\n'), [
      '/own/plain/inner/capable 0:0',
      '/own/plain/inner/none 0:0',
      '/own/plain/inner/one 0:0',
      '/t/kept/inner/capable 0:0',
      '/t/kept/inner/none 65534:0',
      '/t/kept/inner/one 7:8',
      '/v/kept/inner/one 7:8',
      '/own/inner 0:0',
      '/own/inner/one 7:8',
      '/v/inner 0:0',
      '/t/one 0:0',
    ]);
    // On the disk, the layer has the image's IDs, and a volume those of the host.
    assert.equal(ownersIn(upperOf(store), 'own/kept/inner/one'), [7, 8]);
    assert.equal(ownersIn(volume, 'kept/inner/one'), [range.start + 7, range.start + 8]);
    const back = join(store.folder, 'back');
    store.ok('cp', '-a', 'c3:/own/kept', back);
    assert.is(
      spawnSync('getcap', [join(back, 'inner/capable')], { encoding: 'utf8' })
        .stdout.trim()
        .split(' ')[1],
      'cap_net_raw=ep',
    );
    assert.equal(ownersIn(back, 'inner/one'), [7, 8]);
    store.ok('rm', '-f', 'c3');
  });

  for (const runtime of ['runc', 'crun']) {
    images(`a runtime finds the image’s files with the IDs of the container, below ${runtime}`, () => {
      if (!haveTools(runtime)) return;
      const volume = join(store.folder, `volume-${runtime}`);
      mkdirSync(volume, { mode: 0o700 });
      const script = `cat /proc/self/uid_map; id -u; id -G; stat -c %u / /bin /etc/hosts /v; touch /tmp/x; stat -c %u /tmp/x
        echo more >> /etc/hosts || echo refused; exit 7`;
      const options = ['--userns', 'auto', '-v', `${volume}:/v`, '-u', '5:6', '--group-add', '7'];
      const { status, stdout, stderr } = runBelow(runtime, store, [...options, EXAMPLE, 'sh', '-c', script]);
      assert.is(
        stdout.replaceAll(/ +/g, ' '),
        ` 0 ${range.start} ${range.count}\n5\n6 7\n0\n0\n0\n65534\n5\nrefused\n`,
        stderr,
      );
      assert.is(status, 7);
      const asItsRoot = 'mkdir /made; chown 7:8 /made; stat -c %u:%g /made; grep CapEff /proc/self/status';
      const root = runBelow(runtime, store, ['--userns', 'auto', EXAMPLE, 'sh', '-c', asItsRoot]);
      assert.match(root.stdout, /^7:8\nCapEff:\t00000000800405fb\n$/, root.stderr);
    });
  }

  images.after(() => store.remove());
}

function defineKeptImages(user: OrdinaryUser): void {
  const store = makeImageStore(user);
  const name = spawnSync('id', ['-un', String(user.uid)], { encoding: 'utf8' }).stdout.trim();

  keptImages('the caller has a name, a group and a home, and the image’s own lines win', () => {
    const script =
      'id -un; id -gn; echo $HOME; tail -n 1 /etc/passwd; stat -c %u:%a /etc/passwd; grep -c ^root: /etc/passwd';
    const line = `${name}:*:${user.uid}:${user.gid}::/tmp:/bin/sh`;
    const out = store.change('n1', script, '--userns', 'keep-id', '-w', '/tmp');
    assert.is(out, [name, name, '/tmp', line, '0:644', '1', ''].join('\n'));
    assert.is(store.ok('diff', 'n1'), '');
    store.ok('rm', 'n1');
    const root = join(store.folder, 'rootfs');
    store.ok('unpack', '-q', EXAMPLE, root);
    const inRoot = (...words: readonly string[]) =>
      store.call(['run', '-q', '--rm', '--network', 'none', '--userns', 'keep-id', root, 'sh', '-c', ...words]);
    const known = `known:x:${user.uid}:0::/home:/bin/sh`;
    // The last line has no end, and its bytes are no UTF-8.
    const odd = Buffer.from('root:x:0:0::/:/bin/sh\nb\xe9:x:7:7::/:', 'latin1');
    const passwd = join(root, 'etc/passwd');
    writeFileSync(passwd, odd);
    assert.is(inRoot('id -un; wc -l < /etc/passwd').stdout, `${name}\n3\n`);
    assert.equal(readFileSync(passwd), odd);
    writeFileSync(passwd, `${known}\n`);
    assert.is(inRoot('id -un; echo $HOME; cat /etc/passwd').stdout, `known\n/home\n${known}\n`);
    // A link leads within the root; what is no file is refused.
    unlinkSync(passwd);
    symlinkSync('../../../../etc/other', passwd);
    writeFileSync(join(root, 'etc/other'), 'inner:x:99:99::/:\n');
    assert.is(inRoot('head -n 1 /etc/passwd; id -un').stdout, `inner:x:99:99::/:\n${name}\n`);
    unlinkSync(join(root, 'etc/other'));
    spawnSync('mkfifo', [join(root, 'etc/other')]);
    assert.is(inRoot('true').status, 125);
    // A mount of the user’s wins.
    const volume = `${root}/etc/group:/etc/passwd`;
    assert.is(
      store.ok(
        'run',
        '-q',
        '--rm',
        '--network',
        'none',
        '--userns',
        'keep-id',
        '-v',
        volume,
        EXAMPLE,
        'cat',
        '/etc/passwd',
      ),
      readFileSync(join(root, 'etc/group'), 'utf8'),
    );
  });

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

  keptImages('the command is the caller below crun; runc is refused, because it cannot do that', () => {
    const words = ['--userns', 'keep-id', EXAMPLE, 'sh', '-c'];
    if (haveTools('runc')) {
      const { status, stderr } = runBelow('runc', store, [...words, 'true'], user);
      assert.is(status, 125);
      assert.match(stderr, /--runtime runc does not go with --userns keep-id/);
    }
    if (!haveTools('crun')) return;
    const script = 'id -u; id -un; echo $HOME; stat -c %u /; touch /tmp/x; stat -c %u /tmp/x';
    const { stdout, stderr } = runBelow('crun', store, [...words, script], user);
    assert.is(stdout, `${user.uid}\n${name}\n/\n0\n${user.uid}\n`, stderr);
  });

  keptImages('exec is the caller, or root of the container by -u; cp works while it runs', () => {
    store.ok(
      'run',
      '-q',
      '-d',
      '--name',
      'k2',
      '--network',
      'none',
      '--userns',
      'keep-id',
      '-w',
      '/tmp',
      EXAMPLE,
      'sleep',
      '600',
    );
    assert.is(store.ok('exec', 'k2', 'id', '-u'), `${user.uid}\n`);
    assert.is(store.ok('exec', 'k2', 'sh', '-c', 'whoami; echo $HOME'), `${name}\n/tmp\n`);
    assert.is(store.ok('exec', '-u', '0', 'k2', 'sh', '-c', 'touch /r; stat -c %u /r'), '0\n');
    writeFileSync(join(store.folder, 'in'), 'in\n', { mode: 0o644 });
    store.ok('cp', 'in', 'k2:/tmp/in');
    assert.is(store.ok('exec', 'k2', 'stat', '-c', '%u', '/tmp/in'), '0\n');
    const other = store.call(['run', '--rm', '--network', 'container:k2', EXAMPLE, 'true']);
    assert.match(other.stderr, /the same --userns/);
    store.ok('rm', '-f', 'k2');
    assert.equal(
      readdirSync(join(store.root, 'containers')).filter((name) => !name.startsWith('names')),
      [],
    );
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
