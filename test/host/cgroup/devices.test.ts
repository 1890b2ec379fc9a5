import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupsOf, probeCgroups } from '../../../src/host/facts/cgroup-facts.ts';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { defineRuns, type RunFixture } from '../../support/container/define-runs.ts';
import { LOOP_CONTENT, makeLoopDevice } from '../../support/host/loop-device.ts';
import { findTool, haveTools } from '../../support/tools.ts';

// The host's disk is a loop device made here; no other disk is opened.

const asRoot = suite('host/cgroup/devices as root');
const asUser = suite('host/cgroup/devices as an ordinary user');

const facts = probeCgroups();
const BOX = '/bin/busybox';
const DENIED = /Operation not permitted/;

function defineForUser(test: Test, { sh }: RunFixture): void {
  test('an ordinary user’s container makes no device files, and opens no more than the user may', async () => {
    const { stdout, stderr } = await sh(`${BOX} mknod /dev/disk b 7 0 && echo made`, {
      capAdd: ['MKNOD', 'SYS_ADMIN'],
    });
    assert.is(stdout, '');
    assert.match(stderr, DENIED);
  });

  test('for an ordinary user, access less than rw is refused, and a rule has only a warning', async () => {
    const less = await sh('true', { devices: ['/dev/null:/dev/other:r'] });
    assert.is(less.status, 125);
    assert.match(less.stderr, 'HOST_UNSUPPORTED');
    const { status, stderr } = await sh('true', { deviceRules: ['c 1:3 r'] });
    assert.is(status, 0);
    assert.match(stderr, '--device-cgroup-rule has no effect');
  });
}

defineRuns(asRoot, asUser, (test, fixture) => {
  const { sh, user, rootfs, freshRootfs } = fixture;
  if (user !== undefined) return defineForUser(test, fixture);
  if (!haveTools('losetup')) return;
  const disk = makeLoopDevice();
  test.after(() => disk.remove());
  const numbers = `${disk.major}:${disk.minor}`;
  const make = `${BOX} mknod /dev/disk b ${disk.major} ${disk.minor} && echo made`;
  const read = (path = '/dev/disk') => `head -c ${LOOP_CONTENT.length} ${path}`;

  test('a container that may make device files cannot open the host’s disks', async () => {
    const { stdout, stderr } = await sh(`${make}; ${read()}`, { capAdd: ['MKNOD'] });
    assert.is(stdout, 'made\n');
    assert.match(stderr, DENIED);
  });

  test('nor can a container that mounts the host’s /dev or has all capabilities', async () => {
    const mountDev = `${BOX} mkdir /dev/host; ${BOX} mount -t devtmpfs host /dev/host && echo made`;
    const script = `${mountDev}; ${read(`/dev/host/${disk.path.slice(5)}`)}`;
    for (const capability of ['SYS_ADMIN', 'ALL']) {
      const { stdout, stderr } = await sh(script, { capAdd: [capability] });
      assert.is(stdout, 'made\n', stderr);
      assert.match(stderr, DENIED);
    }
  });

  test('all other devices of a container work: null, zero, full, random, terminals', async () => {
    const script = [
      'echo x > /dev/null; head -c 1 /dev/zero | wc -c; head -c 1 /dev/urandom | wc -c; head -c 1 /dev/random | wc -c',
      'echo x > /dev/full; test -t 0 && tty=$(ls -l /proc/self/fd/0) && echo x > /dev/tty && echo "${tty##*/}"',
    ].join('\n');
    const { stdout, status, stderr } = await sh(script, { terminal: true });
    assert.is(status, 0, stderr);
    assert.match(stdout, /^1\s+1\s+1\s+/);
    assert.match(stdout, 'No space left');
    assert.match(stdout, /x\s+0\s*$/);
  });

  test('a device of --device can be read, and written only if the option says so', async () => {
    const script = `${read('/dev/given')}; echo; echo ${LOOP_CONTENT} > /dev/given`;
    const given = async (access: string) => sh(script, { devices: [`${disk.path}:/dev/given${access}`] });
    const toRead = await given(':r');
    assert.is(toRead.stdout, `${LOOP_CONTENT}\n`, toRead.stderr);
    assert.match(toRead.stderr, DENIED);
    for (const access of ['', ':rw', ':rwm']) assert.is((await given(access)).status, 0, access);
  });

  test('--device-cgroup-rule allows its devices, for which the container makes files, and no others', async () => {
    const script = `${make}; ${read()}; echo; echo ${LOOP_CONTENT} > /dev/disk`;
    const asked = { capAdd: ['MKNOD'], deviceRules: [`b ${numbers} r`] };
    const { stdout, stderr } = await sh(script, asked);
    assert.is(stdout, `made\n${LOOP_CONTENT}\n`, stderr);
    assert.match(stderr, DENIED);
    assert.is((await sh(script, { ...asked, deviceRules: ['a *:* rwm'] })).status, 0);
  });

  test('a privileged container may use all devices', async () => {
    const { stdout, stderr } = await sh(read(disk.path), { privileged: true });
    assert.is(stdout, LOOP_CONTENT, stderr);
  });

  test('a container that mounts its cgroups cannot widen its list of devices', async () => {
    const script = [
      `${BOX} mkdir /dev/own; ${BOX} mount -t cgroup -o devices own /dev/own || exit 3`,
      `for rule in a 'b *:* rwm' 'b ${numbers} r'; do echo "$rule" > /dev/own/devices.allow && echo wider; done`,
      `${BOX} mkdir /dev/own/below && echo 1 > /dev/own/below/cgroup.procs && ` +
        'echo a > /dev/own/below/devices.allow && echo wider',
      `${make}; ${read()}`,
    ].join('\n');
    const { status, stdout, stderr } = await sh(script, { capAdd: ['SYS_ADMIN', 'MKNOD'] });
    if (facts.v1.some(({ controllers }) => controllers.includes('devices'))) assert.is(stdout, 'made\n', stderr);
    else assert.is(status, 3);
  });

  test('a container sees no root cgroup and no release_agent, and cannot mount a new hierarchy', async () => {
    const names = facts.v1.map(({ controllers }) => controllers.join(','));
    const script = [
      `${BOX} mkdir /dev/h; seen=0`,
      `for each in ${names.join(' ')}; do`,
      `  ${BOX} mount -t cgroup -o "$each" h /dev/h || continue; seen=$((seen+1))`,
      '  [ -e /dev/h/release_agent ] && echo "release_agent of $each"',
      `  ${BOX} umount /dev/h; done`,
      'for each in net_cls perf_event rdma misc none,name=new; do ' +
        `${BOX} mount -t cgroup -o "$each" h /dev/h && echo "new $each" && ls /dev/h && ${BOX} umount /dev/h; done`,
      'echo $seen',
    ].join('\n');
    const { stdout, stderr } = await sh(script, { capAdd: ['SYS_ADMIN'] });
    // Hierarchies that the host has mounted are not new.
    const foreign = stdout.split('\n').filter((line) => line.includes('release_agent'));
    assert.equal(foreign, [], stderr);
    assert.match(stdout, new RegExp(`^${names.length}$`, 'm'));
  });

  const cli = makeContainerCli(undefined);
  test.after(() => cli.clear());
  const start = (name: string, ...options: readonly string[]) =>
    cli.ok('run', '-d', '--name', name, '--network', 'none', ...options, freshRootfs(), '/bin/sleep', '1000');
  const pidOf = (name: string) => Number(cli.field(name, '.State.Pid'));

  test('exec is held to the container’s devices, with --privileged too, and after a restart', () => {
    start('entered', '--cap-add', 'MKNOD');
    const attempt = `rm -f /dev/disk; ${make}; ${read()}`;
    const check = (...options: readonly string[]) => {
      const { stdout, stderr } = cli.run('exec', ...options, 'entered', '/bin/sh', '-c', attempt);
      assert.is(stdout, 'made\n', stderr);
      assert.match(stderr, DENIED);
    };
    check();
    check('--privileged');
    cli.ok('stop', '-t', '0', 'entered');
    cli.ok('start', 'entered');
    check();
    check('--privileged');
  });

  test('an entering stub is under the list before it is in the container, and so is its child', async () => {
    start('waited', '--cap-add', 'MKNOD');
    const first = pidOf('waited');
    const own = [...cgroupsOf(first).values()].find((directory) => directory.endsWith('/container')) ?? '';
    const inside = () => readFileSync(join(own, 'cgroup.procs'), 'latin1').trim().split('\n').map(Number);
    cli.start('exec', 'waited', '/bin/sleep', '1000');
    await until('the command runs', () => inside().length === 2);
    const entered = inside().find((pid) => pid !== first);
    const stub = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${entered}/status`, 'latin1'))?.[1];
    const waits = [...cgroupsOf(Number(stub)).values()];
    assert.ok(waits.includes(join(own, '..', 'entering')), waits.join('\n'));
  });

  test('a container has a cgroup in every hierarchy; these and the cgroups that it made are removed', () => {
    const id = start('apart', '--cap-add', 'SYS_ADMIN');
    const directories = [...cgroupsOf(pidOf('apart')).values()];
    assert.is(directories.length > 0, true);
    for (const directory of directories) assert.match(directory, `/tsimg/${id}`);
    const [first] = facts.v1;
    const type = first === undefined ? '-t cgroup2' : `-t cgroup -o ${first.controllers.join(',')}`;
    cli.ok(
      'exec',
      'apart',
      '/bin/sh',
      '-c',
      `${BOX} mkdir /dev/c; ${BOX} mount ${type} c /dev/c; ${BOX} mkdir -p /dev/c/own/more`,
    );
    cli.ok('rm', '-f', 'apart');
    assert.equal(directories.filter(existsSync), []);
    const bases = [...facts.v1, ...facts.v2].map(({ directory }) => join(directory, 'tsimg', id));
    assert.equal(bases.filter(existsSync), []);
  });

  /** Runs without cgroup mounts, in a copy of the mounts. */
  const bare = (...args: readonly string[]) => {
    const script = 'busybox umount -l /sys/fs/cgroup && exec "$@"';
    const command = [process.execPath, '--', MAIN, 'run', '--rm', '--network', 'none', ...args];
    const env = { PATH: process.env.PATH, TSIMG_ROOT: join(cli.folder, '..') };
    const options = { encoding: 'utf8', env, timeout: 60_000 } as const;
    return spawnSync(findTool('unshare') ?? '', ['-m', 'sh', '-c', script, 'sh', ...command], options);
  };

  test('on a host without device lists, options that open devices are refused with a hint; all others work', () => {
    for (const option of ['--cap-add=MKNOD', '--cap-add=SYS_ADMIN', `--device=${disk.path}:/dev/given:r`]) {
      const { status, stderr } = bare(option, rootfs, '/bin/true');
      assert.is(status, 125, stderr);
      assert.match(stderr, option.split(/[=:]/)[0] ?? '');
      assert.match(stderr, /--privileged|rw/);
    }
    assert.is(bare(rootfs, '/bin/true').status, 0);
    assert.is(bare('--device', `${disk.path}:/dev/given`, rootfs, '/bin/true').status, 0);
    assert.is(bare('--privileged', rootfs, '/bin/sh', '-c', read(disk.path)).stdout, LOOP_CONTENT);
  });
});

asRoot.run();
asUser.run();
