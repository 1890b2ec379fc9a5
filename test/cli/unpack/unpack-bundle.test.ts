import { spawnSync } from 'node:child_process';
import { chownSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tsimg } from '../../support/command/tsimg.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { dir, file, symlink, tarOf } from '../../support/image/tar.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { findTool, haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('cli/unpack/unpack-bundle');

const SCRIPT = [
  'id -u; id -g; pwd; echo "$GREETING $HOME"; stat -c %u:%g /srv/file',
  'grep -E "^(CapBnd|CapEff|NoNewPrivs|Seccomp):" /proc/self/status',
  'ls /dev | tr "\\n" " "; echo; ls /sys/class/net; cat /proc/1/comm',
  'echo 1 > /proc/sys/kernel/hung_task_panic; unshare -m true; echo made > /srv/made && cat /srv/made',
].join('\n');

function bundleLayout(here: string, user: string): string {
  const layer = tarOf(
    ...['bin', 'etc', 'proc', 'sys', 'dev'].map((name) => dir(name)),
    dir('srv', { uid: 1000, gid: 1001 }),
    file('bin/busybox', readFileSync(findTool('busybox') ?? ''), { mode: 0o755 }),
    ...['sh', 'id', 'pwd', 'stat', 'grep', 'ls', 'tr', 'cat', 'unshare'].map((name) =>
      symlink(`bin/${name}`, 'busybox'),
    ),
    file('srv/file', 'x', { uid: 1000, gid: 1001 }),
    file('etc/passwd', 'root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n'),
    file('etc/group', 'app:x:1001:\n'),
  );
  const config = {
    Entrypoint: ['/bin/sh', '-c'],
    Cmd: [SCRIPT],
    Env: ['GREETING=hello'],
    WorkingDir: '/srv',
    User: user,
  };
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const made = makeImage({ platform, layers: [layer], config: { config } });
  writeLayout(join(here, 'layout'), [named(made.descriptor, 'x')], made.blobs);
  return `oci:${join(here, 'layout')}:x`;
}

/**
 * Starts a bundle without changes. crun of Debian 12 fails on hosts with both versions of cgroups, and as root its
 * device filter locks more memory than some containers may lock. So the mount namespace has the unified hierarchy only,
 * and crun does not touch cgroups.
 */
function start(runtime: string, bundle: string, owner: OrdinaryUser | undefined) {
  const options = runtime === 'crun' ? ['--cgroup-manager=disabled'] : [];
  const id = `tsimg-test-${process.pid}`;
  const root = owner === undefined ? [] : ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'];
  const script = 'mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null; exec "$@"';
  const state = tempDir();
  if (owner !== undefined) chownSync(state, owner.uid, owner.gid);
  const command = [...root, runtime, '--root', state, ...options, 'run', '--bundle', bundle, id];
  return spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...command], {
    cwd: bundle,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, XDG_RUNTIME_DIR: state },
    timeout: 60_000,
  });
}

const PODMANS_CAPABILITIES = '00000000800405fb';

function lines(uid: number, gid: number, owner: string, home: string): readonly (string | RegExp)[] {
  return [
    String(uid),
    String(gid),
    '/srv',
    `hello ${home}`,
    owner,
    new RegExp(`^CapEff:\\s+${uid === 0 ? PODMANS_CAPABILITIES : '0{16}'}$`),
    new RegExp(`^CapBnd:\\s+${PODMANS_CAPABILITIES}$`),
    /^NoNewPrivs:\s+1$/,
    /^Seccomp:\s+2$/,
    /^(console )?(core )?fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero $/,
    'lo',
    'sh',
    'made',
  ];
}

function check(run: ReturnType<typeof start>, expected: readonly (string | RegExp)[], what: string): void {
  assert.is(run.status, 0, `${what}: ${run.stderr}${run.error?.message ?? ''}`);
  const found = run.stdout.trim().split('\n');
  assert.is(found.length, expected.length, `${what}: ${run.stdout}`);
  for (const [index, line] of expected.entries()) {
    const text = found[index] ?? '';
    assert.ok(typeof line === 'string' ? text === line : line.test(text), `${what}: ${text}, expected ${line}`);
  }
  assert.match(run.stderr, /hung_task_panic: Read-only/);
  assert.match(run.stderr, /unshare.*not permitted/);
}

const ready = haveRoot() && haveTools('busybox', 'unshare', 'setpriv', 'newuidmap', 'useradd');
const user = ready ? makeOrdinaryUser() : undefined;
const runtimes = ready ? ['crun', 'runc'].filter((name) => haveTools(name)) : [];

for (const runtime of runtimes) {
  test(`as root, ${runtime} starts a bundle as it is, as the image's user`, () => {
    const here = tempDir(0o755);
    const made = tsimg(['unpack', '-q', '--bundle', bundleLayout(here, 'app'), join(here, 'to')]);
    assert.is(made.status, 0, made.stderr);
    assert.equal(readdirSync(join(here, 'to')).sort(), ['config.json', 'rootfs']);
    assert.is(lstatSync(join(here, 'to')).mode & 0o777, 0o700);
    check(start(runtime, join(here, 'to'), undefined), lines(1000, 1001, '1000:1001', '/home/app'), runtime);
  });

  for (const [ids, expected] of [
    ['single', lines(0, 0, '0:0', '/home/app')],
    ['subuid', lines(1000, 1001, '1000:1001', '/home/app')],
  ] as const) {
    test(`as an ordinary user with --ids ${ids}, ${runtime} starts a bundle as it is`, () => {
      if (user === undefined) return;
      const here = tempDir(0o755);
      chownSync(here, user.uid, user.gid);
      const source = bundleLayout(tempDir(0o755), 'app');
      const args = ['unpack', '-q', '--bundle', '--ids', ids, source, join(here, 'to')];
      const made = tsimg(args, { env: { TSIMG_ROOT: '/nonexistent' }, user });
      assert.is(made.status, 0, made.stderr);
      check(start(runtime, join(here, 'to'), user), expected, `${runtime} ${ids}`);
    });
  }
}

test('a bundle for a user that the image does not have fails and leaves nothing', () => {
  if (!haveTools('busybox')) return;
  const here = tempDir();
  const run = tsimg(['unpack', '-q', '--bundle', bundleLayout(here, 'nobody-knows'), join(here, 'to')], {
    env: { TSIMG_ROOT: join(here, 'x') },
  });
  assert.is(run.status, 1);
  assert.match(run.stderr, /no such user \(nobody-knows\)/);
  assert.equal(readdirSync(here), ['layout']);
});

test('--bundle and --layers exclude each other', () => {
  assert.is(tsimg(['unpack', '--bundle', '--layers', 'x', 'y'], { env: { TSIMG_ROOT: '/nonexistent' } }).status, 2);
});

test.run();
