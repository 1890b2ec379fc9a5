/**
 * Numbers of system calls that the C library has no function for, or only in late versions. Numbers above 423 are the
 * same on all architectures.
 */
const X64 = {
  mknodat: 259,
  pivot_root: 155,
  capset: 126,
  keyctl: 250,
  seccomp: 317,
  memfd_create: 319,
  bpf: 321,
} as const;
const ARM64 = {
  mknodat: 33,
  pivot_root: 41,
  capset: 91,
  keyctl: 219,
  seccomp: 277,
  memfd_create: 279,
  bpf: 280,
} as const;

export const SYSCALL = {
  ...(process.arch === 'arm64' ? ARM64 : X64),
  pidfd_send_signal: 424,
  open_tree: 428,
  move_mount: 429,
  pidfd_open: 434,
  close_range: 436,
  openat2: 437,
  mount_setattr: 442,
} as const;
