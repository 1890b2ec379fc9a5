import { closeSync, constants, openSync } from 'node:fs';
import { closeDescriptor } from './file/files.ts';
import { loadKoffi } from './koffi.ts';
import { bind, checked } from './libc.ts';
import { SYSCALL } from './syscall-number.data.ts';

const syscallBpf = bind<[number, number, Buffer, number]>(
  'long syscall(long number, long command, const uint8_t *attributes, long bytes)',
);

// bpf(2), linux/bpf.h
const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
const BPF_CGROUP_DEVICE = 6;
/** Programs of the cgroups around it are asked too, and those below may have some: all must allow. */
const BPF_F_ALLOW_MULTI = 2;
/** Up to `prog_flags` in `union bpf_attr`; the rest is 0 to the kernel. */
const LOAD_BYTES = 48;
const ATTACH_BYTES = 16;

/** The program itself, by a descriptor that is closed when a program is executed. */
function loadProgram(program: Uint8Array): number {
  const instructions = Buffer.from(program);
  // It calls none of the kernel's functions, so the kernel does not care.
  const license = Buffer.from('Apache-2.0\0');
  const attributes = Buffer.alloc(LOAD_BYTES);
  attributes.writeUInt32LE(BPF_PROG_TYPE_CGROUP_DEVICE, 0);
  attributes.writeUInt32LE(instructions.length / 8, 4);
  attributes.writeBigUInt64LE(BigInt(loadKoffi().address(instructions)), 8);
  attributes.writeBigUInt64LE(BigInt(loadKoffi().address(license)), 16);
  return checked(syscallBpf(SYSCALL.bpf, BPF_PROG_LOAD, attributes, attributes.length), 'bpf');
}

/**
 * Has a cgroup of version 2, and those below it, ask a program (`compileDeviceProgram`) before a device is opened or made. It stays
 * until the cgroup is removed. @throws SYSTEM_CALL with `facts.errno`
 */
export function attachDeviceProgram(directory: string, program: Uint8Array): void {
  const loaded = loadProgram(program);
  try {
    const cgroup = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const attributes = Buffer.alloc(ATTACH_BYTES);
      attributes.writeUInt32LE(cgroup, 0);
      attributes.writeUInt32LE(loaded, 4);
      attributes.writeUInt32LE(BPF_CGROUP_DEVICE, 8);
      attributes.writeUInt32LE(BPF_F_ALLOW_MULTI, 12);
      checked(syscallBpf(SYSCALL.bpf, BPF_PROG_ATTACH, attributes, attributes.length), 'bpf', directory);
    } finally {
      closeSync(cgroup);
    }
  } finally {
    closeDescriptor(loaded);
  }
}
