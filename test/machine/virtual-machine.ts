import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { tempDir } from '../support/temp-dir.ts';
import { makeMachineTree } from './machine-tree.ts';

// An emulated virtual machine with Debian's kernel: for tests that depend on the kernel's command line, such as cgroups
// of version 2 on a host with version 1, and for parts that kernels in user mode lack.

/** The root file system is in memory. */
const ENTER = 'mount -o move . /; exec busybox chroot . sh /second';

/**
 * Boots a machine whose controllers are all of version 2, runs a shell script in it with this checkout at /app, and
 * turns it off. Returns the script's output. @param seconds after which it is killed
 */
export function runInVirtualMachine(kernel: string, script: string, seconds: number): string {
  const initrd = join(tempDir(), 'initrd');
  const tree = makeMachineTree(join('/lib/modules', kernel), ENTER, script);
  // Not compressed: for an emulated processor, decompression takes longer than reading.
  const packed = spawnSync('sh', ['-c', `cd '${tree}' && find . | busybox cpio -o -H newc 2>/dev/null > '${initrd}'`], {
    encoding: 'utf8',
  });
  if (packed.status !== 0) throw new Error(packed.stderr);
  const boot = ['-kernel', `/boot/vmlinuz-${kernel}`, '-initrd', initrd];
  const append = 'console=ttyS0 cgroup_no_v1=all mitigations=off panic=-1 quiet';
  // One thread of the host for both processors: two wait for each other, which takes twice as much of the host's time.
  const processors = ['-smp', '2', '-accel', 'tcg,thread=single'];
  const machine = ['-m', '1024', ...processors, '-nographic', '-no-reboot', '-net', 'none', ...boot, '-append', append];
  const { stdout } = spawnSync('qemu-system-x86_64', machine, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.replaceAll('\r', '');
}
