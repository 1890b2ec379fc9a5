import { type ErrorFacts, TsimgError } from '../errors.ts';

/** The purpose of a system call in words: `cannot …`. File functions of Node have the same names. */
const PURPOSES: Readonly<Record<string, string>> = {
  open: 'open it',
  openat: 'open it',
  openat2: 'open it',
  read: 'read it',
  write: 'write to it',
  close: 'close it',
  stat: 'look at it',
  lstat: 'look at it',
  fstat: 'look at it',
  statx: 'look at it',
  statfs: 'look at its file system',
  fstatfs: 'look at its file system',
  access: 'look at it',
  getdents64: 'list a directory',
  scandir: 'list a directory',
  opendir: 'list a directory',
  mkdir: 'make a directory',
  mkdirat: 'make a directory',
  mkdtemp: 'make a directory',
  rmdir: 'remove a directory',
  rm: 'remove it',
  unlink: 'remove it',
  unlinkat: 'remove it',
  rename: 'rename it',
  link: 'make a second name of it',
  symlink: 'make a symbolic link',
  symlinkat: 'make a symbolic link',
  readlink: 'read a symbolic link',
  readlinkat: 'read a symbolic link',
  realpath: 'find it',
  copyfile: 'copy it',
  mknodat: 'make a device',
  chmod: 'set its mode',
  fchmod: 'set its mode',
  chown: 'set its owner',
  lchown: 'set its owner',
  fchownat: 'set its owner',
  utime: 'set its times',
  ftruncate: 'set its size',
  fsync: 'write it to the disk',
  lgetxattr: 'read its attributes',
  llistxattr: 'read its attributes',
  flock: 'lock it',
  chdir: 'go to a directory',
  fchdir: 'go to a directory',
  getcwd: 'find the working directory',
  uv_cwd: 'find the working directory',
  mount: 'mount it',
  move_mount: 'mount it',
  open_tree: 'prepare it for a mount',
  mount_setattr: 'set how it is mounted',
  umount2: 'unmount it',
  pivot_root: 'change the root',
  chroot: 'change the root',
  unshare: 'make namespaces',
  setns: 'join a namespace',
  clone: 'start a process',
  execve: 'start a program',
  memfd_create: 'put a program into memory',
  sethostname: 'set the host name',
  pidfd_open: 'hold a process',
  pidfd_send_signal: 'send a signal',
  kill: 'send a signal',
  waitid: 'wait for a process',
  setresuid: 'become the user',
  setresgid: 'become the group',
  setgroups: 'set the groups',
  capset: 'set the capabilities',
  prlimit64: 'set a limit',
  seccomp: 'filter system calls',
  socketpair: 'make a socket',
  sendmsg: 'pass a file on',
  recvmsg: 'take a file over',
  pipe2: 'make a pipe',
  listen: 'listen there',
  connect: 'connect',
};

const NO_SUCH_ID = {
  why: 'the user namespace of the container has no such ID',
  hint: 'choose another user (-u); tsimg doctor says which IDs there are',
};
const OTHER_KIND = {
  why: 'the place is of another kind: a directory cannot be mounted on a file, nor a file on a directory',
  hint: 'name a place of the same kind, or one that does not exist yet; or change the root filesystem',
};

/** The meaning of an errno for one call, where it is not the general one. */
const MEANINGS: Readonly<Record<string, { readonly why: string; readonly hint?: string }>> = {
  'move_mount EINVAL': OTHER_KIND,
  'move_mount ENOTDIR': OTHER_KIND,
  'mount ENOTDIR': OTHER_KIND,
  'fchownat EINVAL': NO_SUCH_ID,
  'setresuid EINVAL': NO_SUCH_ID,
  'setresgid EINVAL': NO_SUCH_ID,
  'setgroups EINVAL': NO_SUCH_ID,
  'fchdir ENOTDIR': { why: 'it is not a directory' },
  'mount ENODEV': { why: 'this kernel does not know the file system' },
  'mount EINVAL': { why: 'the kernel does not take these options together' },
  'uv_cwd ENOENT': { why: 'it was removed', hint: 'cd to an existing directory' },
  'flock EWOULDBLOCK': { why: 'another process has it' },
};

/** Returns the words for a refused call. @param call its name, or the name in Node; also `unshare(CLONE_NEWUSER)` */
function wordsOf(call: string, errno: string): { readonly what: string; readonly why: string; readonly hint?: string } {
  const name = call.replace(/\(.*$/, '');
  const purpose = Object.hasOwn(PURPOSES, name) ? PURPOSES[name] : undefined;
  const meaning = MEANINGS[`${name} ${errno}`];
  return { what: `cannot ${purpose ?? `do what it takes (${name})`}`, why: errno, ...meaning };
}

/** Returns the error for a system call that failed; `facts` have the call and the errno. */
export function refusedCall(call: string, errno: string, where?: string): TsimgError {
  const { what, why, hint } = wordsOf(call, errno);
  return new TsimgError('SYSTEM_CALL', what, { where, why, hint, facts: { call, errno } });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Makes an error of tsimg of an error of Node for a failed system call; undefined for other errors. */
export function nodeCallError(error: unknown): TsimgError | undefined {
  if (!(error instanceof Error) || error instanceof TsimgError) return undefined;
  const { code, syscall, path, dest } = Object.fromEntries(Object.entries(error));
  const [errno, call] = [textOf(code), textOf(syscall)];
  if (errno === undefined || call === undefined || !/^E[A-Z0-9]+$/.test(errno)) return undefined;
  const [from, to] = [textOf(path), textOf(dest)];
  const facts: ErrorFacts = { call, errno };
  const { what, why, hint } = wordsOf(call, errno);
  const where = to === undefined ? from : `${from} → ${to}`;
  return new TsimgError('FILESYSTEM', what, { where, why, hint, facts, cause: error });
}
