import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TsimgError } from '../../errors.ts';
import { closeDescriptor } from '../file/files.ts';
import { makeSocketPair } from '../process/socket-pair.ts';
import { spawnBare } from '../process/spawn-bare.ts';
import { type StartedProcess, startProcess } from '../process/start-process.ts';
import { type SealedProgram, sealProgram } from './sealed.ts';
import { openStub, type Stub } from './stub.ts';

/** The stub's program, which the build writes beside this file. */
const PROGRAM = fileURLToPath(new URL(`./stub-${process.arch}`, import.meta.url));

/** The socket that it is spoken to at first. */
const SOCKET = 3;

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const [F_SETFD, F_DUPFD_CLOEXEC, FD_CLOEXEC] = [2, 1030, 1];

export interface StubOptions {
  /** Descriptors 0, 1 and 2; /dev/null where absent. */
  readonly standard?: readonly ('ignore' | 'inherit' | 'pipe')[];
  /** So many descriptors from 3 on are pipes of ours, for the program that it becomes. */
  readonly pipes?: number;
  /** The descriptor after them is this one of ours. */
  readonly given?: number | undefined;
  /** It stays in our session and working directory, as a command of the user's in front of the terminal. */
  readonly foreground?: boolean;
}

/** A stub that is a child of this process, and dies with it. */
export interface StartedStub {
  readonly stub: Stub;
  readonly process: StartedProcess;
}

/** What every stub does first: it ends with us, and what we have open is not its own. */
function settle(stub: Stub, first: number): void {
  stub.later({ name: 'prctl', args: [PR_SET_PDEATHSIG, SIGKILL] });
  stub.later({ name: 'close_range', args: [first, 0xffff_ffff, 0] });
}

/** Starts one that needs nothing but a socket: Node's way to start it takes 14 ms more. @throws SYSTEM_CALL */
function startBareStub({ path, fd }: SealedProgram): StartedStub {
  const { process, socket } = spawnBare({ path, fd, name: 'stub' });
  const stub = openStub(process.pid, SOCKET, socket);
  settle(stub, SOCKET + 1);
  stub.later({ name: 'chdir', args: ['/'] });
  return { stub, process };
}

/**
 * Gives descriptor 3, which a stub reads from at first, to the program that it becomes: what is to be there came as the
 * last one.
 */
function vacate(pid: number, socket: number, last: number): Stub {
  const stub = openStub(pid, SOCKET, socket);
  settle(stub, last + 1);
  // With nothing open from there on the kernel gives this number.
  const moved = last + 1;
  const outcome = stub.attempt(
    [
      { name: 'fcntl', args: [SOCKET, F_DUPFD_CLOEXEC, moved] },
      { name: 'dup3', args: [last, SOCKET, 0] },
      { name: 'close', args: [last] },
    ],
    { input: moved, output: moved },
  );
  if (outcome?.result === 0) return openStub(pid, moved, socket);
  const why = 'the program that makes containers ended at once';
  throw new TsimgError('LAUNCH_FAILED', 'the container could not be started', { where: PROGRAM, why });
}

/** Starts one by Node, with streams. */
async function startStubWithStreams(program: SealedProgram, options: StubOptions): Promise<StartedStub> {
  const { standard = ['ignore', 'ignore', 'ignore'], pipes = 0, given, foreground = false } = options;
  const [ours, theirs] = makeSocketPair();
  const more = [...Array.from({ length: pipes }, () => 'pipe' as const), ...(given === undefined ? [] : [given])];
  // The first of them, 3, is the stub's own at first.
  const [held, ...others] = more;
  const descriptors = [...standard, theirs, ...others, ...(held === undefined ? [] : [held])];
  let process: StartedProcess | undefined;
  try {
    process = await startProcess(program.path, [], {
      descriptors,
      env: {},
      cwd: foreground ? undefined : '/',
      ownSession: !foreground,
    });
    const started = process;
    const last = descriptors.length - 1;
    const stream = (fd: number) => started.stream(fd === SOCKET ? last : fd);
    if (held !== undefined) return { stub: vacate(started.pid, ours, last), process: { ...started, stream } };
    const stub = openStub(started.pid, SOCKET, ours);
    settle(stub, SOCKET + 1);
    stub.later({ name: 'fcntl', args: [SOCKET, F_SETFD, FD_CLOEXEC] });
    return { stub, process: started };
  } catch (error) {
    process?.kill('SIGKILL');
    closeDescriptor(ours);
    throw error;
  } finally {
    closeDescriptor(theirs);
  }
}

/**
 * Starts a stub: from memory that nobody can write to, with nothing of ours open, in a session of its own, its working
 * directory the root. It is hidden from tracers (`hideFromTracers`) before it does what it is told first.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function startStub(options: StubOptions = {}): Promise<StartedStub> {
  using program = sealProgram(readFileSync(PROGRAM));
  if (Object.keys(options).length === 0) return startBareStub(program);
  // Until it has been started.
  return await startStubWithStreams(program, options);
}
