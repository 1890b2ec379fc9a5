import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { tempDir } from '../support/temp-dir.ts';
import { makeMachineTree } from './machine-tree.ts';

// A virtual machine with Debian's kernel, emulated: for what depends on the kernel's command line, such as cgroups of
// version 2 on a host whose controllers are version 1's, and for what kernels in user mode do not have.

/** The first file system is in memory. */
const ENTER = 'mount -o move . /; exec busybox chroot . sh /second';

/**
 * Boots a machine whose controllers are all of version 2, runs a shell script in it with this checkout at /app, and
 * turns it off. What the script wrote. @param seconds after which it is killed
 */
export function runInVirtualMachine(kernel: string, script: string, seconds: number): string {
  const initrd = join(tempDir(), 'initrd');
  const tree = makeMachineTree(join('/lib/modules', kernel), ENTER, script);
  // Not compressed: to decompress it takes an emulated processor longer than to read it
  const packed = spawnSync('sh', ['-c', `cd '${tree}' && find . | busybox cpio -o -H newc 2>/dev/null > '${initrd}'`], {
    encoding: 'utf8',
  });
  if (packed.status !== 0) throw new Error(packed.stderr);
  const boot = ['-kernel', `/boot/vmlinuz-${kernel}`, '-initrd', initrd];
  const append = 'console=ttyS0 cgroup_no_v1=all panic=-1 quiet';
  const machine = ['-m', '1024', '-smp', '2', '-nographic', '-no-reboot', '-net', 'none', ...boot, '-append', append];
  const { stdout } = spawnSync('qemu-system-x86_64', machine, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.replaceAll('\r', '');
}
