import { bind, checked } from './libc.ts';

const setnsCall = bind<[number, number]>('int setns(int fd, int kinds)');
const unshareCall = bind<[number]>('int unshare(int flags)');
const fchdirCall = bind<[number]>('int fchdir(int fd)');
const prctlCall = bind<[number, number, number, number, number]>(
  'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
);

const PR_SET_DUMPABLE = 4;
const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x0002_0000;
const CLONE = {
  mount: CLONE_NEWNS,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
} as const;

/** Namespaces that a process of several threads can join: not those of users and time. */
export type JoinedNamespace = keyof typeof CLONE;

/**
 * Joins namespaces of the process that a pidfd holds, or the one that a file of /proc/PID/ns is. The PID namespace is that of
 * later children only. setns(2), Linux 5.8 for pidfds. @throws SYSTEM_CALL with `facts.errno` ESRCH where the process is gone
 */
export function joinNamespaces(fd: number, namespaces: readonly JoinedNamespace[]): void {
  const kinds = namespaces.reduce((all, name) => all | CLONE[name], 0);
  checked(setnsCall(fd, kinds), 'setns', namespaces.join(', '));
}

/** Root and working directory become this thread's alone: without that no mount namespace can be joined. unshare(2). @throws SYSTEM_CALL */
export function ownRootDirectory(): void {
  checked(unshareCall(CLONE_FS), 'unshare(CLONE_FS)');
}

/** A mount namespace of its own, for this thread alone. unshare(2). @throws SYSTEM_CALL */
export function ownMounts(): void {
  checked(unshareCall(CLONE_FS | CLONE_NEWNS), 'unshare(CLONE_NEWNS)');
}

/** Goes to an open directory. fchdir(2). @throws SYSTEM_CALL */
export function goToDirectory(fd: number): void {
  checked(fchdirCall(fd), 'fchdir');
}

/** Keeps other processes from this one's memory and descriptors, unless they may trace all. prctl(2). @throws SYSTEM_CALL */
export function hideFromTracers(): void {
  checked(prctlCall(PR_SET_DUMPABLE, 0, 0, 0, 0), 'prctl(PR_SET_DUMPABLE)');
}
