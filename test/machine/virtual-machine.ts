import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../support/checkout.ts';
import { tempDir } from '../support/temp-dir.ts';
import { findTool } from '../support/tools.ts';
import { BUILT, COMMAND_VARIABLE, MAIN } from '../support/tsimg.ts';

// A virtual machine with Debian's kernel, in which the host's own programs and this checkout are all there is: for what
// depends on the kernel's command line, such as cgroups of version 2 on a host whose controllers are version 1's.
// Nothing of it is written.

/** The package as it is published lies in the checkout: it imports what npm installed there. */
const PUBLISHED = 'app/published';
const MODULES = ['overlay.ko', 'veth.ko', 'tun.ko', 'loop.ko'];
/** Programs of the host that go in, with the libraries they are linked to. */
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
  'mount',
  'poweroff',
  'rm',
  'sleep',
  'test',
];
/** What tests and tsimg import; compilers and the like stay outside. */
const PACKAGES_LEFT_OUT = /node_modules\/(@biomejs|typescript|@typescript)(\/|$)/;
const FILES = ['/etc/login.defs', '/etc/default/useradd', '/etc/nsswitch.conf'];

function copyInto(tree: string, path: string): void {
  mkdirSync(join(tree, dirname(path)), { recursive: true });
  copyFileSync(realpathSync(path), join(tree, path));
}

function copyProgram(tree: string, name: string): void {
  const path = findTool(name);
  if (path === undefined) throw new Error(`there is no ${name}`);
  const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  for (const each of [path, ...(stdout.match(/\/\S+/g) ?? [])]) {
    if (!existsSync(join(tree, each))) copyInto(tree, each);
  }
}

/**
 * A root can only be changed by pivot_root(2) where it is not the kernel's first one, so everything moves to another.
 */
const FIRST = `#!/bin/sh
mkdir /new; mount -t tmpfs -o mode=0755 tmpfs /new
for each in app bin etc lib lib64 modules second tmp usr var; do [ -e /$each ] && cp -a /$each /new/; done
mkdir -p /new/dev /new/proc /new/sys /new/run /new/root
exec busybox switch_root /new /second
`;

function second(script: string): string {
  return `#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
ip link set lo up
for module in /modules/*; do insmod "$module"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd /app
echo BEGIN
${MAIN === BUILT ? '' : `export ${COMMAND_VARIABLE}=/${PUBLISHED}/dist/src/tsimg.cjs`}
${script}
echo END
poweroff -f
`;
}

function makeTree(kernel: string, script: string): string {
  const tree = tempDir();
  for (const name of PROGRAMS) copyProgram(tree, name);
  for (const name of ['newuidmap', 'newgidmap']) chmodSync(join(tree, findTool(name) ?? ''), 0o4755);
  mkdirSync(join(tree, 'bin'), { recursive: true });
  for (const name of APPLETS) symlinkSync(findTool('busybox') ?? '', join(tree, 'bin', name));
  for (const path of FILES.filter(existsSync)) copyInto(tree, path);
  for (const folder of ['tmp', 'proc', 'sys', 'dev', 'var/lib', 'modules']) {
    mkdirSync(join(tree, folder), { recursive: true });
  }
  chmodSync(join(tree, 'tmp'), 0o1777);
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(tree, 'etc/group'), 'root:x:0:\n');
  writeFileSync(join(tree, 'etc/shadow'), 'root:*:1::::::\n', { mode: 0o600 });
  writeFileSync(join(tree, 'etc/gshadow'), 'root:*::\n', { mode: 0o600 });
  for (const name of ['subuid', 'subgid']) writeFileSync(join(tree, 'etc', name), '');
  const modules = join('/lib/modules', kernel);
  for (const path of readdirSync(modules, { recursive: true, encoding: 'utf8' })) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (MODULES.includes(name)) copyFileSync(join(modules, path), join(tree, 'modules', name));
  }
  for (const part of ['dist', 'node_modules', 'fixtures', 'package.json']) {
    const filter = (path: string) => !PACKAGES_LEFT_OUT.test(path);
    cpSync(join(ROOT, part), join(tree, 'app', part), { recursive: true, filter });
  }
  if (MAIN !== BUILT) cpSync(dirname(dirname(dirname(MAIN))), join(tree, PUBLISHED), { recursive: true });
  writeFileSync(join(tree, 'init'), FIRST, { mode: 0o755 });
  writeFileSync(join(tree, 'second'), second(script), { mode: 0o755 });
  return tree;
}

/**
 * Boots a machine whose controllers are all of version 2, runs a shell script in it with this checkout at /app, and
 * turns it off. What the script wrote. @param seconds after which it is killed
 */
export function runInMachine(kernel: string, script: string, seconds: number): string {
  const initrd = join(tempDir(), 'initrd');
  const pack = `cd '${makeTree(kernel, script)}' && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 > '${initrd}'`;
  const packed = spawnSync('sh', ['-c', pack], { encoding: 'utf8' });
  if (packed.status !== 0) throw new Error(packed.stderr);
  const boot = ['-kernel', `/boot/vmlinuz-${kernel}`, '-initrd', initrd];
  const append = 'console=ttyS0 cgroup_no_v1=all panic=-1 quiet';
  const machine = ['-m', '2048', '-smp', '2', '-nographic', '-no-reboot', '-net', 'none', ...boot, '-append', append];
  const { stdout } = spawnSync('qemu-system-x86_64', machine, {
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  });
  const [, said = ''] = stdout.split(/BEGIN\r?\n/);
  return said.replaceAll('\r', '');
}
