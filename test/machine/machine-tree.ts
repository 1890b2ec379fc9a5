import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../support/checkout.ts';
import { MACHINE_VARIABLE } from '../support/command/resident-command.ts';
import { BUILT, COMMAND_VARIABLE, MAIN } from '../support/command/tsimg.ts';
import { tempDir } from '../support/temp-dir.ts';
import { findTool } from '../support/tools.ts';

// The files of a machine: the host's own programs and this checkout, which are not changed.

/** The published package is in the checkout, and imports the packages that npm installed there. */
const PUBLISHED = 'app/published';
const MODULES = ['overlay.ko', 'veth.ko', 'tun.ko', 'loop.ko'];
/** Programs of the host for the machine, with their libraries. */
const PROGRAMS = ['node', 'busybox', 'unshare', 'setpriv', 'nsenter', 'newuidmap', 'newgidmap', 'useradd', 'userdel'];
const APPLETS = [
  'sh',
  'cat',
  'cp',
  'echo',
  'insmod',
  'ip',
  'losetup',
  'ls',
  'mkdir',
  'mkfifo',
  'mount',
  'poweroff',
  'rm',
  'sleep',
  'test',
];
/** Files that neither tests nor tsimg load: compilers, colours of code, type declarations, source maps. */
const LEFT_OUT = /node_modules\/(@biomejs|@shikijs|@?typescript[^/]*|@?esbuild|@types)(\/|$)|\.(d\.ts|map|md)$/;
const FILES = ['/etc/login.defs', '/etc/default/useradd', '/etc/nsswitch.conf'];

/** A second name where that is possible: nothing of it is written. */
function linkTo(path: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  try {
    linkSync(path, to);
  } catch {
    // Another file system
    copyFileSync(path, to);
  }
}

/** All below a folder but what is left out. */
function linkBelow(folder: string, to: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (LEFT_OUT.test(path)) continue;
    if (entry.isDirectory()) linkBelow(path, join(to, entry.name));
    else if (entry.isFile()) linkTo(path, join(to, entry.name));
  }
}

function copyProgram(tree: string, name: string): void {
  const path = findTool(name);
  if (path === undefined) throw new Error(`there is no ${name}`);
  const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  for (const each of [path, ...(stdout.match(/\/\S+/g) ?? [])]) {
    if (!existsSync(join(tree, each))) linkTo(realpathSync(each), join(tree, each));
  }
}

function first(enter: string): string {
  return `#!/bin/sh
mount -t tmpfs -o mode=0755 tmpfs /new
cd /new; mkdir app bin dev etc lib lib64 modules proc root run sys tmp usr var
for each in app bin lib lib64 usr; do [ -e /$each ] && mount -o bind /$each $each; done
for each in etc modules second tmp var; do cp -a /$each .; done
${enter}
`;
}

function second(script: string): string {
  return `#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
ip link set lo up
for module in /modules/*; do insmod "$module"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd /app
echo BEGIN
export ${MACHINE_VARIABLE}=1
${MAIN === BUILT ? '' : `export ${COMMAND_VARIABLE}=/${PUBLISHED}/dist/src/tsimg.cjs`}
${script}
echo END
poweroff -f
`;
}

/**
 * Makes a machine's root file system in a folder that is removed when this process ends. `/init` moves it to another
 * file system, because pivot_root(2) cannot leave the kernel's first one; then it runs a shell script with this
 * checkout at /app, and turns the machine off. The script's output is between the lines BEGIN and END.
 * @param modules the folder of the kernel's modules @param enter shell commands that make /new the root and run /second
 * there
 */
export function makeMachineTree(modules: string, enter: string, script: string): string {
  const tree = tempDir();
  for (const name of PROGRAMS) copyProgram(tree, name);
  for (const name of ['newuidmap', 'newgidmap']) {
    const path = join(tree, findTool(name) ?? '');
    const content = readFileSync(path);
    // Not the host's own
    rmSync(path);
    writeFileSync(path, content);
    chmodSync(path, 0o4755);
  }
  mkdirSync(join(tree, 'bin'), { recursive: true });
  for (const name of APPLETS) symlinkSync(findTool('busybox') ?? '', join(tree, 'bin', name));
  for (const path of FILES.filter(existsSync)) linkTo(path, join(tree, path));
  for (const folder of ['new', 'tmp', 'proc', 'sys', 'dev', 'var/lib', 'modules']) {
    mkdirSync(join(tree, folder), { recursive: true });
  }
  chmodSync(join(tree, 'tmp'), 0o1777);
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(tree, 'etc/group'), 'root:x:0:\n');
  writeFileSync(join(tree, 'etc/shadow'), 'root:*:1::::::\n', { mode: 0o600 });
  writeFileSync(join(tree, 'etc/gshadow'), 'root:*::\n', { mode: 0o600 });
  for (const name of ['subuid', 'subgid']) writeFileSync(join(tree, 'etc', name), '');
  for (const path of readdirSync(modules, { recursive: true, encoding: 'utf8' })) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (MODULES.includes(name)) copyFileSync(join(modules, path), join(tree, 'modules', name));
  }
  for (const part of ['dist', 'node_modules', 'fixtures']) linkBelow(join(ROOT, part), join(tree, 'app', part));
  linkTo(join(ROOT, 'package.json'), join(tree, 'app', 'package.json'));
  if (MAIN !== BUILT) linkBelow(dirname(dirname(dirname(MAIN))), join(tree, PUBLISHED));
  writeFileSync(join(tree, 'init'), first(enter), { mode: 0o755 });
  writeFileSync(join(tree, 'second'), second(script), { mode: 0o755 });
  return tree;
}
