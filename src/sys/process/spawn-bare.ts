import { constants as FILE } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import { ERRNO_NAMES } from '../errno.data.ts';
import { closeDescriptor } from '../file/files.ts';
import { bind } from '../libc.ts';
import { signalName } from './signal-name.ts';
import { makeSocketPair } from './socket-pair.ts';
import type { ProcessEnd, StartedProcess } from './start-process.ts';

// posix_spawn(3). Node starts programs by fork(2), which copies the page tables of a heap: that takes 10 ms and more,
// and each page costs again when it is written later. posix_spawn(3) borrows the memory until the program has started.

/** More bytes than posix_spawnattr_t, posix_spawn_file_actions_t and sigset_t have in glibc and musl. */
const STRUCT_SIZE = 512;
const FLAGS = { resetSignals: 0x04, setMask: 0x08, ownSession: 0x80 };
const WNOHANG = 1;
/** Milliseconds between two looks at whether a process has ended. They are made when its end is near. */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 50;

const waitpid = bind<[number, Buffer, number]>('int waitpid(int pid, void *status, int options)');
const initActions = bind<[Buffer]>('int posix_spawn_file_actions_init(void *actions)');
const addDup2 = bind<[Buffer, number, number]>('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)');
const addClose = bind<[Buffer, number]>('int posix_spawn_file_actions_addclose(void *actions, int fd)');
const addOpen = bind<[Buffer, number, string, number, number]>(
  'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)',
);
const destroyActions = bind<[Buffer]>('int posix_spawn_file_actions_destroy(void *actions)');
const initAttributes = bind<[Buffer]>('int posix_spawnattr_init(void *attributes)');
const setFlags = bind<[Buffer, number]>('int posix_spawnattr_setflags(void *attributes, short flags)');
const setDefaults = bind<[Buffer, Buffer]>('int posix_spawnattr_setsigdefault(void *attributes, void *signals)');
const setMask = bind<[Buffer, Buffer]>('int posix_spawnattr_setsigmask(void *attributes, void *signals)');
const destroyAttributes = bind<[Buffer]>('int posix_spawnattr_destroy(void *attributes)');
const spawnCall = bind<[Buffer, string, Buffer, Buffer, readonly (string | null)[], readonly null[]]>(
  'int posix_spawn(void *pid, const char *file, void *actions, void *attributes, const char **args, const char **env)',
);

/** Parses a status of waitpid(2). */
function parseStatus(status: number): ProcessEnd {
  const signal = status & 0x7f;
  return signal === 0
    ? { status: (status >> 8) & 0xff, signal: null }
    : { status: null, signal: signalName(signal) ?? 'SIGKILL' };
}

/** A child of this process that Node does not know: only waitpid(2) gives its end. */
class BareProcess implements StartedProcess {
  readonly pid: number;
  #end: Promise<ProcessEnd> | undefined;
  #gone: ProcessEnd | undefined;

  constructor(pid: number) {
    this.pid = pid;
  }

  #look(): ProcessEnd | undefined {
    if (this.#gone === undefined) {
      const status = Buffer.alloc(4);
      const found = waitpid(this.pid, status, WNOHANG);
      // Other code in this process has waited for it, so its status is lost: it counts as failed
      if (found < 0) this.#gone = { status: null, signal: 'SIGKILL' };
      else if (found > 0) this.#gone = parseStatus(status.readInt32LE(0));
    }
    return this.#gone;
  }

  async #wait(): Promise<ProcessEnd> {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      const end = this.#look();
      if (end !== undefined) return end;
      await sleep(pause);
    }
  }

  get ended(): Promise<ProcessEnd> {
    this.#end ??= this.#wait();
    return this.#end;
  }

  stream(descriptor: number): never {
    throw new RangeError(`descriptor ${descriptor} is no pipe`);
  }

  kill(signal: NodeJS.Signals): void {
    // Until waitpid(2) the process ID cannot belong to another process
    if (this.#look() === undefined) process.kill(this.pid, signal);
  }

  release(): void {}
}

/** @param error the result of a function of the posix_spawn family @throws SYSTEM_CALL */
function spawned(error: number, file: string): void {
  if (error === 0) return;
  const errno = ERRNO_NAMES[error] ?? `errno ${error}`;
  throw new TsimgError('SYSTEM_CALL', 'cannot start a program', { where: file, why: errno, facts: { errno } });
}

/** A program for `spawnBare`. */
export interface BareProgram {
  readonly path: string;
  /** Its first argument; the path where absent. */
  readonly name?: string;
  /** The descriptor that the path names, if it names one: above 3. */
  readonly fd?: number;
}

function spawn({ path: file, name = file, fd = 0 }: BareProgram, descriptor: number): number {
  const [actions, attributes] = [Buffer.alloc(STRUCT_SIZE), Buffer.alloc(STRUCT_SIZE)];
  const pid = Buffer.alloc(4);
  spawned(initActions(actions), file);
  spawned(initAttributes(attributes), file);
  try {
    // In two steps: older C libraries leave a descriptor close-on-exec if it has the right number already
    const between = Math.max(descriptor, fd) + 1;
    spawned(addDup2(actions, descriptor, between), file);
    spawned(addDup2(actions, between, 3), file);
    spawned(addClose(actions, between), file);
    for (const standard of [0, 1, 2]) spawned(addOpen(actions, standard, '/dev/null', FILE.O_RDWR, 0), file);
    spawned(setFlags(attributes, FLAGS.resetSignals | FLAGS.setMask | FLAGS.ownSession), file);
    spawned(setDefaults(attributes, Buffer.alloc(STRUCT_SIZE, 0xff)), file);
    spawned(setMask(attributes, Buffer.alloc(STRUCT_SIZE)), file);
    spawned(spawnCall(pid, file, actions, attributes, [name, null], [null]), file);
  } finally {
    destroyActions(actions);
    destroyAttributes(attributes);
  }
  return pid.readInt32LE(0);
}

/**
 * Starts a program without arguments and environment, in a session of its own, with default signals. Its descriptors 0
 * to 2 are /dev/null, and 3 is one end of a socket pair. `socket` is the other end, which blocks, and which the caller
 * closes. The program itself closes other inherited descriptors that are not close-on-exec.
 * @throws SYSTEM_CALL with `facts.errno`
 */
export function spawnBare(program: BareProgram): { readonly process: StartedProcess; readonly socket: number } {
  const [socket, theirs] = makeSocketPair();
  try {
    return { process: new BareProcess(spawn(program, theirs)), socket };
  } catch (error) {
    closeDescriptor(socket);
    throw error;
  } finally {
    closeDescriptor(theirs);
  }
}
