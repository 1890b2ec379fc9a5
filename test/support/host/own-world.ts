import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pid } from 'node:process';
import { compiledCode } from '../command/compiled-code.ts';

// A world for shell commands that change a machine: namespaces, cgroups, a network and a home folder are made for them
// and are gone after them, however they end. They change nothing of this machine, and reach nothing over the network.

/** The ordinary user, as Debian makes the first one. */
const USER = { name: 'me', id: 1000 };
const FILES: Readonly<Record<string, string>> = {
  passwd: `root:x:0:0:root:/root:/bin/sh\n${USER.name}:x:${USER.id}:${USER.id}::/home/me:/bin/sh\n`,
  group: `root:x:0:\n${USER.name}:x:${USER.id}:\n`,
  subuid: `${USER.name}:100000:65536\n`,
  subgid: `${USER.name}:100000:65536\n`,
};

/** Programs without which there is no such world. */
export const OWN_WORLD_NEEDS = ['unshare', 'setpriv', 'ip', 'mount', 'bash', 'newuidmap'] as const;

export interface OwnWorldOptions {
  /** The command that `tsimg` is. */
  readonly main: string;
  readonly as: 'root' | 'user';
  /** By name in the home folder: the files that are copied to there. */
  readonly files: Readonly<Record<string, string>>;
  /** By name: the text of further programs. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Shell commands for bash; they begin in the home folder. Their standard error goes where their output goes. */
  readonly script: string;
}

/** $1: the folder; $2: the cgroups' name; $3: `root` or `user`. CGROUPS and GROUP2 (of version 2): where they are. */
const JOIN = `set -e
for place in $CGROUPS; do echo $$ > "$place/$2/cgroup.procs"; done
exec unshare --cgroup sh -c "$WORLD" sh "$@"`;

/**
 * The cgroups look like the roots of all. One of version 2 that has groups with limits below it must hold no process
 * itself. The network has a way out that leads nowhere: programs look for one, pasta among them.
 */
const WORLD = `set -e
mount --make-rprivate /
for place in $CGROUPS; do mount --bind "$place/$2" "$place"; done
if [ -n "$GROUP2" ]; then
  mkdir "$GROUP2/self"
  echo $$ > "$GROUP2/self/cgroup.procs"
fi
mount --bind "$1/etc" /etc
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /dev/net
mknod -m 666 /dev/net/tun c 10 200
ip link set lo up
ip link add up0 type veth peer name out0
ip link set out0 up
ip address add 198.51.100.1/24 dev up0
ip link set up0 up
ip route add default via 198.51.100.2
cd "$1/home"
if [ "$3" = user ]; then become='setpriv --reuid=${USER.id} --regid=${USER.id} --clear-groups --'; fi
exec $become env -i $COMPILED "HOME=$1/home" "TMPDIR=$1/home" "TSIMG_ROOT=$1/home/.local/share/tsimg" \\
  "PATH=$1/bin:/usr/sbin:/usr/bin:/sbin:/bin" bash -c "$SCRIPT"`;

interface Hierarchy {
  readonly path: string;
  readonly version: 1 | 2;
}

function findHierarchies(): readonly Hierarchy[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, path = '', type = '']) => /^cgroup2?$/.test(type) && !path.includes('\\'))
    .map(([, path = '', type]): Hierarchy => ({ path, version: type === 'cgroup2' ? 2 : 1 }));
}

/** Which version's cgroups can limit memory and processes in such a world; undefined where none can. */
export function cgroupVersion(): 1 | 2 | undefined {
  const hierarchies = findHierarchies();
  const hasBoth = (words: string) => ['memory', 'pids'].every((name) => words.split(/[\s,]+/).includes(name));
  const isSecond = ({ path, version }: Hierarchy) =>
    version === 2 && hasBoth(readFileSync(join(path, 'cgroup.subtree_control'), 'utf8'));
  if (hierarchies.some(isSecond)) return 2;
  return hasBoth(hierarchies.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)).join(',')) ? 1 : undefined;
}

/** Removes the cgroups of a test process that was killed. */
function removeAbandoned({ path }: Hierarchy): void {
  for (const name of readdirSync(path)) {
    const [, owner] = /^tsimg-own-(\d+)$/.exec(name) ?? [];
    if (owner === undefined || existsSync(join('/proc', owner))) continue;
    try {
      removeCgroup(join(path, name), 0);
    } catch {
      // Not abandoned: its owner is in another PID namespace.
    }
  }
}

/** Makes a cgroup in each hierarchy where that is possible. */
function makeCgroups(name: string): readonly Hierarchy[] {
  for (const hierarchy of findHierarchies()) removeAbandoned(hierarchy);
  return findHierarchies().filter(({ path }) => {
    try {
      mkdirSync(join(path, name));
    } catch {
      // Read-only, or a named hierarchy that only systemd may change: the commands stay in the cgroup that they are in.
      return false;
    }
    for (const file of ['cpuset.cpus', 'cpuset.mems'].filter((each) => existsSync(join(path, each)))) {
      writeFileSync(join(path, name, file), readFileSync(join(path, file)));
    }
    return true;
  });
}

/** A cgroup and those below it; the kernel gives up the processes that were killed a moment later. */
function removeCgroup(path: string, until = Date.now() + 5_000): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name), until);
  }
  for (;;) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function fillFolder(folder: string, options: OwnWorldOptions): void {
  chmodSync(folder, 0o755);
  for (const name of ['bin', 'home']) mkdirSync(join(folder, name));
  // All of /etc is mounted: useradd replaces single files, and would remove a mount on one of them.
  spawnSync('cp', ['-a', '/etc', folder]);
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, 'etc', name), text, { mode: 0o644 });
  symlinkSync(options.main, join(folder, 'bin', 'tsimg'));
  symlinkSync(process.execPath, join(folder, 'bin', 'node'));
  for (const [name, text] of Object.entries(options.programs ?? {})) {
    writeFileSync(join(folder, 'bin', name), text, { mode: 0o755 });
  }
  for (const [name, path] of Object.entries(options.files)) copyFileSync(path, join(folder, 'home', name));
  if (options.as === 'user') chownSync(join(folder, 'home'), USER.id, USER.id);
}

export interface OwnWorldResult {
  readonly status: number | null;
  readonly output: string;
  /** The former home folder, by which messages about it are recognised. */
  readonly home: string;
}

/** Runs shell commands as root or as an ordinary user. Needs root; bounded to 400 seconds. */
export function runInOwnWorld(options: OwnWorldOptions): OwnWorldResult {
  const folder = mkdtempSync(join(tmpdir(), 'tsimg-own-'));
  const name = `tsimg-own-${pid}`;
  let cgroups: readonly Hierarchy[] = [];
  try {
    fillFolder(folder, options);
    cgroups = makeCgroups(name);
    const owner = options.as === 'user' ? { uid: USER.id, gid: USER.id } : undefined;
    const compiled = Object.entries(compiledCode(owner)).map((each) => each.join('='));
    const env = {
      PATH: process.env.PATH,
      WORLD,
      COMPILED: compiled.join(' '),
      SCRIPT: options.script,
      CGROUPS: cgroups.map(({ path }) => path).join(' '),
      GROUP2: cgroups.find(({ version }) => version === 2)?.path ?? '',
    };
    // It dies with this process, and with it all that is in the namespaces.
    const namespaces = ['--mount', '--net', '--ipc', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const words = [
      '--pdeathsig',
      'KILL',
      'unshare',
      ...namespaces,
      'sh',
      '-c',
      `exec 2>&1; ${JOIN}`,
      'sh',
      folder,
      name,
      options.as,
    ];
    const run = spawnSync('setpriv', words, { encoding: 'utf8', env, timeout: 400_000, killSignal: 'SIGKILL' });
    const output = run.error === undefined ? run.stdout : `${run.stdout}${run.error.message}\n`;
    return { status: run.status, output, home: join(folder, 'home') };
  } finally {
    for (const { path } of cgroups) removeCgroup(join(path, name));
    rmSync(folder, { recursive: true, force: true });
  }
}
