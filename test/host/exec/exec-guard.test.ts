import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Attacks of a container on a command that is entering it, and of the command on its caller.

/** dist/src, as the tests run it. */
const STUB = join(import.meta.dirname, '..', '..', '..', 'src', 'sys', 'stub', `stub-${process.arch}`);

/** Reports all that a container can see of a stub before it becomes the command, and tries to write to its program. */
const WATCH = `while [ ! -e /seen ]; do for p in /proc/[0-9]*; do
  [ "$(cat $p/cmdline 2>/dev/null | tr -d '\\0')" = stub ] || continue
  { grep -E '^(CapPrm|CapBnd|Seccomp|NoNewPrivs|Uid):' $p/status; echo "exe: $(/bin/busybox readlink $p/exe)"
    echo "cwd: $(/bin/busybox readlink $p/cwd)"; echo "root: $(/bin/busybox readlink $p/root)"
    ls -l $p/fd | grep -o -- '-> .*'; (echo spoilt >>$p/exe) 2>/dev/null && echo WRITTEN; } >/report 2>/dev/null
  # Else it became the command while it was looked at
  [ "$(cat $p/cmdline 2>/dev/null | tr -d '\\0')" = stub ] && touch /seen; done; done; exec sleep 1000`;

/** A PATH so long that the search for the program takes a while. */
const LONG_PATH = `PATH=${'/a:'.repeat(20_000)}/bin`;

/** The host's own system, read-only, for its Python. */
const SYSTEM = ['/usr', '/lib', '/lib64', '/etc/alternatives']
  .filter((path) => existsSync(path))
  .flatMap((path) => ['-v', `${path}:${path}:ro`]);

/** Puts a line into the input of the terminals that it has open, and prints the results. */
const INJECT = `
import fcntl, os
def inject(fd):
    for each in b'injected\\n': fcntl.ioctl(fd, 0x5412, bytes([each]))
for name in (0, 1, 2, '/dev/tty'):
    try:
        inject(os.open(name, os.O_RDWR) if isinstance(name, str) else name)
        print('into', name)
    except OSError as error: print('not', name, error.errno)
`;

/** Runs a command at this terminal, then prints the terminal's input. */
const AT_TERMINAL = `
import select, subprocess, sys
subprocess.run(sys.argv[1:])
print('READ', repr(sys.stdin.readline()) if select.select([0], [], [], 1)[0] else 'nothing')
`;

const asRoot = suite('host/exec/exec-guard as root');
const asUser = suite('host/exec/exec-guard as an ordinary user');

defineRuns(asRoot, asUser, (test, { freshRootfs, user }) => {
  const cli = makeContainerCli(user);
  const start = (name: string, rootfs: string, options: readonly string[], script = 'exec sleep 1000') =>
    cli.ok('run', '-d', '--name', name, '--network', 'none', ...options, rootfs, '/bin/sh', '-c', script);
  test.after(() => cli.clear());

  test('before it is the command, a process in the container has only the container’s rights', async () => {
    const rootfs = freshRootfs();
    const before = readFileSync(STUB);
    start('watched', rootfs, ['--cap-add', 'SYS_PTRACE'], WATCH);
    const own = cli.ok(
      'exec',
      'watched',
      'grep',
      '-E',
      '^(CapPrm|CapBnd|Seccomp|NoNewPrivs|Uid):',
      '/proc/self/status',
    );
    for (let tries = 0; tries < 20 && !existsSync(join(rootfs, 'seen')); tries += 1) {
      cli.ok('exec', '-e', LONG_PATH, 'watched', 'true');
    }
    await until('the stub is seen', () => existsSync(join(rootfs, 'seen')));
    const report = readFileSync(join(rootfs, 'report'), 'latin1');
    assert.ok(report.startsWith(`${own}\nexe: `), report);
    const rest = report.slice(own.length + 1);
    if (user === undefined) {
      const [exe, cwd, root, ...fds] = rest.trimEnd().split('\n');
      assert.equal([exe, cwd, root], ['exe: /memfd:stub (deleted)', 'cwd: /', 'root: /']);
      for (const fd of fds) assert.match(fd, /^-> ((pipe|socket):\[\d+\]|\/dev\/null)$/);
    } else {
      // Its program was executed in another user namespace.
      assert.is(rest, 'exe: \ncwd: \nroot: \n');
    }
    assert.equal(readFileSync(STUB), before);
  });

  test('a script with /proc/self/exe as its interpreter does not run (CVE-2019-5736)', () => {
    const rootfs = freshRootfs();
    writeFileSync(join(rootfs, 'script'), '#!/proc/self/exe\n');
    chmodSync(join(rootfs, 'script'), 0o755);
    const before = readFileSync(STUB);
    start('scripted', rootfs, []);
    const { status, stdout, stderr } = cli.run('exec', 'scripted', '/script');
    assert.equal({ status, stdout }, { status: 126, stdout: '' }, stderr);
    assert.equal(readFileSync(STUB), before);
  });

  for (const [what, options] of [
    ['', []],
    [', also where programs may gain privileges', ['--security-opt', 'no-new-privileges=false']],
  ] as const) {
    test(`a user’s own filter holds for the command, even if it forbids the calls that install it${what}`, () => {
      const policy = join(tempDir(0o755), 'policy.json');
      const names = 'clone setsid prctl setresuid setresgid setgroups close_range statx waitid dup3 keyctl umask';
      const denied = { names: names.split(' '), action: 'SCMP_ACT_ERRNO' };
      writeFileSync(policy, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [denied] }));
      const name = `filtered${options.length}`;
      start(name, freshRootfs(), ['--security-opt', `seccomp=${policy}`, ...options]);
      const script =
        'while read -r line; do case "$line" in Seccomp:*|CapEff:*) echo "$line";; esac; done </proc/self/status';
      const own = cli.ok('exec', name, '/bin/sh', '-c', script);
      assert.is(own, 'CapEff:\t00000000800405fb\nSeccomp:\t2');
      assert.not.equal(cli.run('exec', name, '/bin/sh', '-c', 'true | true').status, 0);
    });
  }

  test('a directory of PATH that the user may not search is skipped', () => {
    const rootfs = freshRootfs();
    mkdirSync(join(rootfs, 'closed'), { mode: 0o700 });
    if (user !== undefined) chownSync(join(rootfs, 'closed'), user.uid, user.gid);
    start('closed', rootfs, []);
    const options = ['-u', '7', '-e', 'PATH=/closed:/bin', 'closed'];
    assert.is(cli.ok('exec', ...options, 'id', '-u'), '7');
    assert.is(cli.run('exec', ...options, 'no-such-command').status, 127);
  });

  test('a command has the limits of the container’s first command, including the number of processes', () => {
    const limits = ['nproc=700:900', 'nofile=80:90', 'core=0', 'fsize=100000000'].flatMap((each) => ['--ulimit', each]);
    start('limited', freshRootfs(), [...limits, '-u', user === undefined ? '77' : '0']);
    assert.is(
      cli.ok('exec', 'limited', 'cat', '/proc/self/limits'),
      cli.ok('exec', 'limited', 'cat', '/proc/1/limits'),
    );
    assert.match(cli.ok('exec', 'limited', 'grep', 'processes', '/proc/self/limits'), / 700 +900 /);
  });

  if (haveTools('python3', 'script')) {
    const python = ['/usr/bin/python3', '-I', '-c'];
    const started = ['-v', `${tempDir(0o755)}:/none`, ...SYSTEM];
    /** Returns a program's output, and the input that its terminal has afterwards. */
    const atTerminal = (...command: readonly string[]) => {
      const become =
        user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
      const words = [...become, ...python, AT_TERMINAL, ...command].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
      const env = { PATH: process.env.PATH, TERM: 'xterm', SHELL: '/bin/sh', TSIMG_ROOT: join(cli.folder, '..') };
      const child = spawn('script', ['-qec', words.join(' '), '/dev/null'], {
        env,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let all = '';
      child.stdout.on('data', (chunk) => (all += chunk));
      return new Promise<string>((resolve) => child.once('close', () => resolve(all.replaceAll('\r', ''))));
    };
    const exec = [process.execPath, '--', MAIN, 'exec'];

    test('input put into the command’s terminal does not reach the caller’s (CVE-2017-5226)', async () => {
      start('typing', freshRootfs(), started);
      const control = await atTerminal(...python, INJECT);
      if (!control.includes("READ 'injected\\n'")) return console.log('skipped: needs dev.tty.legacy_tiocsti');
      for (const options of [[], ['-i']]) {
        const said = await atTerminal(...exec, '--privileged', ...options, 'typing', ...python, INJECT);
        assert.match(said, /^not 0 \d+\nnot 1 \d+\nnot 2 \d+\nnot \/dev\/tty 6\nREAD nothing\n/m);
      }
      for (const options of [['-t'], ['-it']]) {
        const said = await atTerminal(...exec, '--privileged', ...options, 'typing', ...python, INJECT);
        if (user === undefined) assert.match(said, /into 0\n/);
        assert.match(said, /READ nothing\n/);
      }
    });
  }
});
asRoot.run();
asUser.run();
