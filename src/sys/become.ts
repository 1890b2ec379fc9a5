import { type LimitValue, RESOURCES, type Resource } from '../linux/limits.ts';
import { bind, checked, lastErrno } from './libc.ts';
import { SYSCALL } from './syscall-number.data.ts';

const prctlCall = bind<[number, number, number, number, number]>(
  'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
);
const capsetCall = bind<[number, Buffer, Buffer]>('long syscall(long number, void *header, void *data)');
const execveCall = bind<[string, readonly (string | null)[], readonly (string | null)[]]>(
  'int execve(const char *path, const char **args, const char **env)',
);
const signalCall = bind<[number, null]>('void *signal(int number, void *handler)');
const sigprocmaskCall = bind<[number, Buffer, null]>('int sigprocmask(int how, void *set, void *old)');
const closeRangeCall = bind<[number, number, number, number]>(
  'long syscall(long number, unsigned long first, unsigned long last, unsigned long flags)',
);
const keyctlCall = bind<[number, number, null]>('long syscall(long number, long operation, void *name)');
const setsidCall = bind<[]>('int setsid(void)');
const dup2Call = bind<[number, number]>('int dup2(int from, int to)');
const prlimitCall = bind<[number, number, Buffer | null, Buffer | null]>(
  'int prlimit(int pid, int resource, void *limit, void *old)',
);

const PR = { setPdeathsig: 1, setDumpable: 4, setKeepcaps: 8, capbsetDrop: 24, setNoNewPrivs: 38, capAmbient: 47 };
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const CAPABILITY_VERSION_3 = 0x20080522;
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const CLOSE_RANGE_CLOEXEC = 4;
const SIG_SETMASK = 2;
const LAST_SIGNAL = 64;
const SIGKILL = 9;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

function prctl(option: number, argument: number, name: string): void {
  checked(prctlCall(option, argument, 0, 0, 0), name);
}

/** The process is killed when its parent dies. A change of credentials clears this: set it after the last one. prctl(2). */
export function dieWithParent(): void {
  prctl(PR.setPdeathsig, SIGKILL, 'prctl(PR_SET_PDEATHSIG)');
}

/** Nothing that is executed from here on gains privileges. prctl(2). */
export function forbidNewPrivileges(): void {
  prctl(PR.setNoNewPrivs, 1, 'prctl(PR_SET_NO_NEW_PRIVS)');
}

/** Capabilities survive the next change of user; execve(2) ends it. prctl(2). */
export function keepCapabilities(): void {
  prctl(PR.setKeepcaps, 1, 'prctl(PR_SET_KEEPCAPS)');
}

/** Takes all other capabilities out of the bounding set, for good. Needs SETPCAP. prctl(2). @throws SYSTEM_CALL */
export function dropBounding(keep: bigint): void {
  for (let number = 0; number < 64; number += 1) {
    if ((keep >> BigInt(number)) & 1n) continue;
    if (prctlCall(PR.capbsetDrop, number, 0, 0, 0) === 0) continue;
    // EINVAL: the kernel's last capability lies below this one, and so below all that follow.
    if (lastErrno() === 'EINVAL') return;
    checked(-1, 'prctl(PR_CAPBSET_DROP)');
  }
}

/** Sets permitted and effective of the calling thread; inheritable and ambient become empty. capset(2). @throws SYSTEM_CALL */
export function setCapabilities(mask: bigint): void {
  checked(prctlCall(PR.capAmbient, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 'prctl(PR_CAP_AMBIENT)');
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION_3, 0);
  const data = Buffer.alloc(24);
  for (const half of [0, 1]) {
    const bits = Number((mask >> BigInt(32 * half)) & 0xffff_ffffn);
    data.writeUInt32LE(bits, 12 * half);
    data.writeUInt32LE(bits, 12 * half + 4);
  }
  checked(capsetCall(SYSCALL.capset, header, data), 'capset');
}

/** A session keyring of its own: the caller's keys stay the caller's. Kernels without keyrings, and full quotas, are no reason to fail. */
export function leaveSessionKeyring(): void {
  keyctlCall(SYSCALL.keyctl, KEYCTL_JOIN_SESSION_KEYRING, null);
}

/** A session of its own, without a controlling terminal. setsid(2). */
export function startSession(): void {
  checked(setsidCall(), 'setsid');
}

/** All signals to their defaults and none blocked: execve(2) passes on what Node ignores (SIGPIPE, SIGXFSZ) and blocks. */
export function resetSignals(): void {
  // Fails for KILL, STOP and the C library's own two, which nobody can ignore.
  for (let number = 1; number <= LAST_SIGNAL; number += 1) signalCall(number, null);
  checked(sigprocmaskCall(SIG_SETMASK, Buffer.alloc(128), null), 'sigprocmask');
}

/** Makes descriptor `to` another name of `from`; it stays open over execve. dup2(2). @throws SYSTEM_CALL */
export function duplicateOnto(from: number, to: number): void {
  checked(dup2Call(from, to), 'dup2');
}

/** Marks every descriptor from `first` on close-on-exec: Node goes on using them, the program to come never sees them. @throws SYSTEM_CALL */
export function closeOnExecFrom(first: number): void {
  checked(closeRangeCall(SYSCALL.close_range, first, 0xffff_ffff, CLOSE_RANGE_CLOEXEC), 'close_range');
}

function limitBits(value: LimitValue): bigint {
  return value === 'unlimited' ? UNLIMITED : BigInt(value);
}

/** Sets a limit, of this process or of another by `pid`; `keep` leaves the hard one and never raises the soft one above it. setrlimit(2). @throws SYSTEM_CALL */
export function setLimit(resource: Resource, soft: LimitValue, hard: LimitValue | 'keep', pid = 0): void {
  const limit = Buffer.alloc(16);
  checked(prlimitCall(pid, RESOURCES[resource], null, limit), 'prlimit', resource);
  if (hard !== 'keep') limit.writeBigUInt64LE(limitBits(hard), 8);
  const top = limit.readBigUInt64LE(8);
  if (limitBits(soft) < top) limit.writeBigUInt64LE(limitBits(soft), 0);
  else limit.writeBigUInt64LE(top, 0);
  checked(prlimitCall(pid, RESOURCES[resource], limit, null), 'prlimit', resource);
}

/** Becomes another program: returns only when that failed, with the errno's name. execve(2). */
export function execute(path: string, args: readonly string[], env: readonly string[]): string {
  execveCall(path, [...args, null], [...env, null]);
  return lastErrno();
}
