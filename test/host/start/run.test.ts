import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stateRootOf } from '../../support/command/state-root.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { runInContainer } from '../../support/container/container.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { runWithoutMountsLeft } from '../../support/host/mounts-left.ts';
import { becomeWords } from '../../support/host/ordinary-user.ts';

/** `Name:\tvalue` lines of /proc/PID/status. */
function statusFields(text: string): ReadonlyMap<string, string> {
  return new Map(text.split('\n').map((line) => [line.split(':')[0] ?? '', line.split(':\t')[1]?.trim() ?? '']));
}

const asRoot = suite('host/start/run as root');
const asUser = suite('host/start/run as an ordinary user');

defineRuns(asRoot, asUser, (test, { sh, rootfs, freshRootfs, user }) => {
  test('a command runs as process 1, as root of the container, and its output arrives', async () => {
    const { status, stdout, stderr } = await sh('echo $$; id -u; id -g; echo err >&2');
    assert.equal([status, stdout, stderr], [0, '1\n0\n0\n', 'err\n']);
  });

  test('containers that start at once in a root filesystem without places for mounts all start', async () => {
    const fresh = freshRootfs();
    const request = { command: ['/bin/sh', '-c', 'exit 7'], volumes: [`${fresh}/bin:/new/place`] };
    const runs = await Promise.all(
      Array.from({ length: 6 }, () => runInContainer({ rootfs: fresh, request }, { user })),
    );
    assert.equal(
      runs.map(({ status, stderr }) => [status, stderr]),
      runs.map(() => [7, '']),
    );
  });

  for (const status of [0, 3, 255]) {
    test(`a command's exit status ${status} is the run's`, async () => {
      assert.is((await sh(`exit ${status}`)).status, status);
    });
  }

  test('a missing command is 127, one that cannot be invoked 126, a failure of tsimg 125', async () => {
    const of = async (command: readonly string[]) => (await sh('', { command })).status;
    assert.is(await of(['no-such-program']), 127);
    assert.is(await of(['/no/such/program']), 127);
    assert.is(await of(['/bin']), 126);
    assert.is((await sh('', { command: [] })).status, 125);
    assert.is((await sh('true', { user: 'nobody-knows-me' })).status, 125);
  });

  test('a program is looked up in the container’s PATH, never in the host’s', async () => {
    assert.is((await sh('', { command: ['echo', 'x'] })).stdout, 'x\n');
    assert.is((await sh('', { command: ['echo', 'x'], env: ['PATH=/nowhere'] })).status, 127);
  });

  test('the process has the eleven capabilities and no more, and cannot gain any', async () => {
    const fields = statusFields((await sh('cat /proc/self/status')).stdout);
    for (const set of ['CapBnd', 'CapPrm', 'CapEff']) assert.is(fields.get(set), '00000000800405fb', set);
    for (const set of ['CapInh', 'CapAmb']) assert.is(fields.get(set), '0000000000000000', set);
    assert.is(fields.get('NoNewPrivs'), '1');
    assert.is(fields.get('Groups'), '0');
  });

  test('a user who is not root has no capabilities, and its own group only', async () => {
    const fields = statusFields((await sh('cat /proc/self/status', { user: '7:8' })).stdout);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) assert.is(fields.get(set), '0000000000000000', set);
    assert.is(fields.get('CapBnd'), '00000000800405fb');
    assert.is(fields.get('Uid'), '7\t7\t7\t7');
    assert.is(fields.get('Gid'), '8\t8\t8\t8');
    assert.is(fields.get('Groups'), '8');
  });

  test('capabilities are added and dropped by name, and ALL is all', async () => {
    const bounding = async (capAdd: string[], capDrop: string[]) =>
      statusFields((await sh('cat /proc/self/status', { capAdd, capDrop })).stdout).get('CapBnd');
    assert.is(await bounding(['net_raw'], ['CAP_KILL']), '00000000800425db');
    assert.is(await bounding([], ['ALL']), '0000000000000000');
    assert.is(await bounding(['chown'], ['all']), '0000000000000001');
  });

  test('signals are at their defaults, none is blocked, and no core is dumped', async () => {
    const { stdout } = await sh('cat /proc/self/status; ulimit -c; ulimit -n; umask');
    const fields = statusFields(stdout);
    assert.is(fields.get('SigBlk'), '0000000000000000');
    assert.is(fields.get('SigIgn'), '0000000000000000');
    assert.equal(stdout.split('\n').slice(-4, -1), ['0', '1024', '0022']);
  });

  test('only descriptors 0, 1 and 2 are open', async () => {
    const { stdout } = await sh('', { command: ['/bin/ls', '/proc/self/fd'] });
    // ls has the directory itself open as 3.
    assert.equal(stdout.trim().split(/\s+/), ['0', '1', '2', '3']);
  });

  test('/dev holds six devices, terminals, shared memory and queues, and links', async () => {
    const { stdout } = await sh(
      'ls /dev; cd /dev; for d in null zero full random urandom tty; do stat -c "%n %F %t:%T %a" $d; done',
    );
    const lines = stdout.trim().split('\n');
    assert.equal(
      lines.slice(0, 14).join(' '),
      'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero',
    );
    assert.equal(lines.slice(14), [
      'null character special file 1:3 666',
      'zero character special file 1:5 666',
      'full character special file 1:7 666',
      'random character special file 1:8 666',
      'urandom character special file 1:9 666',
      'tty character special file 5:0 666',
    ]);
  });

  test('no mount of the host is seen, and files about the host are hidden or read-only', async () => {
    const { stdout } = await sh(
      'cat /proc/self/mountinfo; cat /proc/timer_list /proc/keys; echo x > /proc/sys/kernel/panic',
    );
    const mounts = new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' '))
        .map((fields) => [fields[4] ?? '', fields] as const),
    );
    assert.is(mounts.get('/')?.[3], rootfs);
    assert.ok(mounts.get('/')?.[5]?.includes('nodev'));
    for (const path of ['/sys', '/proc/sys', '/proc/bus', '/proc/irq'])
      assert.match(mounts.get(path)?.[5] ?? '', /^ro/, path);
    assert.is(mounts.get('/dev')?.[8], 'tmpfs');
    assert.ok(mounts.has('/proc/timer_list'));
    assert.not.ok([...mounts.keys()].some((path) => path.startsWith('/tmp') || path.startsWith('/home')));
    assert.is(
      (await sh('cat /proc/timer_list /proc/keys /proc/interrupts | wc -c; echo x > /proc/sys/kernel/panic')).stdout,
      '0\n',
    );
  });

  test('the container has a host name, a network with lo alone, and message queues of its own', async () => {
    const host = readlinkSync('/proc/self/ns/net');
    const { stdout } = await sh(
      'hostname; ip -o link | cut -d: -f2; ip -o addr | grep -c 127.0.0.1; ls -l /proc/self/ns/net',
    );
    const [name, ...rest] = stdout.trim().split('\n');
    assert.match(name ?? '', /^[0-9a-f]{12}$/);
    assert.equal(rest.slice(0, 2), [' lo', '1']);
    assert.not.ok(stdout.includes(host));
    assert.is((await sh('hostname', { hostname: 'box.example' })).stdout, 'box.example\n');
    assert.is(hostname(), readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
  });

  test('a message queue of the host is not seen', async () => {
    const made = spawnSync('ipcmk', ['-Q'], { encoding: 'utf8' });
    const id = /\d+/.exec(made.stdout)?.[0] ?? '';
    try {
      assert.match(spawnSync('ipcs', ['-q'], { encoding: 'utf8' }).stdout, new RegExp(`\\b${id}\\b`));
      const { stdout } = await sh('ipcs -q | grep -c 0x; cat /proc/sysvipc/msg | wc -l');
      assert.is(stdout, '0\n1\n');
    } finally {
      spawnSync('ipcrm', ['-q', id]);
    }
  });

  test('/etc/hosts and /etc/hostname are the container’s own, and the root filesystem’s stay as they are', async () => {
    const { stdout } = await sh('cat /etc/hosts; cat /etc/hostname; echo 127.0.0.1 more >> /etc/hosts', {
      hostname: 'box',
    });
    assert.is(stdout, '127.0.0.1\tlocalhost box\n::1\tlocalhost ip6-localhost ip6-loopback\nbox\n');
    assert.is(readFileSync(`${rootfs}/etc/hosts`, 'utf8'), '');
  });

  test('with the host’s network, the host’s name servers are used', async () => {
    const { stdout } = await sh('cat /etc/resolv.conf; echo broken > /etc/resolv.conf', { network: 'host' });
    assert.is(stdout, readFileSync('/etc/resolv.conf', 'utf8'));
  });

  test('--network host shows the host’s devices, and /sys still cannot be written to', async () => {
    const { stdout, status, stderr } = await sh('ls -l /proc/self/ns/net; grep " /sys " /proc/self/mountinfo', {
      network: 'host',
    });
    assert.is(status, 0, stderr);
    assert.ok(stdout.includes(readlinkSync('/proc/self/ns/net')));
    assert.match(stdout, / \/sys ro,nosuid,nodev,noexec/);
  });

  test('only the variables that -e names come from the caller’s environment', async () => {
    const env = { SECRET: 's', GIVEN: 'g', LD_PRELOAD_X: 'x', NODE_OPTIONS: '--no-warnings' };
    const { stdout } = await sh(
      '',
      { command: ['env'], env: ['GIVEN', 'A=1', 'ABSENT'] },
      { env, ...(user && { user }) },
    );
    assert.equal(
      stdout
        .trim()
        .split('\n')
        .filter((line) => !/^HOSTNAME=[0-9a-f]{12}$/.test(line))
        .sort(),
      ['A=1', 'GIVEN=g', 'HOME=/', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    );
  });

  test('LD_PRELOAD and the like reach the command alone, no program of the host', async () => {
    const { status, stdout, stderr } = await sh('', {
      command: ['env'],
      env: ['LD_PRELOAD=/nowhere.so', 'LD_LIBRARY_PATH=/nowhere', 'GLIBC_TUNABLES=x'],
    });
    assert.equal([status, stderr], [0, '']);
    assert.ok(stdout.includes('LD_PRELOAD=/nowhere.so\n'));
  });

  test('without -i standard input is empty, with -i piped input arrives', async () => {
    assert.is((await sh('cat; ls -l /proc/self/fd/0', {}, { input: 'data' })).stdout.includes('data'), false);
    assert.is((await sh('cat', { interactive: true }, { input: 'data' })).stdout, 'data');
  });

  test('a user of the container can open /dev/stdout and /dev/stderr', async () => {
    const { stdout, stderr } = await sh('echo out > /dev/stdout; echo err > /dev/stderr', { user: '7' });
    assert.equal([stdout, stderr], ['out\n', 'err\n']);
  });

  test('a mebibyte of output arrives whole', async () => {
    const { stdout } = await sh(
      'i=0; while [ $i -lt 16 ]; do cat /bin/busybox | head -c 65536 | tr -c "" x; i=$((i+1)); done',
    );
    assert.is(stdout.length, 1024 * 1024);
  });

  test('changes stay in the root filesystem, unless it is read-only', async () => {
    assert.is((await sh('echo kept > /file')).status, 0);
    assert.is(readFileSync(`${rootfs}/file`, 'utf8'), 'kept\n');
    const { status, stderr } = await sh('echo x > /other', { readOnly: true });
    assert.is(status, 1);
    assert.match(stderr, /Read-only file system/);
  });

  test('a missing working directory is made; it must be absolute', async () => {
    assert.is((await sh('pwd', { workdir: '/made/here' })).stdout, '/made/here\n');
    assert.is((await sh('pwd', { workdir: 'here' })).status, 125);
  });

  test('a mount for a program’s own use is not left on the host', async () => {
    const words = ['run', '--rm', '--network', 'none', '--tmpfs', '/scratch', rootfs, '/bin/true'];
    const env = { PATH: process.env.PATH, TSIMG_ROOT: stateRootOf(user) };
    const { status, stderr } = runWithoutMountsLeft([...becomeWords(user), process.execPath, MAIN, ...words], { env });
    assert.is(status, 0, stderr);
  });
});
asRoot.run();
asUser.run();
