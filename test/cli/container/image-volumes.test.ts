import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../../support/command/container-cli.ts';
import { MAIN, tsimg } from '../../support/command/tsimg.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { hasOwnEtc } from '../../support/host/own-etc.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { dir, file, hardlink, symlink, tarOf } from '../../support/image/tar.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { findTool, haveTools } from '../../support/tools.ts';

const asRoot = suite('cli/container/image-volumes as root');
const asUser = suite('cli/container/image-volumes as an ordinary user');

const APPLETS = ['sh', 'cat', 'ls', 'stat', 'touch', 'sleep', 'grep', 'id', 'readlink'];

function layout(here: string, name: string, volumes: readonly string[]): string {
  const layer = tarOf(
    ...['bin', 'etc', 'var', 'srv'].map((each) => dir(each)),
    file('bin/busybox', readFileSync(findTool('busybox') ?? ''), { mode: 0o755 }),
    ...APPLETS.map((each) => symlink(`bin/${each}`, 'busybox')),
    dir('seed', { uid: 10, gid: 11, mode: 0o1770 }),
    file('seed/f', 'seed\n', { uid: 12, gid: 13, mode: 0o640, pax: { 'SCHILY.xattr.user.kept': 'yes' } }),
    file('seed/setuid', 'x', { uid: 12, mode: 0o4711 }),
    hardlink('seed/again', 'seed/f'),
    symlink('seed/absolute', '/etc'),
    symlink('var/run', '/run'),
    file('srv/file', 'x'),
  );
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const config = { Cmd: ['/bin/sh'], Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) };
  const made = makeImage({ platform, layers: [layer], config: { config } });
  writeLayout(join(here, name), [named(made.descriptor, 'x')], made.blobs);
  return `oci:${join(here, name)}:x`;
}

function define(test: Test, user: OrdinaryUser | undefined): void {
  const here = tempDir(0o755);
  const own = (name: string) => {
    const path = join(here, name);
    mkdirSync(path, { mode: 0o700 });
    if (user !== undefined) chownSync(path, user.uid, user.gid);
    return path;
  };
  const [root, folder] = [own('store'), own('folder')];
  const image = layout(here, 'image', ['/data', '/seed', '/var/run/deep/link', '/sys/fs/cgroup']);
  const call = (...args: readonly string[]) =>
    tsimg(args, {
      cwd: folder,
      env: { TSIMG_ROOT: root, HOME: folder, XDG_RUNTIME_DIR: folder },
      ...(user && { user }),
    });
  const ok = (...args: readonly string[]) => {
    const { status, stdout, stderr } = call(...args);
    assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const run = (script: string, ...options: readonly string[]) =>
    ok('run', '-q', '--network', 'none', ...options, image, 'sh', '-c', script);
  const containers = () => readdirSync(join(root, 'containers')).filter((name) => /^[0-9a-f]{64}$/.test(name));
  test.after(() => {
    for (const id of containers()) call('rm', '-f', id);
    spawnSync('rm', ['-rf', here]);
  });

  const look = 'cd /seed; stat -c "%n %u:%g %a" . f setuid; readlink absolute; [ f -ef again ] && cat f';
  const seen = '. 10:11 1770\nf 12:13 640\nsetuid 12:0 4711\n/etc\nseed\n';

  for (const options of [[], ['--read-only'], ['--isolation', 'chroot']]) {
    test(`volumes have the content of the image, and can be written to ${options.join(' ')}`, () => {
      const script = `${look}; echo x > new && echo y > /data/y && echo z > /run/deep/link/z && cat new /data/y`;
      assert.is(run(script, '--rm', ...options), `${seen}x\ny\n`);
      assert.equal(containers(), []);
    });
  }

  test('extended attributes are kept, also on the disk in the container’s volume', () => {
    if (!haveTools('getfattr')) return;
    run('true', '--name', 'kept');
    const [id = ''] = containers();
    const path = join(root, 'containers', id, 'volumes/1/f');
    const { stdout } = spawnSync('getfattr', ['-n', 'user.kept', '--only-values', path], { encoding: 'utf8' });
    assert.is(stdout, 'yes');
    ok('rm', 'kept');
    assert.equal(containers(), []);
  });

  test('the content of a volume stays as long as the container, and is not among its changes', () => {
    run(
      'echo once >> /data/lives; echo once >> /seed/lives; echo mine > /etc/mine; cat /data/lives',
      '--name',
      'stays',
    );
    ok('start', 'stays');
    ok('wait', 'stays');
    assert.match(ok('logs', 'stays'), 'once\nonce\n');
    assert.not.match(ok('diff', 'stays'), /lives|data|deep/);
    assert.match(ok('diff', 'stays'), 'A /etc/mine');
    ok('commit', 'stays', 'volumes:one');
    const inside = ['run', '--rm', '-q', '--network', 'none', 'volumes:one', 'sh', '-c'];
    assert.is(ok(...inside, `ls /data; ${look}; cat /etc/mine`), `${seen}mine\n`);
    const copied = call('cp', 'stays:/data/lives', '-');
    assert.match(copied.stdout, 'once\nonce\n', copied.stderr);
    writeFileSync(join(folder, 'given'), 'given\n', { mode: 0o644 });
    ok('cp', join(folder, 'given'), 'stays:/seed/given');
    assert.match(call('cp', 'stays:/seed/given', '-').stdout, 'given\n');
    ok('rm', 'stays');
  });

  test('exec and cp see the volumes of a running container', async () => {
    run('echo here > /data/here; touch /ready; sleep 10000', '-d', '--name', 'runs');
    await until('it is written', () => call('exec', 'runs', 'cat', '/data/here').stdout === 'here\n');
    assert.match(call('cp', 'runs:/data/here', '-').stdout, 'here\n');
    ok('rm', '-f', 'runs');
  });

  test('mounts of the user replace volumes, and other kinds of volumes can be chosen', () => {
    writeFileSync(join(folder, 'mine'), 'mine\n', { mode: 0o644 });
    assert.is(run('ls /data /seed', '--rm', '-v', `${folder}:/data`, '--tmpfs', '/seed').includes('mine'), true);
    const types = 'grep -cE " /(data|seed) .* tmpfs " /proc/self/mountinfo; [ -e /data ]; echo $?';
    assert.is(run(types, '--rm', '--image-volume', 'tmpfs'), '2\n0\n');
    assert.is(run(types, '--rm', '--image-volume', 'ignore'), '0\n1\n');
    assert.is(run(types, '--rm', '--image-volume', 'anonymous'), '0\n0\n');
    assert.match(call('run', '--dry-run', image).stdout, /NEW\/volumes\/0 ROOT\/data/);
    assert.match(
      call('run', '--rm', '--network', 'none', image, 'true').stderr,
      /volume "\/sys\/fs\/cgroup" is left out/,
    );
  });

  test('a volume over a file of the image is refused, and leaves nothing', () => {
    const { status, stderr } = call('run', '-q', '--network', 'none', layout(here, 'over-file', ['/srv/file']), 'true');
    assert.is(status, 125);
    assert.match(
      stderr,
      /a volume of the image is not a directory in the image \(\/srv\/file\); .*--image-volume ignore/,
    );
    for (const volume of ['over:/srv/file', '/srv/file']) {
      const own = call('run', '-q', '--network', 'none', '--image-volume', 'ignore', '-v', volume, image, 'true');
      assert.is(own.status, 125);
      assert.match(own.stderr, /a volume cannot be mounted on a file \(\/srv\/file\): .*: -v \/PATH:\/srv\/file/);
    }
    assert.equal(containers(), []);
    assert.is(ok('volume', 'ls', '-q'), '');
  });

  test('in a user namespace volumes have the owners that they have in the image', () => {
    const mode = user === undefined ? 'auto' : 'keep-id';
    const script = `${look}; touch new; stat -c %u:%g new`;
    assert.is(run(script, '--rm', '--userns', mode, '--user', '0'), `${seen}0:0\n`);
    assert.is(run('echo a > /data/a', '--userns', mode, '--user', '0', '--name', 'mapped'), '');
    assert.match(call('cp', 'mapped:/data/a', '-').stdout, 'a\n');
    ok('rm', 'mapped');
  });

  test('a bundle has the directories of the volumes, with any umask', () => {
    const bundled = layout(here, 'bundled', ['/data/deep', '/var/run/vol']);
    const before = process.umask(0o077);
    try {
      ok('unpack', '-q', '--bundle', bundled, join(folder, 'bundle'));
    } finally {
      process.umask(before);
    }
    const made = ['data', 'data/deep', 'run/vol'].map((name) => join(folder, 'bundle/rootfs', name));
    const { stdout } = spawnSync('stat', ['-c', '%a', ...made], { encoding: 'utf8' });
    assert.is(stdout, '755\n755\n755\n');
  });

  test('an OCI runtime gets the volumes too', () => {
    if (!haveTools('runc')) return;
    const options = ['--rm', '--read-only', '--runtime', 'runc'];
    const { stdout, stderr } = call(
      'run',
      '-q',
      ...options,
      image,
      'sh',
      '-c',
      'cat /seed/f; echo x > /data/y; cat /data/y',
    );
    assert.is(stdout, 'seed\nx\n', stderr);
  });

  test('a volume with a name is filled once, outlives containers, and is removed when no container has it', () => {
    assert.is(run(`${look}; echo mine > mine; rm f`, '--rm', '-v', 'kept:/seed'), seen);
    assert.is(
      run('cd /seed; ls; stat -c %u:%g .', '--rm', '--mount', 'type=volume,src=kept,dst=/seed'),
      'absolute\nagain\nmine\nsetuid\n10:11\n',
    );
    const nocopy = (volume: string) => ['--rm', '--mount', `type=volume,${volume}dst=/seed,volume-nocopy`];
    assert.is(run('ls -A /seed', ...nocopy('')), '');
    assert.is(run('ls -A /seed', ...nocopy('src=bare,')), '');
    ok('volume', 'rm', 'bare');
    const names = ['--name', 'has', '-v', 'kept:/seed:ro', '-v', 'empty:/data:nocopy', '-v', '/var/own'];
    assert.is(
      run('touch /seed/x 2>/dev/null || echo ro; touch /data/x /var/own/x; ls /seed', ...names),
      'ro\nabsolute\nagain\nmine\nsetuid\n',
    );
    const [used, forced, unknown, wrong, bad, inUse] = [
      call('volume', 'rm', 'kept'),
      call('volume', 'rm', '-f', 'kept', 'no-such'),
      call('volume', 'inspect', 'no-such'),
      call('run', '--rm', '-v', 'a b:/x', image, 'true'),
      call('volume', 'create', '../up'),
      call('volume', 'prune', '-a', '-f'),
    ];
    assert.equal(
      [used, forced, unknown, wrong, bad, inUse].map(({ status }) => status),
      [1, 1, 3, 125, 2, 0],
    );
    assert.match(used?.stderr ?? '', 'the volume is used by a container (kept): has; remove that container');
    assert.match(wrong?.stderr ?? '', 'not a volume (-v a b:/x): "a b" is neither a path nor a name');
    assert.is(inUse?.stdout, '');
    const mounts = JSON.parse(ok('inspect', '-f', 'json', 'has'))[0].Mounts;
    const told = mounts.map((each: { Name?: string; Type: string; Destination: string; RW: boolean }) => [
      each.Type,
      each.Name,
      each.Destination,
      each.RW,
    ]);
    for (const mount of [
      ['volume', 'kept', '/seed', false],
      ['volume', 'empty', '/data', true],
      ['volume', undefined, '/var/own', true],
    ])
      assert.ok(
        told.some((each: unknown) => JSON.stringify(each) === JSON.stringify(mount)),
        JSON.stringify(told),
      );
    assert.is(ok('volume', 'ls', '--format', '{{.Name}} {{.Links}}'), 'empty 1\nkept 1\n');
    const made = JSON.parse(ok('volume', 'create', '--json', 'kept'));
    assert.equal(made.containers, ['has']);
    assert.equal([made], JSON.parse(ok('volume', 'ls', '--json', '-f', 'name=kept')));
    ok('start', 'has');
    ok('wait', 'has');
    ok('rm', '-v', 'has');
    const unused = ok('volume', 'create', '--label', 'colour=red').trim();
    assert.match(unused, /^[0-9a-f]{64}$/);
    assert.is(ok('volume', 'create', 'kept'), 'kept\n');
    assert.is(ok('volume', 'ls', '-q', '-f', 'label=colour=red'), `${unused}\n`);
    assert.is(ok('volume', 'ls', '-q', '-f', 'dangling=false', '-f', 'name=x'), '');
    const place = ok('volume', 'inspect', '-f', '{{.Mountpoint}}', 'kept').trim();
    assert.is(JSON.parse(ok('volume', 'inspect', '-f', 'json', 'kept'))[0].Mountpoint, place);
    assert.ok(existsSync(join(place, 'mine')));
    writeFileSync(join(ok('volume', 'inspect', '-f', '{{.Mountpoint}}', unused).trim(), 'put'), '');
    assert.is(run('ls /seed', '--rm', '-v', `${unused}:/seed`), 'put\n');
    assert.is(ok('volume', 'prune', '-f'), `${unused}\n`);
    assert.is(ok('volume', 'rm', 'kept'), 'kept\n');
    assert.is(ok('volume', 'prune', '-a', '-f'), 'empty\n');
    assert.equal(readdirSync(join(root, 'volumes')), []);
  });

  test('in a user namespace a volume with a name has the owners of the image, and is kept so', () => {
    const mode = ['--rm', '--userns', user === undefined ? 'auto' : 'keep-id', '-v', 'mapped:/seed'];
    assert.is(run(`${look}; touch new`, '--user', '0', ...mode), seen);
    assert.is(run(`${look}; stat -c %u:%g new`, '--user', '0', ...mode), `${seen}0:0\n`);
    const other = call('run', '--network', 'none', '--rm', '-v', 'mapped:/seed', image, 'id');
    if (user === undefined) assert.not.match(other.stderr, 'other owners');
    else assert.match(other.stderr, 'the volume mapped was first used with other IDs');
    ok('volume', 'rm', 'mapped');
    assert.equal(readdirSync(join(root, 'volumes')), []);
  });

  test('containers that begin to use a volume at the same time fill it once', async () => {
    const starts = Array.from({ length: 4 }, (_, index) =>
      spawn(
        process.execPath,
        [
          '--',
          MAIN,
          'run',
          '-q',
          '--network',
          'none',
          '--name',
          `same${index}`,
          '-v',
          'same:/seed',
          image,
          'sh',
          '-c',
          `echo ${index} >> /seed/f; ls /seed`,
        ],
        {
          cwd: folder,
          env: { PATH: process.env.PATH, TSIMG_ROOT: root, HOME: folder, XDG_RUNTIME_DIR: folder },
          ...(user && { uid: user.uid, gid: user.gid }),
        },
      ),
    );
    const errors: string[] = [];
    for (const { stderr } of starts) stderr.on('data', (chunk) => errors.push(String(chunk)));
    const ends = starts.map((child) => new Promise((resolve) => child.once('close', resolve)));
    assert.equal(await Promise.all(ends), [0, 0, 0, 0], errors.join(''));
    const lines = readFileSync(join(root, 'volumes/same/data/f'), 'utf8').trim().split('\n');
    assert.equal(lines.toSorted(), ['0', '1', '2', '3', 'seed']);
    for (const index of [0, 1, 2, 3]) ok('rm', `same${index}`);
    ok('volume', 'rm', 'same');
  });

  test('no volume is left when its container was removed', () => {
    assert.equal(containers(), []);
    assert.equal(readdirSync(join(root, 'volumes')), []);
  });
}

if (hasOwnEtc(fileURLToPath(import.meta.url)) && canRunContainers()) {
  define(asRoot, undefined);
  const user = makeOrdinaryUser();
  if (user !== undefined) define(asUser, user);
  asRoot.run();
  asUser.run();
}
