/** Numbers of the system calls that a hand performs; those above 423 are the same everywhere. test/sys/hand compares them with linux/. */
const X64 = {
  read: 0, write: 1, close: 3, ioctl: 16, flock: 73, fchdir: 81, chdir: 80, getcwd: 79, fchmod: 91, umask: 95, setsid: 112,
  setgroups: 116, setresuid: 117, setresgid: 119, capset: 126, rt_sigaction: 13, rt_sigprocmask: 14, socket: 41, clone: 56,
  execve: 59, fstatfs: 138, pivot_root: 155, prctl: 157, chroot: 161, mount: 165, umount2: 166, sethostname: 170,
  getdents64: 217, waitid: 247, keyctl: 250, openat: 257, mkdirat: 258, mknodat: 259, fchownat: 260, unlinkat: 263,
  symlinkat: 266, fchmodat: 268, unshare: 272, dup3: 292, pipe2: 293, prlimit64: 302, setns: 308, seccomp: 317, statx: 332,
} as const;

const ARM64: Readonly<Record<keyof typeof X64, number>> = {
  read: 63, write: 64, close: 57, ioctl: 29, flock: 32, fchdir: 50, chdir: 49, getcwd: 17, fchmod: 52, umask: 166, setsid: 157,
  setgroups: 159, setresuid: 147, setresgid: 149, capset: 91, rt_sigaction: 134, rt_sigprocmask: 135, socket: 198, clone: 220,
  execve: 221, fstatfs: 44, pivot_root: 41, prctl: 167, chroot: 51, mount: 40, umount2: 39, sethostname: 161,
  getdents64: 61, waitid: 95, keyctl: 219, openat: 56, mkdirat: 34, mknodat: 33, fchownat: 54, unlinkat: 35,
  symlinkat: 36, fchmodat: 53, unshare: 97, dup3: 24, pipe2: 59, prlimit64: 261, setns: 268, seccomp: 277, statx: 291,
};

const EVERYWHERE = { open_tree: 428, move_mount: 429, close_range: 436, openat2: 437, mount_setattr: 442 } as const;

export type CallName = keyof typeof X64 | keyof typeof EVERYWHERE;

/** Of an architecture as Node names it. */
export const CALL_NUMBERS: Readonly<Record<'x64' | 'arm64', Readonly<Record<CallName, number>>>> = {
  x64: { ...X64, ...EVERYWHERE },
  arm64: { ...ARM64, ...EVERYWHERE },
};
