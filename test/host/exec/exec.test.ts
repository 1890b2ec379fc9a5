import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { compiledCode } from '../../support/command/compiled-code.ts';
import { stateRootOf } from '../../support/command/state-root.ts';
import { MAIN, tsimg } from '../../support/command/tsimg.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { canRunContainers, defineRuns, type RunFixture } from '../../support/container/define-runs.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { prepare } from '../../support/prepare.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { findTool } from '../../support/tools.ts';

const asRoot = suite('host/exec/exec as root');
const asUser = suite('host/exec/exec as an ordinary user');
const asSingle = suite('host/exec/exec as a user with a single ID');

const PASSWD = 'root:x:0:0::/root:/bin/sh\napp:x:100:101::/home/app:/bin/sh\n';
const GROUP = 'staff:x:202:app\n';

const STATUS = "cat /proc/self/status | grep -E '^(Cap|Seccomp|NoNewPrivs|Groups|Uid|Gid|Umask)'";
const NAMESPACES = 'for n in user mnt pid net ipc uts cgroup time; do /bin/busybox readlink /proc/self/ns/$n; done';

/** Starts a container that keeps running; returns functions to use it. */
function withContainer(name: string, user: OrdinaryUser | undefined, rootfs: string, options: readonly string[] = []) {
  const as = user === undefined ? {} : { user };
  const call = (...args: readonly string[]) => tsimg(args, as);
  return {
    call,
    start(script = 'exec sleep 1000') {
      const { status, stderr } = call(
        'run',
        '-d',
        '--name',
        name,
        '--network',
        'none',
        ...options,
        rootfs,
        '/bin/sh',
        '-c',
        script,
      );
      assert.is(status, 0, stderr);
    },
    end: () => call('rm', '-f', name),
    exec: (...args: readonly string[]) => call('exec', ...args),
    /** Runs a script in the container. */
    sh: (script: string, ...args: readonly string[]) => call('exec', ...args, name, '/bin/sh', '-c', script),
    /** Starts a command in the container, asynchronously. */
    beside(...args: readonly string[]): ChildProcess {
      const env = { PATH: process.env.PATH, TSIMG_ROOT: stateRootOf(user), ...compiledCode(user) };
      const ids = user === undefined ? {} : { uid: user.uid, gid: user.gid };
      return spawn(process.execPath, ['--', MAIN, 'exec', ...args], { env, stdio: 'pipe', ...ids });
    },
    /** Waits until a script in the container succeeds. */
    async until(script: string) {
      for (let attempt = 0; attempt < 200; attempt += 1) {
        if (call('exec', name, '/bin/sh', '-c', script).status === 0) return;
        await sleep(100);
      }
      throw new Error(`it never came to that: ${script}`);
    },
  };
}

function statusOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve) => child.once('exit', (status, signal) => resolve(status ?? signal)));
}

function spoil(rootfs: string, user: OrdinaryUser | undefined, make: (rootfs: string) => void): void {
  make(rootfs);
  if (user !== undefined) spawnSync('chown', ['-hR', `${user.uid}:${user.gid}`, rootfs]);
}

defineRuns(asRoot, asUser, (test, { freshRootfs, user }: RunFixture) => {
  const rootfs = freshRootfs();
  spoil(rootfs, user, () => spawnSync('mkdir', ['-p', `${rootfs}/etc`, `${rootfs}/home/app`, `${rootfs}/srv`]));
  writeFileSync(join(rootfs, 'etc/passwd'), PASSWD);
  writeFileSync(join(rootfs, 'etc/group'), GROUP);
  symlinkSync('busybox', join(rootfs, 'bin/tty'));
  // The first process records its state, for comparison with later commands.
  const box = withContainer('box', user, rootfs, [
    '--cap-add',
    'SYS_PTRACE',
    '--umask',
    '027',
    '-e',
    'GIVEN=run',
    '-w',
    '/srv',
  ]);
  prepare(test, () =>
    box.start(`(${STATUS}) >/status; (${NAMESPACES}) >/namespaces; cat /proc/self/cgroup >/cgroup; exec sleep 1000`),
  );
  test.after(() => void box.end());

  test('a command has the namespaces, cgroups and rights of the container’s first command', async () => {
    await box.until('grep -q . /cgroup');
    const { stdout, status } = box.sh(
      [
        `${STATUS} | cmp - /status`,
        `(${NAMESPACES}) | cmp - /namespaces`,
        'cat /proc/self/cgroup | cmp - /cgroup',
        'echo equal',
      ]
        .join(' && ')
        .replaceAll('cmp', '/bin/busybox cmp'),
    );
    assert.equal([status, stdout], [0, 'equal\n']);
  });

  test('it has three descriptors, no terminal, no ignored or blocked signal and a session of its own', () => {
    const { stdout } = box.sh(
      [
        'cd /proc/self/fd; echo *',
        "grep -E '^Sig(Ign|Blk)' /proc/self/status",
        "(echo x >/dev/tty) 2>&1 | grep -c 'No such device'",
        `[ "$(/bin/busybox cut -d' ' -f6 /proc/$$/stat)" = $$ ] && echo leader`,
      ].join('; '),
    );
    const [fds = '', ...rest] = stdout.trimEnd().split('\n');
    // The shell has one more descriptor open: the directory that it lists.
    assert.match(fds, /^0 1 2( \d+)?$/);
    assert.equal(rest, ['SigBlk:\t0000000000000000', 'SigIgn:\t0000000000000000', '1', 'leader']);
  });

  test('its environment is the container’s with -e’s variables, and nothing of the caller’s', () => {
    const { stdout } = tsimg(['exec', '-e', 'MORE=exec', 'box', '/bin/env'], {
      ...(user === undefined ? {} : { user }),
      env: { TSIMG_ROOT: stateRootOf(user), PATH: process.env.PATH ?? '', SECRET: 'host', LD_PRELOAD: '' },
    });
    const names = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^HOSTNAME=.*/, 'HOSTNAME'));
    assert.equal(names.toSorted(), [
      'GIVEN=run',
      'HOME=/root',
      'HOSTNAME',
      'MORE=exec',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ]);
  });

  test('the user is the container’s or -u’s, with home and groups; the directory is the container’s or -w’s', () => {
    assert.is(
      box.sh('id -u; id -g; id -G; echo $HOME; pwd', '-u', 'app').stdout,
      '100\n101\n101 202\n/home/app\n/srv\n',
    );
    assert.is(box.sh('id -u; id -g; pwd', '-u', '7:8', '-w', '/bin').stdout, '7\n8\n/bin\n');
  });

  test('--privileged gives all capabilities and no filter', () => {
    const { stdout } = box.sh('grep -E "^(CapEff|Seccomp):" /proc/self/status', '--privileged');
    assert.match(stdout, /Seccomp:\t0\n/);
    assert.ok(BigInt(`0x${/CapEff:\t([0-9a-f]+)/.exec(stdout)?.[1]}`) > 0xffff_ffffn);
  });

  test('the exit status is the command’s, or docker’s for a failure of exec', () => {
    assert.is(box.sh('exit 0').status, 0);
    assert.is(box.sh('exit 3').status, 3);
    assert.is(box.sh('kill -TERM $$').status, 143);
    assert.is(box.sh('kill -KILL $$').status, 137);
    assert.is(box.exec('box', '/etc/passwd').status, 126);
    assert.is(box.exec('box', 'no-such-command').status, 127);
    assert.is(box.exec('-w', '/no/such/place', 'box', 'true').status, 127);
    assert.is(box.exec('-u', 'nobody-knows', 'box', 'true').status, 125);
    assert.is(box.exec('--no-such-option', 'box', 'true').status, 125);
    const { status, stderr } = box.exec('no-such-container', 'true');
    assert.equal([status, stderr.trimEnd().split('\n').length], [125, 1]);
  });

  test('standard input is passed on with -i, and is empty without', () => {
    const as = user === undefined ? {} : { user };
    const input = 'some words\n';
    assert.is(tsimg(['exec', '-i', 'box', '/bin/cat'], { ...as, input }).stdout, input);
    assert.is(tsimg(['exec', 'box', '/bin/cat'], { ...as, input }).stdout, '');
  });

  test('large output arrives whole, on standard output and standard error', () => {
    const { stdout, stderr } = box.sh('head -c 5000000 /dev/zero; echo end; echo err >&2', '-u', 'app');
    assert.is(stdout.length, 5_000_004);
    assert.equal([stdout.slice(-4), stderr], ['end\n', 'err\n']);
  });

  test('background processes of the command do not keep the caller waiting', () => {
    const { status, stdout } = box.sh('sleep 600 & echo done');
    assert.equal([status, stdout], [0, 'done\n']);
  });

  test('-t makes a terminal that exists in the container, with the caller’s size, and -i goes through it', () => {
    const script = 'tty; stty size; read line; echo "<$line>"; exit 5';
    const command = `stty rows 33 cols 77; ${process.execPath} -- ${MAIN} exec -it box /bin/sh -c '${script}'`;
    const identity =
      user === undefined ? [] : ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
    const { stdout, status } = spawnSync(
      'script',
      ['-qec', `setpriv ${identity.join(' ')} sh -c '${command.replaceAll("'", "'\\''")}'`, '/dev/null'],
      {
        encoding: 'utf8',
        input: 'typed\n',
        timeout: 60_000,
        env: { PATH: process.env.PATH, TERM: 'xterm', TSIMG_ROOT: stateRootOf(user), SHELL: '/bin/sh' },
      },
    );
    const text = stdout.replaceAll('\r', '');
    assert.match(text, /\/dev\/pts\/\d+\n/);
    assert.match(text, /33 77\n/);
    assert.match(text, /<typed>\n/);
    assert.is(status, 5);
  });

  test('signals are passed on to the command', async () => {
    const child = box.beside('box', '/bin/sh', '-c', 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done');
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGTERM');
    assert.is(await statusOf(child), 9);
  });

  test('when the caller is killed, its command is killed', async () => {
    const child = box.beside('box', '/bin/sh', '-c', 'echo up; exec sleep 771');
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGKILL');
    assert.is(await statusOf(child), 'SIGKILL');
    await box.until('! ps | grep -q "[s]leep 771"');
  });

  test('-d returns when the command runs, and fails where it cannot; the command goes on', async () => {
    const { status, stdout } = box.exec('-d', 'box', '/bin/sleep', '772');
    assert.equal([status, stdout], [0, '']);
    await box.until('ps | grep -q "[s]leep 772"');
    assert.is(box.exec('-d', 'box', 'no-such-command').status, 127);
  });

  test('a container that may trace its processes never sees a process of the host', async () => {
    const mark = join(tempDir(0o755), 'mark');
    writeFileSync(mark, '');
    const look = ['root', 'cwd'].map((link) => `[ -e $p/${link}${mark} ] && echo SEEN $p;`).join(' ');
    const scan = `echo up; while [ ! -e /stop ]; do for p in /proc/[0-9]*; do ${look} done; done; echo scanned`;
    const scanner = box.beside('box', '/bin/sh', '-c', scan);
    let seen = '';
    scanner.stdout?.on('data', (chunk) => (seen += chunk));
    await new Promise((resolve) => scanner.stdout?.once('data', resolve));
    for (let times = 0; times < 4; times += 1) assert.is(box.exec('box', 'true').status, 0);
    writeFileSync(join(rootfs, 'stop'), '');
    assert.is(await statusOf(scanner), 0);
    assert.is(seen, 'up\nscanned\n');
  });

  test('links and FIFOs made after the start do not lead to the host, and do not hang exec', () => {
    const other = freshRootfs();
    const hostile = withContainer('hostile', user, other);
    hostile.start();
    try {
      const secret = join(tempDir(0o755), 'passwd');
      writeFileSync(secret, 'stolen:x:4242:4242::/:/bin/sh\n');
      spoil(other, user, () => {
        spawnSync('mkdir', ['-p', `${other}/etc`]);
        symlinkSync(`../../../../../..${secret}`, `${other}/etc/passwd`);
        symlinkSync('/proc/self/fd/9', `${other}/place`);
        symlinkSync(secret.replace(/\/passwd$/, ''), `${other}/outside`);
      });
      assert.is(hostile.exec('-u', 'stolen', 'hostile', 'true').status, 125);
      for (const fd of [4, 8, 9]) assert.is(hostile.exec('-w', `/proc/self/fd/${fd}`, 'hostile', 'true').status, 127);
      assert.is(hostile.exec('-w', '/place', 'hostile', 'true').status, 127);
      assert.is(hostile.exec('-w', '/outside', 'hostile', 'true').status, 127);
      spoil(other, user, () => {
        spawnSync('rm', [`${other}/etc/passwd`]);
        spawnSync('mkfifo', [`${other}/etc/passwd`]);
      });
      assert.is(hostile.exec('hostile', 'true').status, 125);
    } finally {
      hostile.end();
    }
  });

  test('a toolbox brings a shell to a container without one, and sees its processes, files and network', () => {
    const bare = tempDir(0o755);
    spoil(bare, user, () => copyFileSync(findTool('busybox') ?? '', join(bare, 'busybox')));
    const box = withContainer('bare', user, bare);
    assert.is(box.call('run', '-d', '--name', 'bare', '--network', 'none', bare, '/busybox', 'sleep', '773').status, 0);
    try {
      assert.is(box.exec('bare', 'sh').status, 127);
      const script =
        'is_same() { [ $(readlink /proc/1/ns/$1) = $(readlink /proc/self/ns/$1) ]; }; ' +
        'ps; ls /container; touch /new /container/kept; ' +
        'for n in user pid net ipc uts cgroup; do is_same $n || echo other $n; done; ' +
        'is_same mnt || echo own mnt; exit 6';
      const { status, stdout } = box.exec('--toolbox', EXAMPLE_IMAGE, '-e', 'A=b', 'bare', 'sh', '-c', script);
      assert.is(status, 6);
      assert.match(stdout, /1 root +\/busybox sleep 773/);
      assert.match(stdout, /^busybox$/m);
      assert.is(stdout.split('\n').slice(-2).join('\n'), 'own mnt\n');
      assert.not.match(stdout, /^other/m);
      assert.ok(existsSync(join(bare, 'kept')));
      assert.not.ok(existsSync(join(bare, 'new')));
      // The toolbox is removed with its command.
      assert.is(box.exec('--toolbox', EXAMPLE_IMAGE, 'bare', 'ls', '/new').status, 1);
      assert.equal(
        readdirSync(join(stateRootOf(user), 'containers')).length,
        readdirSync(join(stateRootOf(user), 'containers', 'names')).length + 1,
      );
      assert.is(box.exec('-d', '--toolbox', EXAMPLE_IMAGE, 'bare', 'sh').status, 125);
      assert.match(box.exec('--dry-run', '--toolbox', EXAMPLE_IMAGE, 'bare').stdout, /exec \/bin\/sh\n$/);
    } finally {
      box.end();
    }
  });

  test('a container that has ended is refused, and its commands end with it', async () => {
    const brief = withContainer('brief', user, rootfs);
    brief.start();
    try {
      const child = brief.beside('brief', '/bin/sh', '-c', 'echo up; exec sleep 600');
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      brief.call('kill', 'brief');
      assert.is(await statusOf(child), 137);
      brief.call('wait', 'brief');
      const { status, stderr } = brief.exec('brief', 'true');
      assert.equal([status, stderr.includes('is not running')], [125, true]);
    } finally {
      brief.end();
    }
  });
});

if (canRunContainers()) {
  const single = makeOrdinaryUser({ subordinate: false });
  if (single !== undefined) {
    const rootfs = makeBusyboxRootfs(tempDir(0o755));
    spoil(rootfs, single, () => {});
    const box = withContainer('box', single, rootfs, ['--time-namespace']);
    prepare(asSingle, () => box.start(`(${NAMESPACES}) >/namespaces; exec sleep 1000`));
    asSingle.after(() => void box.end());

    asSingle('all namespaces are joined, the time namespace included, and the user is root', async () => {
      await box.until('grep -q . /namespaces');
      const { stdout, stderr } = box.sh(`id -u; (${NAMESPACES}) | /bin/busybox cmp - /namespaces && echo equal`);
      assert.equal([stdout, stderr], ['0\nequal\n', '']);
    });

    asSingle('a user that is not mapped is refused', () => {
      assert.is(box.exec('-u', '1', 'box', 'true').status, 125);
    });
  }
}

asRoot.run();
asUser.run();
asSingle.run();
