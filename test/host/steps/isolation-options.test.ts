import { spawnSync } from 'node:child_process';
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseSeccompProfile } from '../../../src/linux/seccomp/seccomp-profile.ts';
import { stateRootOf } from '../../support/command/state-root.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { runWithoutMountsLeft } from '../../support/host/mounts-left.ts';
import { becomeWords } from '../../support/host/ordinary-user.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const asRoot = suite('host/steps/isolation-options as root');
const asUser = suite('host/steps/isolation-options as an ordinary user');

const MKDIR_DENIED = JSON.stringify({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
});

defineRuns(asRoot, asUser, (test, { sh, rootfs, user, freshRootfs }) => {
  const field = async (name: string, request: Parameters<typeof sh>[1]) =>
    new RegExp(`^${name}:\\s*(\\S+)$`, 'm').exec((await sh('cat /proc/self/status', request)).stdout)?.[1];

  test('a user’s seccomp profile replaces the default, with its own errno', async () => {
    const seccomp = parseSeccompProfile(MKDIR_DENIED, 'profile.json');
    const { status, stderr } = await sh('/bin/busybox mkdir /new', { seccomp });
    assert.is(status, 1, stderr);
    assert.match(stderr, /No space left on device/);
    assert.is(await field('Seccomp', { seccomp }), '2');
    assert.is(await field('Seccomp', { seccomp: 'unconfined' }), '0');
  });

  test('no_new_privs can be left off, and the filter, the empty sets and the user stay as they were', async () => {
    const request = { noNewPrivileges: false };
    assert.is(await field('NoNewPrivs', request), '0');
    assert.is(await field('Seccomp', request), '2');
    assert.is(await field('CapEff', request), '00000000800405fb');
    assert.is(await field('CapPrm', { ...request, user: '7' }), '0000000000000000');
    assert.is(await field('Seccomp', { ...request, user: '7' }), '2');
  });

  test('--privileged gives all capabilities and devices of the caller, and unhides /proc and /sys', async () => {
    const script =
      'cat /proc/self/status; cat /proc/self/mountinfo; ls /dev; touch /proc/sys/kernel/hostname && echo w';
    const { stdout, status, stderr } = await sh(script.replace('touch', '/bin/busybox touch'), { privileged: true });
    assert.is(status, user === undefined ? 0 : status, stderr);
    assert.match(stdout, /^CapEff:\s*000001f[0-9a-f]{9}$/m);
    assert.match(stdout, /^Seccomp:\s*0$/m);
    assert.match(stdout, /^NoNewPrivs:\s*0$/m);
    assert.not.match(stdout, / \/proc\/timer_list | \/proc\/sys /);
    assert.match(stdout, / \/sys rw,/);
    const hasTun = spawnSync('test', ['-c', '/dev/kmsg']).status === 0;
    if (hasTun) assert.match(stdout, /^kmsg$/m);
  });

  test('--device shows one device of the host by any name in /dev; other files are refused', async () => {
    const { stdout, stderr } = await sh('stat -c "%F %t:%T" /dev/other; head -c 1 /dev/other | wc -c', {
      devices: ['/dev/zero:/dev/other:rwm'],
    });
    assert.is(stdout, 'character special file 1:5\n1\n', stderr);
    const other = await sh('true', { devices: ['/etc/passwd:/dev/other'] });
    assert.is(other.status, 125);
    assert.match(other.stderr, 'neither a device file nor a directory');
    assert.is((await sh('true', { devices: ['/dev/zero:/etc/other'] })).status, 125);
    assert.is((await sh('true', { devices: ['/dev/zero:/dev/null'] })).status, 125);
  });

  test('--mount binds, read-only too, and makes tmpfs', async () => {
    const folder = tempDir(0o777);
    writeFileSync(join(folder, 'file'), 'x');
    const script = 'cat /in/file; echo y > /in/file; grep -E " /in | /mem " /proc/self/mountinfo';
    const mounts = [
      `type=bind,source=${folder},target=/in,readonly`,
      'type=tmpfs,dst=/mem,tmpfs-size=64k,tmpfs-mode=0700',
    ];
    const { stdout, stderr } = await sh(script, { mounts });
    assert.match(stderr, /Read-only file system/);
    assert.match(stdout, /^x/);
    assert.match(stdout, / \/in ro,/);
    assert.match(stdout, / \/mem .*size=64k,mode=700/);
  });

  test('--ulimit, --umask, --shm-size and --group-add have their effect', async () => {
    const { stdout, stderr } = await sh(
      'ulimit -S -n; ulimit -H -n; ulimit -c; umask; grep /dev/shm /proc/self/mountinfo; id -G',
      { ulimits: ['nofile=100:200'], umask: '027', shmSize: '1m', groupAdd: ['44'] },
    );
    assert.match(stdout, /^100\n200\n0\n0027\n.*size=1024k.*\n0 44\n$/, stderr);
  });

  test('--isolation chroot runs, hides the host and cannot leave by chroot', async () => {
    const { stdout, status, stderr } = await sh('ls /; ls /proc/1/root/ | wc -l; cat /proc/self/status', {
      isolation: 'chroot',
    });
    assert.is(status, 0, stderr);
    assert.match(stdout, /^CapEff:\s*00000000800005fb$/m);
    assert.not.match(stdout, /^home$/m);
    assert.match(stderr, /could leave/);
  });

  test('only the requested namespaces are shared', async () => {
    const names = ['ipc', 'uts', 'pid', 'net', 'mnt', 'time'];
    const script = `for n in ${names.join(' ')}; do echo $n $(/bin/busybox readlink /proc/self/ns/$n); done`;
    const shared = async (request: Parameters<typeof sh>[1]) => {
      const { stdout, stderr } = await sh(script, request);
      const lines = new Map(stdout.split('\n').map((line) => [line.split(' ')[0], line.split(' ')[1]]));
      assert.is(lines.size > names.length, true, stderr);
      return names.filter((name) => lines.get(name) === readlinkSync(`/proc/self/ns/${name}`));
    };
    assert.equal(await shared({}), ['time']);
    assert.equal(await shared({ timeNamespace: true }), []);
    assert.equal(await shared({ ipc: 'host' }), ['ipc', 'time']);
    assert.equal(await shared({ uts: 'host' }), ['uts', 'time']);
    assert.equal(await shared({ pid: 'host' }), ['pid', 'time']);
  });

  test('--init is process 1, reaps orphans, and passes signals on', async () => {
    if (!haveTools('catatonit')) return;
    const script =
      '/bin/busybox cat /proc/1/comm; orphan=$(sh -c "sleep 0.1 > /dev/null & echo \\$!"); turns=0; ' +
      'while [ -e /proc/$orphan ] && [ $turns -lt 200 ]; do sleep 0.1; turns=$((turns+1)); done; ' +
      'ls -d /proc/$orphan 2> /dev/null | wc -l; exit 7';
    const { stdout, status, stderr } = await sh(script, { init: true });
    assert.match(stdout, /^(catatonit|tini|init)\n0\n$/, stderr);
    assert.is(status, 7);
    assert.is((await sh('kill -TERM $$', { init: true })).status, 143);
  });

  test('a later mount of the host is seen in an rslave volume, and not in a private one', async () => {
    if (user !== undefined) return;
    const folder = tempDir(0o755);
    const script = 'echo ready > /ready/fifo; cat /ready/fifo; ls /v';
    const seen = (options: string) => {
      const root = freshRootfs();
      const ready = join(folder, `ready-${options}`);
      mkdirSync(ready);
      mkdirSync(join(folder, options));
      // The test's own mount namespace, with shared mounts, as on a host with systemd.
      const outer = [
        'mount --make-rshared /; mkfifo $R/fifo',
        '"$NODE" "$RUNNER" "$WHAT" & read x < $R/fifo',
        'mkdir $V/later && mount -t tmpfs tmpfs $V/later && mkdir $V/later/inside',
        'echo go > $R/fifo; wait',
      ].join('\n');
      const what = {
        rootfs: root,
        request: {
          command: ['/bin/sh', '-c', script.replace('ls /v', 'ls /v/later')],
          volumes: [`${join(folder, options)}:/v:${options}`, `${ready}:/ready`],
        },
      };
      const env = {
        PATH: process.env.PATH ?? '',
        NODE: process.execPath,
        RUNNER: join(import.meta.dirname, '..', '..', 'support', 'container', 'run-container.js'),
        WHAT: JSON.stringify(what),
        R: ready,
        V: join(folder, options),
      };
      return spawnSync('unshare', ['-m', 'sh', '-c', outer], { env, encoding: 'utf8', timeout: 20_000 });
    };
    const slave = seen('rslave');
    assert.match(slave.stdout, /go\ninside\n/, slave.stderr);
    const apart = seen('rprivate');
    assert.match(apart.stdout, /go\n$/, apart.stderr);
  });

  test('none of these options changes the host’s mounts', () => {
    const words = ['run', '--rm', '--network', 'none', '--privileged', '--isolation', 'chroot', rootfs, '/bin/true'];
    const env = { PATH: process.env.PATH, TSIMG_ROOT: stateRootOf(user) };
    const { status, stderr } = runWithoutMountsLeft([...becomeWords(user), process.execPath, MAIN, ...words], { env });
    assert.is(status, 0, stderr);
  });
});
asRoot.run();
asUser.run();
