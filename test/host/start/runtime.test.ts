import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN } from '../../support/command/tsimg.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { PROBE_SCRIPT, parseProbe, SECRET } from '../../support/container/isolation-probe.ts';
import { makeOrdinaryUser } from '../../support/host/ordinary-user.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// `--runtime`: the same plan, performed by an OCI runtime.

const test = suite('host/start/runtime');
const ready = canRunContainers();
const rootfs = ready ? makeBusyboxRootfs(tempDir(0o755)) : '';
const user = ready ? makeOrdinaryUser() : undefined;
const STORE = join(tempDir(), 'store');

function run(args: readonly string[], before: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const [program = '', ...rest] = [...before, process.execPath, MAIN, 'run', ...args];
  return spawnSync(program, rest, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, TSIMG_ROOT: STORE, [SECRET]: 'x', ...env },
    input: 'typed',
    timeout: 30_000,
  });
}

/** The facts that must be the same with and without a runtime. Runtimes do not mount the root `nodev`. */
const SAME = [
  'bounding set',
  'effective',
  'inheritable',
  'ambient',
  'no_new_privs',
  'seccomp',
  'groups',
  'mount /proc',
  'mount /sys',
  'mount /dev/shm',
  'devices',
  'seen in /proc',
  'writable in /proc',
  'core dumps',
  'open files',
  'umask',
  'working directory',
  'caller’s environment',
  'descriptors',
];

/**
 * crun of Debian 12 refuses hosts with both cgroup versions, so it is shown the unified hierarchy alone.
 */
const UNIFIED = [
  'unshare',
  '-m',
  'sh',
  '-c',
  'umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"',
  'sh',
];

for (const runtime of ['runc', 'crun']) {
  const before = runtime === 'crun' ? UNIFIED : [];
  const check = ready && haveTools(runtime) ? test : test.skip;

  check(`a process below ${runtime} sees what it sees below tsimg`, () => {
    const args = [rootfs, '/bin/sh', '-c', PROBE_SCRIPT];
    const ours = parseProbe(run(['--network', 'none', ...args], before).stdout);
    const { stdout, stderr } = run(['--runtime', runtime, ...args], before);
    const theirs = parseProbe(stdout);
    for (const name of SAME) assert.is(theirs.get(name), ours.get(name), `${name}: ${stderr}`);
  });

  check(`${runtime} gets no file of ours where the user mounts one`, () => {
    const folder = tempDir(0o755);
    writeFileSync(join(folder, 'hosts'), 'mine\n');
    for (const volume of [`${folder}/hosts:/etc/hosts`, `${folder}:/etc`]) {
      const { stdout, stderr } = run(['--runtime', runtime, '-v', volume, rootfs, '/bin/cat', '/etc/hosts'], before);
      assert.is(stdout, 'mine\n', stderr);
    }
  });

  check(`${runtime} gets volumes, files, user and status, and leaves nothing behind`, () => {
    const folder = tempDir(0o755);
    writeFileSync(join(folder, 'file'), 'volume');
    const script = 'cat /data/file; echo x > /data/file; grep -c box /etc/hosts; id -u; cat; exit 7';
    const options = ['-i', '-v', `${folder}:/data:ro`, '-h', 'box', '-u', '5:6', '--read-only'];
    const bundles = tempDir(0o755);
    const words = ['--runtime', runtime, ...options, rootfs, '/bin/sh', '-c', script];
    const { status, stdout, stderr } = run(words, before, { TMPDIR: bundles });
    assert.equal([status, stdout], [7, 'volume1\n5\ntyped'], stderr);
    assert.match(stderr, /Read-only file system/);
    // Other processes on this machine are not the test's.
    assert.not.match(spawnSync(runtime, ['list'], { encoding: 'utf8' }).stdout, bundles);
    assert.equal(
      readdirSync(bundles).filter((name) => name.startsWith('tsimg-bundle-')),
      [],
    );
  });
}

const refuses = ready && haveTools('runc') ? test : test.skip;
refuses('what a runtime would do otherwise is refused, and so is a runtime that is not there', () => {
  for (const option of [['-m', '64m'], ['--isolation', 'chroot'], ['--privileged']]) {
    const { status, stderr } = run(['--runtime', 'runc', ...option, rootfs, '/bin/true']);
    assert.is(status, 125, option.join(' '));
    assert.match(stderr, /--runtime does not go with/);
  }
  const noDevice = run(['--runtime', 'runc', '--device', '/etc/passwd:/dev/x', rootfs, '/bin/true']);
  assert.is(noDevice.status, 125);
  assert.match(noDevice.stderr, /not a device \(\/etc\/passwd\): it is neither .*; ls -l/);
  assert.is(run(['--runtime', 'no-such-runtime', rootfs, '/bin/true']).status, 125);
  assert.is(run(['--runtime', './runc', rootfs, '/bin/true']).status, 125);
});

refuses('an ordinary user’s container runs below runc as its own root', () => {
  if (user === undefined) return;
  const own = makeBusyboxRootfs(tempDir(0o755));
  const state = tempDir(0o700);
  for (const path of [own, state]) chownSync(path, user.uid, user.gid);
  for (const name of ['proc', 'sys', 'dev', 'etc']) {
    mkdirSync(join(own, name));
    chownSync(join(own, name), user.uid, user.gid);
  }
  const become = ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];
  const args = ['--runtime', 'runc', own, '/bin/sh', '-c', 'id -u; cat /proc/self/uid_map'];
  const { status, stdout, stderr } = run(args, become, { XDG_RUNTIME_DIR: state, TSIMG_ROOT: join(state, 'store') });
  assert.is(status, 0, stderr);
  assert.match(stdout, new RegExp(`^0\\n\\s*0\\s+${user.uid}\\s+1\\n`));
});

test.run();
