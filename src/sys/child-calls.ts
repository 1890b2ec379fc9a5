import { RESOURCES, type Resource } from '../linux/limits.ts';
import type { ChildCall, Word } from './child.ts';
import { bind, checked } from './libc.ts';
import { SYSCALL } from './syscall-number.data.ts';

// Nearly the same calls as those of become.ts, as data: they are made by a child in which no JavaScript runs.

const prlimitCall = bind<[number, number, null, Buffer]>(
  'int prlimit(int pid, int resource, const void *limit, void *old)',
);

const NUMBER =
  process.arch === 'arm64'
    ? {
        setsid: 157,
        ioctl: 29,
        dup3: 24,
        prctl: 167,
        setgroups: 159,
        setresgid: 149,
        setresuid: 147,
        umask: 166,
        prlimit64: 261,
        rtSigaction: 134,
        rtSigprocmask: 135,
        fchdir: 50,
        setns: 268,
        write: 64,
        execve: 221,
      }
    : {
        setsid: 112,
        ioctl: 16,
        dup3: 292,
        prctl: 157,
        setgroups: 116,
        setresgid: 119,
        setresuid: 117,
        umask: 95,
        prlimit64: 302,
        rtSigaction: 13,
        rtSigprocmask: 14,
        fchdir: 81,
        setns: 308,
        write: 1,
        execve: 59,
      };

const TIOCSCTTY = 0x540e;
const PR = { setPdeathsig: 1, setKeepcaps: 8, capbsetDrop: 24, setNoNewPrivs: 38, capAmbient: 47 };
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const CAPABILITY_VERSION_3 = 0x20080522;
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const CLOSE_RANGE_CLOEXEC = 4;
const SECCOMP_SET_MODE_FILTER = 1;
const SIG_SETMASK = 2;
const CLONE_NEWUSER = 0x1000_0000;
const SIGKILL = 9;
const LAST_SIGNAL = 64;
const LAST_CAPABILITY = 63;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

function bytesOf(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

function ids(list: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(list).buffer);
}

function prctl(option: number, argument: number, tolerate?: ChildCall['tolerate']): ChildCall {
  return { name: 'prctl', number: NUMBER.prctl, args: [option, argument, 0, 0, 0], tolerate };
}

/** A session of its own. setsid(2). */
export const startSession: ChildCall = { name: 'setsid', number: NUMBER.setsid, args: [] };

/** The terminal becomes the session's. ioctl_tty(2). */
export function takeTerminal(fd: number): ChildCall {
  return { name: 'ioctl(TIOCSCTTY)', number: NUMBER.ioctl, args: [fd, TIOCSCTTY, 0] };
}

/** `to` becomes another name of `from`, which must not be `to`; it stays open over execve. dup(2). */
export function duplicate(from: number, to: number): ChildCall {
  return { name: 'dup3', number: NUMBER.dup3, args: [from, to, 0] };
}

/** fchdir(2). */
export function enterDirectory(fd: number): ChildCall {
  return { name: 'fchdir', number: NUMBER.fchdir, args: [fd] };
}

/** Joins the user namespace of the process that a pidfd holds, with all capabilities in it. setns(2), Linux 5.8. */
export function joinUserNamespace(pidfd: number): ChildCall {
  return { name: 'setns(CLONE_NEWUSER)', number: NUMBER.setns, args: [pidfd, CLONE_NEWUSER] };
}

/** umask(2). */
export function setUmask(mask: number): ChildCall {
  return { name: 'umask', number: NUMBER.umask, args: [mask] };
}

/** Writes a few bytes; to a cgroup.procs, `0` is the writer. */
export function writeText(fd: number, text: string): ChildCall {
  return { name: 'write', number: NUMBER.write, args: [fd, Buffer.from(text), Buffer.byteLength(text)] };
}

/** As setLimit of become.ts, by the limit that this process has now. @throws SYSTEM_CALL */
export function limit(resource: Resource, soft: number | 'unlimited', hard: number | 'unlimited' | 'keep'): ChildCall {
  const value = Buffer.alloc(16);
  checked(prlimitCall(0, RESOURCES[resource], null, value), 'prlimit', resource);
  if (hard !== 'keep') value.writeBigUInt64LE(hard === 'unlimited' ? UNLIMITED : BigInt(hard), 8);
  const top = value.readBigUInt64LE(8);
  const wanted = soft === 'unlimited' ? UNLIMITED : BigInt(soft);
  value.writeBigUInt64LE(wanted < top ? wanted : top, 0);
  return { name: `prlimit ${resource}`, number: NUMBER.prlimit64, args: [0, RESOURCES[resource], value, 0] };
}

/** A session keyring of its own; kernels without keyrings, and full quotas, are no reason to fail. */
export const leaveSessionKeyring: ChildCall = {
  name: 'keyctl',
  number: SYSCALL.keyctl,
  args: [KEYCTL_JOIN_SESSION_KEYRING, 0],
  tolerate: 'all',
};

/** All capabilities but these leave the bounding set; the kernel may know fewer than there are bits. */
export function dropBounding(keep: bigint): readonly ChildCall[] {
  const numbers = Array.from({ length: LAST_CAPABILITY + 1 }, (_, number) => number);
  return numbers
    .filter((number) => ((keep >> BigInt(number)) & 1n) === 0n)
    .map((number) => prctl(PR.capbsetDrop, number, ['EINVAL']));
}

/** setgroups(2). */
export function setGroups(groups: readonly number[]): ChildCall {
  return { name: 'setgroups', number: NUMBER.setgroups, args: [groups.length, ids(groups)] };
}

/** All of the user's and the group's IDs. setresgid(2), setresuid(2). */
export function setIds(uid: number, gid: number): readonly ChildCall[] {
  return [
    { name: 'setresgid', number: NUMBER.setresgid, args: [gid, gid, gid] },
    { name: 'setresuid', number: NUMBER.setresuid, args: [uid, uid, uid] },
  ];
}

/** Capabilities survive the change of user. prctl(2). */
export const keepCapabilities: ChildCall = prctl(PR.setKeepcaps, 1);

/** Permitted and effective; inheritable and ambient become empty. capset(2). */
export function setCapabilities(mask: bigint): readonly ChildCall[] {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION_3, 0);
  const data = Buffer.alloc(24);
  for (const half of [0, 1]) {
    const bits = Number((mask >> BigInt(32 * half)) & 0xffff_ffffn);
    data.writeUInt32LE(bits, 12 * half);
    data.writeUInt32LE(bits, 12 * half + 4);
  }
  return [
    prctl(PR.capAmbient, PR_CAP_AMBIENT_CLEAR_ALL),
    { name: 'capset', number: SYSCALL.capset, args: [header, data] },
  ];
}

/** Nothing that is executed from here on gains privileges. prctl(2). */
export const forbidNewPrivileges: ChildCall = prctl(PR.setNoNewPrivs, 1);

/** Killed when the thread that started it ends; to be set after the last change of credentials. prctl(2). */
export const dieWithParent: ChildCall = prctl(PR.setPdeathsig, SIGKILL);

/** Every signal to its default, then none blocked. KILL and STOP are theirs anyway. */
export const resetSignals: readonly ChildCall[] = [
  ...Array.from({ length: LAST_SIGNAL }, (_, index): ChildCall => {
    const args: Word[] = [index + 1, new Uint8Array(32), 0, 8];
    return { name: 'rt_sigaction', number: NUMBER.rtSigaction, args, tolerate: ['EINVAL'] };
  }),
  { name: 'rt_sigprocmask', number: NUMBER.rtSigprocmask, args: [SIG_SETMASK, new Uint8Array(8), 0, 8] },
];

/** Every descriptor from `first` on is closed by execve. close_range(2). */
export function closeOnExecFrom(first: number): ChildCall {
  return { name: 'close_range', number: SYSCALL.close_range, args: [first, 0xffff_ffff, CLOSE_RANGE_CLOEXEC] };
}

/** A filter of BPF instructions, 8 bytes each. seccomp(2), `struct sock_fprog`. */
export function installFilter(filter: Uint8Array): ChildCall {
  return { name: 'seccomp', number: SYSCALL.seccomp, args: [SECCOMP_SET_MODE_FILTER, 0, [filter.length / 8, filter]] };
}

/** Becomes one of these programs, the first that is there and can be executed, as execvp(3) chooses. execve(2). */
export function executeFirst(
  paths: readonly string[],
  args: readonly string[],
  env: readonly string[],
): readonly ChildCall[] {
  const [argv, envp] = [args, env].map((list) => [...list.map(bytesOf), 0]);
  return paths.map((path) => ({
    name: 'execve',
    number: NUMBER.execve,
    args: [bytesOf(path), argv ?? 0, envp ?? 0],
    tolerate: ['ENOENT', 'ENOTDIR', 'EACCES'],
  }));
}
