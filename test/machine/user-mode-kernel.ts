import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../support/temp-dir.ts';
import { findTool } from '../support/tools.ts';
import { makeMachineTree } from './machine-tree.ts';

// A kernel that is a program of the host (Debian's user mode Linux), with a command line of its own. Its programs run
// on the host's processor, far faster than on an emulated one. It has one processor and no cpuset controller.

const MODULES = '/usr/lib/uml/modules';
/** Its memory: megabytes, in a file on a tmpfs of its own. */
const MEMORY = 2048;

/** The root file system is a folder of the host, which pivot_root(2) can leave. */
const ENTER = `mkdir old; busybox pivot_root . old
exec busybox chroot . sh -c 'busybox umount -l /old; exec sh /second'`;

/** The folder of its kernel modules; undefined where it is not installed. */
export function userModeModules(): string | undefined {
  const versions = existsSync(MODULES) ? readdirSync(MODULES) : [];
  return versions.length === 0 ? undefined : join(MODULES, versions.toSorted().at(-1) ?? '');
}

/**
 * Boots a kernel whose controllers are all of version 2, runs a shell script on it with this checkout at /app, and
 * kills it then: one that was told to halt spun for eight minutes once. Returns its output.
 * @param seconds after which it is killed in any case
 */
export function runOnUserModeKernel(modules: string, script: string, seconds: number): string {
  return boot(makeMachineTree(modules, ENTER, script), seconds);
}

/**
 * Whether a program runs on such a kernel here. Debian's of version 6.1 cannot keep the registers of processors with
 * AMX, and its first program gets a SIGSEGV.
 */
export function bootsUserModeKernel(): boolean {
  if (!/^flags\b.*\bamx_tile\b/m.test(readFileSync('/proc/cpuinfo', 'latin1'))) return true;
  const tree = tempDir(0o755);
  copyFileSync(findTool('busybox') ?? 'busybox', join(tree, 'busybox'));
  writeFileSync(join(tree, 'init'), '#!/busybox sh\necho it boots\n/busybox poweroff -f\n', { mode: 0o755 });
  return boot(tree, 15).includes('it boots');
}

/** One of the processors that this process may use. proc_pid_status(5) */
function someProcessor(): number {
  const [, list = '0'] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  const all = list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return all[randomInt(all.length)] ?? 0;
}

/** Boots with a folder of the host as its root file system. */
function boot(tree: string, seconds: number): string {
  const root = ['root=/dev/root', 'rootfstype=hostfs', `hostfs=${tree}`, 'ro', 'init=/init'];
  const console = ['con=null', 'con0=null,fd:1', 'quiet', 'loglevel=1'];
  const kernel = ['linux.uml', `mem=${MEMORY}M`, ...root, ...console, 'cgroup_no_v1=all', 'panic=-1'];
  const shell = `mount -t tmpfs -o size=${MEMORY + 64}m tmpfs /dev/shm && mkfifo /dev/shm/out &&
{ "$@" > /dev/shm/out & } && sed -u '/^END\\r*$/q' /dev/shm/out`;
  const isolated = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', shell, 'sh', ...kernel];
  // The kernel and its programs are processes that wait for each other at each system call. On several processors that
  // are busy, its tests took 1.5 times as long.
  const pinned = ['--cpu-list', String(someProcessor()), 'unshare', ...isolated];
  const { stdout } = spawnSync('taskset', pinned, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.replaceAll('\r', '');
}
