import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stateRootOf } from '../../support/command/state-root.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { haveTools } from '../../support/tools.ts';

/**
 * Runs a program at a terminal of 77 by 33. Argument 1 is the input, a line each, `^C` as it is. Prints the mode of the
 * terminal afterwards.
 */
const DRIVER = `
import fcntl, os, pty, select, signal, struct, sys, termios, time
keys = sys.argv[1].split('\\n')
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 77, 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b''
def until(mark):
    global seen
    end = time.time() + 20
    while mark not in seen and time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try: seen += os.read(fd, 65536)
            except OSError: return
for key in keys:
    if not key: continue
    if key.startswith('wait '): until(key[5:].encode())
    elif key.startswith('resize '):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', *map(int, key[7:].split()), 0, 0))
        os.kill(pid, signal.SIGWINCH)
    else: os.write(fd, b'\\x03' if key == '^C' else key.encode() + b'\\r')
until(b'\\0never')
_, output, _, flags = termios.tcgetattr(fd)[:4]
sys.stdout.buffer.write(seen)
echo = 'echo' if flags & termios.ECHO else 'silent'
print('\\nLEFT', echo, 'lines' if flags & termios.ICANON and output & termios.OPOST else 'raw', os.waitpid(pid, 0)[1] >> 8)
`;

function outputOf(child: ChildProcess): Promise<string> {
  let all = '';
  child.stdout?.on('data', (chunk) => (all += chunk));
  return new Promise((resolve) => child.once('close', () => resolve(all)));
}

const asRoot = suite('host/stdio/terminal as root');
const asUser = suite('host/stdio/terminal as an ordinary user');

defineRuns(asRoot, asUser, (test, { rootfs, user, sh }) => {
  if (!haveTools('python3')) return;
  const runner = join(import.meta.dirname, '..', '..', 'support', 'container', 'run-container.js');
  const driveAsIs = (keys: readonly string[], script: string) => {
    const request = { rootfs, request: { command: ['/bin/sh', '-c', script], interactive: true, terminal: true } };
    const identity =
      user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];
    const command = [...identity, process.execPath, runner, JSON.stringify(request)];
    return outputOf(
      spawn('/usr/bin/python3', ['-I', '-c', DRIVER, keys.join('\n'), ...command], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH: process.env.PATH, TERM: 'xterm', TSIMG_ROOT: stateRootOf(user) },
      }),
    );
  };

  const drive = async (keys: readonly string[], script: string) => (await driveAsIs(keys, script)).replaceAll('\r', '');

  test('the caller’s terminal gets the bytes that the container’s terminal has made, and no further ones', async () => {
    const output = await driveAsIs([], 'echo one; stty -onlcr; printf "two\nthree"; exit 7');
    assert.match(output, /^one\r\ntwo\nthree/, JSON.stringify(output));
    assert.match(output, /LEFT echo lines 7/, output);
  });

  test('the container has a terminal of its own with the caller’s size; the caller’s is restored', async () => {
    const output = await drive([], 'tty; stty size; ls -l /dev/console | cut -c1; echo $TERM; exit 7');
    assert.match(output, /^\/dev\/pts\/0\n33 77\nc\nxterm\n/, output);
    assert.match(output, /LEFT echo lines 7/, output);
  });

  test('Ctrl-C goes to the foreground job, not to the whole container', async () => {
    const output = await drive(
      ['wait it-is-up', '^C', 'wait back'],
      // The job prints that it runs: a message of the shell before the start would be too early. Short words would be
      // found in a warning, too.
      'trap "echo trapped" INT; sh -c "echo it-is-up; exec sleep 1000"; echo back; exit 3',
    );
    assert.match(output, /trapped/, output);
    assert.match(output, /LEFT echo lines 3/, output);
  });

  test('input arrives, and the container’s terminal echoes it', async () => {
    const output = await drive(['wait it-is-up', 'typed words'], 'echo it-is-up; read line; echo "<$line>"');
    assert.match(output, /typed words\n<typed words>\n/, output);
  });

  test('a new size is passed on', async () => {
    const output = await drive(
      ['wait it-is-up', 'resize 44 99', 'wait changed'],
      'trap "stty size; echo changed; exit 0" WINCH; echo it-is-up; while :; do sleep 0.1; done',
    );
    assert.match(output, /44 99/, output);
  });

  test('the last line before the end arrives', async () => {
    const output = await drive([], 'i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done');
    assert.match(output, /line 1999\n/, output);
  });

  test('-t works without a terminal at the input; -i -t is refused then', async () => {
    const { stdout } = await sh('tty', { terminal: true });
    assert.is(stdout, '/dev/pts/0\r\n');
    assert.is((await sh('tty', { terminal: true, interactive: true })).status, 125);
  });

  test('the caller’s terminal is not passed to the container: without -t it has none', async () => {
    const { stdout } = await sh('tty; cat /dev/tty; ls -l /proc/self/fd', { interactive: true });
    assert.match(stdout, /not a tty/);
    assert.not.match(stdout, /\/dev\/pts/);
  });
});
asRoot.run();
asUser.run();
