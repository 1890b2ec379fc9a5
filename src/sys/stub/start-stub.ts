import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TsimgError } from '../../errors.ts';
import { closeDescriptor } from '../file/files.ts';
import { makeSocketPair } from '../process/socket-pair.ts';
import { spawnBare } from '../process/spawn-bare.ts';
import { type StartedProcess, startProcess } from '../process/start-process.ts';
import { type SealedProgram, sealProgram } from './sealed.ts';
import { openStub, type Stub } from './stub.ts';

/** The stub's program; the build writes it beside this file. */
const PROGRAM = fileURLToPath(new URL(`./stub-${process.arch}`, import.meta.url));

/** The stub's first descriptor for requests. */
const SOCKET = 3;

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const [F_SETFD, F_DUPFD_CLOEXEC, FD_CLOEXEC] = [2, 1030, 1];

export interface StubOptions {
  /** Descriptors 0, 1 and 2; /dev/null where absent. */
  readonly standard?: readonly ('ignore' | 'inherit' | 'pipe')[];
  /** The number of pipes to this process, from descriptor 3 on, for the program that the stub becomes. */
  readonly pipes?: number;
  /** A descriptor of this process; the stub gets it as the number after the pipes. */
  readonly given?: number | undefined;
  /** Whether it stays in this process's session and working directory, as a user's foreground command does. */
  readonly foreground?: boolean;
}

/** A stub that is a child of this process and dies with it. */
export interface StartedStub {
  readonly stub: Stub;
  readonly process: StartedProcess;
}

/** The first calls of every stub: it dies with this process, and closes inherited descriptors. */
function settle(stub: Stub, first: number): void {
  stub.later({ name: 'prctl', args: [PR_SET_PDEATHSIG, SIGKILL] });
  stub.later({ name: 'close_range', args: [first, 0xffff_ffff, 0] });
}

/** Starts a stub with a socket only. Node's spawn would take 14 ms longer. @throws SYSTEM_CALL */
function startBareStub({ path, fd }: SealedProgram): StartedStub {
  const { process, socket } = spawnBare({ path, fd, name: 'stub' });
  const stub = openStub(process.pid, SOCKET, socket);
  settle(stub, SOCKET + 1);
  stub.later({ name: 'chdir', args: ['/'] });
  return { stub, process };
}

/**
 * Frees descriptor 3, by which a stub gets requests at first, for the program that the stub becomes. The descriptor
 * that belongs there came as the last one.
 */
function vacate(pid: number, socket: number, last: number): Stub {
  const stub = openStub(pid, SOCKET, socket);
  settle(stub, last + 1);
  // All higher descriptors are closed, so the copy gets this number.
  const moved = last + 1;
  const outcome = stub.attempt([
    { name: 'fcntl', args: [SOCKET, F_DUPFD_CLOEXEC, moved] },
    { name: 'dup3', args: [last, SOCKET, 0] },
    { name: 'close', args: [last], turnTo: { input: moved, output: moved } },
  ]);
  if (outcome?.result === 0) return openStub(pid, moved, socket);
  const why = 'the program that makes containers ended at once';
  throw new TsimgError('LAUNCH_FAILED', 'the container could not be started', { where: PROGRAM, why });
}

/** Starts a stub with streams, by Node's spawn. */
async function startStubWithStreams(program: SealedProgram, options: StubOptions): Promise<StartedStub> {
  const { standard = ['ignore', 'ignore', 'ignore'], pipes = 0, given, foreground = false } = options;
  const [ours, theirs] = makeSocketPair();
  const more = [...Array.from({ length: pipes }, () => 'pipe' as const), ...(given === undefined ? [] : [given])];
  // The first of them belongs to 3, which is the stub's socket at first.
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
 * Starts a stub from a copy of its program that no process can write to, without descriptors of this process, in a new
 * session and in `/`. It hides from tracers (`hideFromTracers`) before its first request.
 *
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function startStub(options: StubOptions = {}): Promise<StartedStub> {
  using program = sealProgram(readFileSync(PROGRAM));
  if (Object.keys(options).length === 0) return startBareStub(program);
  // Awaited here, because the program is disposed at the end of this function.
  return await startStubWithStreams(program, options);
}
