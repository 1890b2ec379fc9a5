import { accessSync, closeSync, constants, fchmodSync, openSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { errnoOf, TsimgError } from '../../errors.ts';
import { closeDescriptor } from '../file/files.ts';
import { bind, checked } from '../libc.ts';
import { SYSCALL } from '../syscall-number.data.ts';

const MFD = { cloexec: 1, allowSealing: 2, exec: 16 };
const F_ADD_SEALS = 1033;
const F_DUPFD_CLOEXEC = 1030;
/** The seals against further seals, shrinking, growing and writing. */
const ALL_SEALS = 0xf;
/** The lowest number for the descriptor: a program that is being started uses lower ones. */
const LOWEST = 32;
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

const memfdCall = bind<[number, string, number]>('long syscall(long number, const char *name, long flags)');
const fcntlCall = bind<[number, number, number]>('int fcntl(int fd, int command, int argument)');

/** A program in a file without a name. After the disposal it cannot be started any more. */
export interface SealedProgram extends Disposable {
  /** The path to start it by. Needs a /proc mount. */
  readonly path: string;
  /** Its descriptor: 32 or higher, close-on-exec. */
  readonly fd: number;
}

/** Puts a program into memory that no process can write to, this one included. fcntl(2), "File Sealing" */
function sealInMemory(program: Uint8Array): number {
  const create = (flags: number) =>
    checked(memfdCall(SYSCALL.memfd_create, 'stub', flags | MFD.cloexec | MFD.allowSealing), 'memfd_create');
  let fd: number;
  try {
    fd = create(MFD.exec);
  } catch (error) {
    // Linux before 6.3 does not know the flag MFD_EXEC and refuses it.
    if (errnoOf(error) !== 'EINVAL') throw error;
    fd = create(0);
  }
  writeSync(fd, program);
  checked(fcntlCall(fd, F_ADD_SEALS, ALL_SEALS), 'fcntl');
  return fd;
}

/**
 * Copies a program to disk, for hosts where memory may not be executed (vm.memfd_noexec). The kernel refuses writes to
 * a running program.
 */
function copyToFile(program: Uint8Array): number {
  const folders = ['/dev/shm', tmpdir()];
  for (const folder of folders) {
    try {
      const writer = openSync(folder, O_TMPFILE | constants.O_RDWR, 0o500);
      try {
        writeSync(writer, program);
        const path = `/proc/self/fd/${writer}`;
        accessSync(path, constants.X_OK);
        const reader = openSync(path, constants.O_RDONLY);
        try {
          return checked(fcntlCall(reader, F_DUPFD_CLOEXEC, LOWEST), 'fcntl');
        } finally {
          closeSync(reader);
        }
      } finally {
        closeSync(writer);
      }
    } catch {
      // The file system has no files without names, or is mounted noexec. The next one is tried.
    }
  }
  throw new TsimgError('HOST_UNSUPPORTED', 'the program that makes containers cannot be started', {
    where: folders.join(', '),
    why: 'neither memory (vm.memfd_noexec) nor files in these directories may be executed',
    hint: 'sysctl vm.memfd_noexec=1, as root, or set TMPDIR to a directory on a file system without noexec',
  });
}

/**
 * Makes a new copy of a program that no process can write to. A container that reaches it by /proc/PID/exe reaches
 * neither tsimg's own file nor the copy of another container (CVE-2019-5736). memfd_create(2)
 * @throws HOST_UNSUPPORTED, SYSTEM_CALL
 */
export function sealProgram(program: Uint8Array): SealedProgram {
  let fd: number;
  try {
    fd = sealInMemory(program);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOSYS'].includes(errnoOf(error) ?? '')) throw error;
    fd = copyToFile(program);
  }
  try {
    if (fd < LOWEST) {
      const low = fd;
      fd = checked(fcntlCall(low, F_DUPFD_CLOEXEC, LOWEST), 'fcntl');
      closeDescriptor(low);
    }
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  return {
    path: `/proc/self/fd/${fd}`,
    fd,
    [Symbol.dispose]() {
      // Without any right to execute it: a script in a container may name /proc/self/exe as its interpreter.
      fchmodSync(fd, 0);
      closeDescriptor(fd);
    },
  };
}
