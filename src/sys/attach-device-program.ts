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
/** The kernel runs the programs of the cgroups above and below too: all must allow the device. */
const BPF_F_ALLOW_MULTI = 2;
/** The bytes up to `prog_flags` in `union bpf_attr`; the kernel takes the rest as 0. */
const LOAD_BYTES = 48;
const ATTACH_BYTES = 16;

/** Loads a program; returns a descriptor that is closed when another program is executed. */
function loadProgram(program: Uint8Array): number {
  const instructions = Buffer.from(program);
  // The program calls no functions of the kernel, so the kernel accepts any license
  const license = Buffer.from('Apache-2.0\0');
  const attributes = Buffer.alloc(LOAD_BYTES);
  attributes.writeUInt32LE(BPF_PROG_TYPE_CGROUP_DEVICE, 0);
  attributes.writeUInt32LE(instructions.length / 8, 4);
  attributes.writeBigUInt64LE(BigInt(loadKoffi().address(instructions)), 8);
  attributes.writeBigUInt64LE(BigInt(loadKoffi().address(license)), 16);
  return checked(syscallBpf(SYSCALL.bpf, BPF_PROG_LOAD, attributes, attributes.length), 'bpf');
}

/**
 * Attaches a program (`compileDeviceProgram`) to a cgroup of version 2: the kernel runs it before a process in the
 * cgroup, or below it, opens or makes a device. It stays until the cgroup is removed.
 * @throws SYSTEM_CALL with `facts.errno`
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
