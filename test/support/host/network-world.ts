import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { compiledCode } from '../command/compiled-code.ts';
import { type CallResult, letRunBeside, residentCall } from '../command/resident-command.ts';
import { stateRootOf } from '../command/state-root.ts';
import { MAIN } from '../command/tsimg.ts';
import { becomeWords } from './ordinary-user.ts';

/** A host in namespaces, and a neighbour that its default route leads over. Neither touches this machine. */
export interface NetworkWorld {
  /** The addresses of the host and of its neighbour, the outside. */
  readonly host: string;
  readonly outside: string;
  /** The words that run a program on the host, put before the program's own. */
  readonly within: readonly string[];
  /** Runs a program on the host, as an ordinary user where one is given, for three minutes at most. */
  onHost(words: readonly string[], user?: WorldUser): SpawnSyncReturns<string>;
  /**
   * Calls tsimg on the host; most calls are made in a process that stays there (resident-command.ts).
   */
  tsimgOnHost(args: readonly string[], user?: WorldUser): CallResult;
  startOnHost(words: readonly string[], user?: WorldUser): ChildProcess;
  /** Runs a program on the neighbour. */
  onOutside(words: readonly string[]): SpawnSyncReturns<string>;
  startOutside(words: readonly string[]): ChildProcess;
  /** Returns the PID of a process in a container of this root filesystem, by its command line; '' without one. */
  findIn(rootfs: string, pattern: string): string;
  /** Ends all processes and removes the namespaces. */
  close(): void;
}

export interface WorldUser {
  readonly uid: number;
  readonly gid: number;
}

export interface WorldOptions {
  /** Programs that this host must not have. */
  readonly without?: readonly string[];
  /** The longest life of the world, in seconds. */
  readonly seconds?: number;
}

/** The command line of tsimg. */
export const TSIMG = [process.execPath, MAIN];

/**
 * Returns a container's command that answers on port 80 with the output of a program. It prints that it is ready once
 * it listens: an earlier request would be refused.
 */
export function serveOnPort80(program: string): readonly string[] {
  const isListening = "busybox grep -q ':0050 0*:0000 0A' /proc/net/tcp /proc/net/tcp6 2> /dev/null";
  const waiting = `for turn in $(busybox seq 500); do if ${isListening}; then break; fi; busybox sleep 0.02; done`;
  return ['/bin/sh', '-c', `busybox nc -ll -p 80 -e ${program} & ${waiting}; echo ready; wait`];
}

const SETUP = `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /dev/net
mknod /dev/net/tun c 10 200
chmod 666 /dev/net/tun
for program in $2; do
  for place in /usr/sbin /usr/bin /sbin /bin; do
    if [ -e "$place/$program" ]; then mount --bind /dev/null "$place/$program"; fi
  done
done
ip link set lo up
ip link add up0 type veth peer name out0 netns "$1"
ip address add 198.51.100.1/24 dev up0
ip link set up0 up
nsenter --target "$1" --net sh -c 'ip link set lo up && ip address add 198.51.100.2/24 dev out0 && ip link set out0 up'
ip route add default via 198.51.100.2
echo ready
exec sleep "$3"`;

/** Finds processes of one root filesystem by their mounts: other tests run the same programs on this machine. */
const FIND = `for each in $(grep -la "$2" /proc/[0-9]*/cmdline); do
  grep -qF "$1" "\${each%cmdline}mountinfo" && echo "$each"; done 2>/dev/null`;

/** Starts a process that holds namespaces, and waits until they are ready. */
async function hold(words: readonly string[]): Promise<ChildProcess> {
  const [program = '', ...args] = words;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { stdout } = child;
  if (stdout === null) throw new Error('its output must be a pipe');
  const ended = once(child, 'exit').then(() => {
    throw new Error('no network could be made for the test');
  });
  await Promise.race([once(stdout, 'data'), ended]);
  ended.catch(() => {});
  return child;
}

/** Makes a world. Needs root. The caller closes it; it is also closed when the test process ends. */
export async function makeNetworkWorld({ without = [], seconds = 3000 }: WorldOptions = {}): Promise<NetworkWorld> {
  const outside = await hold(['unshare', '--net', 'sh', '-c', `echo ready; exec sleep ${seconds}`]);
  const host = await hold([
    'unshare',
    '--net',
    '--mount',
    'sh',
    '-c',
    SETUP,
    'sh',
    String(outside.pid),
    without.join(' '),
    String(seconds),
  ]);
  for (const child of [outside, host]) letRunBeside(child);
  const started = new Set<ChildProcess>([outside, host]);
  const close = () => {
    for (const child of started) child.kill('SIGKILL');
  };
  // Its processes must end before their folders are removed.
  process.prependListener('exit', close);
  const enter = (child: ChildProcess, ...what: readonly string[]) => ['--target', String(child.pid), ...what, '--'];
  // Leftovers of containers are removed with the test's folder.
  const env = (user: WorldUser | undefined) => ({
    ...process.env,
    ...compiledCode(user),
    TSIMG_ROOT: stateRootOf(user),
  });
  const run = (args: readonly string[], user?: WorldUser) =>
    spawnSync('nsenter', args, { encoding: 'utf8', timeout: 180_000, env: env(user) });
  const start = (args: readonly string[], user?: WorldUser) => {
    const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'], env: env(user) });
    started.add(child);
    return child;
  };
  return {
    host: '198.51.100.1',
    outside: '198.51.100.2',
    within: ['nsenter', ...enter(host, '--net', '--mount')],
    onHost: (words, user) => run([...enter(host, '--net', '--mount'), ...becomeWords(user), ...words], user),
    tsimgOnHost(args, user) {
      const place = [...enter(host, '--net', '--mount'), ...becomeWords(user)];
      const surroundings = { cwd: undefined, env: env(user), user: undefined, within: ['nsenter', ...place] };
      return residentCall(args, surroundings) ?? run([...place, ...TSIMG, ...args], user);
    },
    startOnHost: (words, user) => start([...enter(host, '--net', '--mount'), ...becomeWords(user), ...words], user),
    onOutside: (words) => run([...enter(outside, '--net'), ...words]),
    startOutside: (words) => start([...enter(outside, '--net'), ...words]),
    findIn: (rootfs, pattern) =>
      spawnSync('sh', ['-c', FIND, 'sh', rootfs, pattern], { encoding: 'utf8' }).stdout.split('/')[2] ?? '',
    close,
  };
}

/** Returns the next piece of text that a program prints. */
export async function nextText(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('its output must be a pipe');
  const [chunk] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(60_000) });
  return String(chunk).trim();
}

/** A program that sends a text to a TCP server and prints the answer, if there is one. */
export function ask(address: string, port: number, say = ''): readonly string[] {
  const script = `const s = require('node:net').connect(${port}, '${address}');
    s.setTimeout(10000, () => s.destroy()); s.on('error', () => {}); s.write(${JSON.stringify(say)}); s.pipe(process.stdout);`;
  return [process.execPath, '-e', script];
}

/** A program that prints \`ready\`, then answers each connection with the address of its client. */
export function tellSource(address: string, port: number): readonly string[] {
  const script = `require('node:net').createServer((s) => { s.on('error', () => {}); s.end('from ' + s.remoteAddress); })
    .listen(${port}, '${address}', () => console.log('ready'));`;
  return [process.execPath, '-e', script];
}
