import koffi from 'koffi';
import { bind, checked } from './libc.ts';
import { SYSCALL } from './syscall-number.data.ts';

const SECCOMP_SET_MODE_FILTER = 1;

/** `struct sock_fprog`: a count and a pointer. */
koffi.struct('tsimg_sock_fprog', { length: 'uint16_t', filter: 'const uint8_t *' });

const seccompCall = bind<[number, number, number, { readonly length: number; readonly filter: Uint8Array }]>(
  'long syscall(long number, unsigned int operation, unsigned int flags, tsimg_sock_fprog *program)',
);

/** Puts a filter of BPF instructions (8 bytes each) on the calling thread and what it executes. Needs no_new_privs. @throws SYSTEM_CALL */
export function installFilter(filter: Uint8Array): void {
  const program = { length: filter.length / 8, filter };
  checked(seccompCall(SYSCALL.seccomp, SECCOMP_SET_MODE_FILTER, 0, program), 'seccomp');
}
