import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compiledCode } from '../../support/command/compiled-code.ts';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { letRunBeside } from '../../support/command/resident-command.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { haveTools } from '../../support/tools.ts';

// Created containers, and the streams of containers that run in the background.

const asRoot = suite('cli/container/attach as root');
const asUser = suite('cli/container/attach as an ordinary user');

/**
 * Runs a command in a terminal of 91 columns. Each further pair of arguments is a text that is waited for, and what is
 * typed then. Ends with the status of the command.
 */
const IN_TERMINAL = `
import fcntl, os, pty, select, struct, sys, termios, time
count = int(sys.argv[1])
command, rest = sys.argv[2:2 + count], sys.argv[2 + count:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 91, 0, 0))
    os.execvp(command[0], command)
seen, shown = b'', b''
def pump():
    global seen, shown
    if select.select([fd], [], [], 0.1)[0]:
        try: data = os.read(fd, 65536)
        except OSError: return False
        seen += data; shown += data
    return True
end = time.time() + 90
for mark, typed in zip(rest[::2], rest[1::2]):
    while mark.encode() not in seen and time.time() < end and pump(): pass
    seen = seen[seen.find(mark.encode()) + len(mark.encode()):]
    os.write(fd, typed.encode())
while time.time() < end and pump(): pass
sys.stdout.buffer.write(shown); sys.stdout.flush()
os.close(fd)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** The targets of a process's descriptors; '' for one that is closed by then. */
const linkOf = (folder: string) => (fd: string) => {
  try {
    return readlinkSync(join(folder, fd));
  } catch {
    return '';
  }
};

/** What was read of a process, and its end. */
interface Heard {
  readonly status: number | null;
  readonly output: string;
}

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const place = ['--network', 'none', '-q'];
  const states = () => cli.ok('ps', '-a', '--format', '{{.Names}} {{.State}}');
  const env = { PATH: process.env.PATH ?? '', TERM: 'dumb', TSIMG_ROOT: dirname(cli.folder), ...compiledCode(user) };
  test.after.each(() => cli.clear());

  /** Counts the processes that are attached to a container, by the sockets of its monitor. */
  const attachedTo = (name: string) => {
    const folder = `/proc/${cli.field(name, '.State.ConmonPid')}/fd`;
    return () => {
      const links = readdirSync(folder).map(linkOf(folder));
      return readFileSync('/proc/net/unix', 'latin1')
        .split('\n')
        .filter((line) => line.endsWith('/attach') && / 0001 03 /.test(line))
        .filter((line) => links.includes(`socket:[${line.split(/ +/)[6]}]`)).length;
    };
  };

  /** Runs tsimg with its input left open, for two minutes at most. */
  function talk(...args: readonly string[]) {
    const child = spawn(process.execPath, ['--', MAIN, ...args], {
      env,
      timeout: 120_000,
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    // Each test waits until it is attached, or has said something
    letRunBeside(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const ended = new Promise<Heard>((resolve) => child.once('close', (status) => resolve({ status, output })));
    const seen = (text: string) => until(`${args.join(' ')} shows ${text}`, () => output.includes(text));
    return { child, ended, seen, type: (text: string) => child.stdin.write(text) };
  }

  function inTerminal(args: readonly string[], ...script: readonly string[]): Promise<Heard> {
    const command = [process.execPath, '--', MAIN, ...args];
    const child = spawn('/usr/bin/python3', ['-I', '-c', IN_TERMINAL, String(command.length), ...command, ...script], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    return new Promise((resolve) => child.once('close', (status) => resolve({ status, output })));
  }

  test('a created container does not run until it is started, and start -a has its streams and its status', async () => {
    const script = 'echo out; echo err >&2; cat; exit 6';
    const id = cli.ok('create', ...place, '-i', '--name', 'made', rootfs, '/bin/sh', '-c', script);
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.is(states(), 'made created');
    assert.match(cli.ok('ps', '-a', '--format', '{{.Status}}'), 'Created');
    const front = talk('start', '-ai', 'made');
    await front.seen('out\n');
    front.type('typed\n');
    await front.seen('typed\n');
    front.child.stdin.end();
    const { status, output } = await front.ended;
    assert.is(status, 6);
    assert.equal(output.split('\n').toSorted(), ['', 'err', 'out', 'typed']);
    assert.is(states(), 'made exited');
    assert.is(cli.run('start', '-a', 'made', 'made').status, 2);
    cli.ok('rm', 'made');
  });

  test('a created container with --rm stays until it has run, and is not swept as a leftover', async () => {
    cli.ok('create', ...place, '--rm', '--name', 'once', rootfs, '/bin/sh', '-c', 'echo ran');
    assert.is(states(), 'once created');
    assert.is(cli.ok('start', '-a', 'once'), 'ran');
    assert.equal(cli.directories(), []);
    assert.is(cli.run('create', ...place, rootfs, '/bin/sh', '-v').status, 0);
    assert.is(cli.run('create', ...place, '--cap-add', 'NOTHING', rootfs, 'true').status, 2);
  });

  test('a created container with --rm does not outlive a start that fails; another one can be started again', () => {
    for (const attached of [[], ['-a']]) {
      cli.ok('create', ...place, '--rm', '--name', 'once', rootfs, 'missing');
      const { status, stderr } = cli.run('start', ...attached, 'once');
      assert.is(status, 1, stderr);
      assert.match(stderr, /^tsimg: the command was not found \(missing\)/);
      assert.equal(cli.directories(), []);
      assert.equal(readdirSync(join(cli.folder, 'names')), []);
    }
    cli.ok('create', ...place, '--name', 'stays', rootfs, 'missing');
    assert.is(cli.run('start', 'stays').status, 1);
    assert.is(states(), 'stays created');
  });

  test('several processes are attached at once; one that ends does not end the container', async () => {
    const script = 'while read line; do echo "got $line"; [ "$line" = last ] && exit 3; done; echo closed';
    cli.ok('run', ...place, '-d', '-i', '--name', 'talks', rootfs, '/bin/sh', '-c', script);
    const attached = attachedTo('talks');
    const [listener, first, other] = [
      talk('attach', '--no-stdin', 'talks'),
      talk('attach', 'talks'),
      talk('attach', 'talks'),
    ];
    await until('three are attached', () => attached() === 3);
    first.type('one\n');
    await other.seen('got one\n');
    first.child.kill('SIGKILL');
    other.type('two\n');
    await listener.seen('got two\n');
    other.type('last\n');
    const [heard, said] = await Promise.all([listener.ended, other.ended]);
    assert.equal([heard.status, said.status], [3, 3]);
    for (const { output } of [heard, said]) assert.is(output, 'got one\ngot two\ngot last\n');
  });

  test('signals go to the container, with --sig-proxy=false to the attached process only', async () => {
    const script = 'trap "echo bye; exit 9" INT; echo up; while true; do sleep 0.05; done';
    cli.ok('run', ...place, '-d', '--name', 'traps', rootfs, '/bin/sh', '-c', script);
    await until('it is up', () => cli.run('logs', 'traps').stdout === 'up\n');
    const attached = attachedTo('traps');
    const [apart, near] = [talk('attach', '--sig-proxy=false', 'traps'), talk('attach', 'traps')];
    await until('both are attached', () => attached() === 2);
    apart.child.kill('SIGINT');
    assert.is((await apart.ended).status, 130);
    assert.is(states(), 'traps running');
    near.child.kill('SIGINT');
    assert.equal(await near.ended, { status: 9, output: 'bye\n' });
  });

  test('an attached process that does not read does not keep a container from ending', async () => {
    cli.ok('create', ...place, '--name', 'loud', rootfs, '/bin/sh', '-c', 'cat /bin/busybox /bin/busybox; exit 4');
    const child = cli.start('start', '-a', 'loud');
    letRunBeside(child);
    child.stdout?.pause();
    await until('it runs', () => states() !== 'loud created');
    cli.ok('stop', '-t', '0', 'loud');
    assert.is(states(), 'loud exited');
    child.kill('SIGKILL');
  });

  test('the detach keys leave a terminal, of run, attach and start; the container goes on', async () => {
    if (!haveTools('python3')) return;
    const KEYS = '\u0010\u0011';
    const shell = [rootfs, '/bin/sh', '-c', 'echo "size $(stty size)"; while read line; do echo "got $line"; done'];
    const run = await inTerminal(
      ['run', '--network', 'none', '-it', '--detach-keys', 'ctrl-p,ctrl-q', '--name', 'term', ...shell],
      'size 33 91',
      'abc\n',
      'got abc',
      KEYS,
    );
    assert.match(run.output, 'detached: the container goes on');
    assert.is(run.status, 0);
    assert.is(states(), 'term running');
    cli.ok('exec', 'term', 'true');
    const again = await inTerminal(['attach', '--detach-keys', 'x,ctrl-y', 'term'], '', 'x1\n', 'got x1', 'x\u0019');
    assert.match(again.output, 'detached: the container goes on');
    assert.is(again.status, 0);
    const last = await inTerminal(['start', '-ai', 'term'], '', 'end\n', 'got end', '\u0004');
    assert.is(last.status, 0);
    assert.is(states(), 'term exited');
    const wrong = cli.run('attach', '--detach-keys', 'ctrl-1', 'term');
    assert.is(wrong.status, 1);
    assert.match(
      cli.run('start', '-a', '--detach-keys', 'ctrl-1', 'term').stderr,
      /not a key \(--detach-keys ctrl-1\)/,
    );
  });

  test('a container of the foreground, a paused one and one that has ended are not attached to', async () => {
    const front = cli.start('run', ...place, '--name', 'front', rootfs, 'sleep', '1000');
    letRunBeside(front);
    await until('it runs', () => states() === 'front running');
    const refused = cli.run('attach', 'front');
    assert.is(refused.status, 1);
    assert.match(refused.stderr, /cannot be attached to \(front\): it runs in the foreground of another tsimg/);
    front.kill('SIGTERM');
    await until('it has ended', () => states() === 'front exited');
    assert.match(cli.run('attach', 'front').stderr, 'the container is not running (front)');
  });
});

asRoot.run();
asUser.run();
