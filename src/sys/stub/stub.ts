import { read, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf, TsimgError } from '../../errors.ts';
import { ERRNO_NAMES } from '../errno.data.ts';
import { closeDescriptor } from '../file/files.ts';
import { receiveDescriptor } from '../process/socket-pair.ts';
import { refusedCall } from '../refused-call.ts';
import type { CallName } from './call-number.data.ts';
import { ANSWER_SIZE } from './layout.ts';
import { type Argument, type Call, encodeRequest, type StubDescriptors } from './request.ts';

/** What became of calls that were made one after the other. */
export interface Outcome {
  /** The call that was made last: the first that failed, or the last of all. */
  readonly call: number;
  /** Its result; negative is an errno. */
  readonly result: number;
}

/** A call that is not waited for: what its failure means to whoever asked for it. */
export interface LaterCall extends Call {
  readonly where?: string | undefined;
  /** A better error than SYSTEM_CALL. */
  readonly explain?: ((error: TsimgError) => TsimgError) | undefined;
}

/**
 * A process that performs system calls for us. It is an ordinary process with a single thread and descriptors of its
 * own.
 */
export interface Stub {
  /** Its process ID as we see it. */
  readonly pid: number;
  /** Performs a call. @throws SYSTEM_CALL with `facts.errno`, LAUNCH_FAILED when the stub is gone */
  call(name: CallName, args: readonly Argument[], where?: string): number;
  /**
   * Performs calls until one fails; undefined when the stub is gone, or has become another program. A stub in which the
   * last returns 0 goes on with the descriptors `then`, its own where it is absent.
   */
  attempt(calls: readonly Call[], then?: StubDescriptors): Outcome | undefined;
  /** Its ends of what it is told by. */
  readonly descriptors: StubDescriptors;
  /**
   * Performs a call right before the next one, in the same turn. When it fails nothing is performed any more: the next
   * call and all that follow throw its error, which is `failure` then, for those who catch it take it for another's.
   */
  later(call: LaterCall): void;
  /**
   * A copy of one of its descriptors, the caller's to close: sent by the stub, for nobody else may reach into it.
   * @throws SYSTEM_CALL, LAUNCH_FAILED when the stub is gone
   */
  take(fd: number): number;
  readonly failure: TsimgError | undefined;
  /** Performs one call that takes long, while we do other things; undefined when the stub is gone. */
  await(call: Call): Promise<Outcome | undefined>;
  /** Closes our end: it exits. */
  close(): void;
}

/** An errno's name, such as ENOENT, of a negative result. */
export function errnoName(result: number): string {
  return ERRNO_NAMES[-result] ?? `errno ${-result}`;
}

/** The error for a system call that a stub could not perform. */
export function callError(name: string, result: number, where?: string): TsimgError {
  return refusedCall(name, errnoName(result), where);
}

/** What a stub that ended while it was needed means. */
export function stubIsGone(): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'the container could not be started', {
    why: 'its first process ended while it was prepared',
    facts: { stubIsGone: true },
  });
}

/** Whether that is how a socket tells that a stub ended which had not read all. @throws any other error */
function isReset(error: unknown): boolean {
  if (errnoOf(error) === 'ECONNRESET') return true;
  throw error;
}

/** Fills the buffer; false when the stream ends before. */
export function readFully(fd: number, buffer: Buffer): boolean {
  try {
    for (let at = 0; at < buffer.length; ) {
      const count = readSync(fd, buffer, at, buffer.length - at, null);
      if (count === 0) return false;
      at += count;
    }
    return true;
  } catch (error) {
    return !isReset(error);
  }
}

const readLater = promisify(read);

/** The same, while we do other things. */
async function readFullyLater(fd: number, buffer: Buffer): Promise<boolean> {
  try {
    for (let at = 0; at < buffer.length; ) {
      const { bytesRead } = await readLater(fd, buffer, at, buffer.length - at, null);
      if (bytesRead === 0) return false;
      at += bytesRead;
    }
    return true;
  } catch (error) {
    return !isReset(error);
  }
}

function writeFully(fd: number, bytes: Buffer): boolean {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EPIPE') return false;
    throw error;
  }
}

/** An answer's result and the call that it is of. */
function parseAnswer(answer: Buffer): Outcome {
  return { result: Number(answer.readBigInt64LE(0)), call: Number(answer.readBigUInt64LE(8)) };
}

/** The call by which a stub sends one of its descriptors by a socket, with a byte. unix(7), "SCM_RIGHTS". */
function sendCall(socket: number, fd: number): Call {
  const [SOL_SOCKET, SCM_RIGHTS, SIZE] = [1, 1, 20];
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(BigInt(SIZE), 0);
  [SOL_SOCKET, SCM_RIGHTS, fd].forEach((word, index) => {
    control.writeInt32LE(word, 8 + 4 * index);
  });
  const message = [null, 0, [Buffer.alloc(1), 1], 1, control, control.length, 0];
  return { name: 'sendmsg', args: [socket, message, 0] };
}

/** A stub that runs, reads requests from its end of a socket, `theirs`, and answers there; `socket` is ours. */
export function openStub(pid: number, theirs: number, socket: number): Stub {
  const descriptors: StubDescriptors = { input: theirs, output: theirs };
  const answer = Buffer.alloc(ANSWER_SIZE);
  let waiting: LaterCall[] = [];
  let failure: TsimgError | undefined;
  const takeWaiting = () => {
    if (failure !== undefined) throw failure;
    const taken = waiting;
    waiting = [];
    return taken;
  };
  /** What an answer means to the calls that were not waited for, and to the others. */
  const conclude = (first: readonly LaterCall[], { call, result }: Outcome): Outcome => {
    const failed = first[call];
    if (failed === undefined) return { call: call - first.length, result };
    const error = callError(failed.name, result, failed.where);
    failure = failed.explain?.(error) ?? error;
    throw failure;
  };
  const attempt = (calls: readonly Call[], then?: StubDescriptors): Outcome | undefined => {
    const first = takeWaiting();
    const { bytes, memories } = encodeRequest([...first, ...calls], descriptors, then);
    if (!writeFully(socket, bytes) || !readFully(socket, answer)) return undefined;
    const outcome = parseAnswer(answer);
    const memory = memories[outcome.call];
    if (memory !== undefined && !readFully(socket, memory)) return undefined;
    return conclude(first, outcome);
  };
  return {
    pid,
    descriptors,
    attempt,
    later(call) {
      waiting.push(call);
    },
    take(fd) {
      const first = takeWaiting();
      const { bytes } = encodeRequest([...first, sendCall(theirs, fd)], descriptors);
      const received = writeFully(socket, bytes) ? receiveDescriptor(socket) : undefined;
      if (received === undefined) throw stubIsGone();
      const { byte, descriptor } = received;
      // Where a call before it failed nothing is sent: the byte is the first of the answer.
      const rest = descriptor === undefined ? answer.subarray(1) : answer;
      answer.writeUInt8(byte, 0);
      try {
        if (!readFully(socket, rest)) throw stubIsGone();
        const { result } = conclude(first, parseAnswer(answer));
        if (descriptor === undefined) throw callError('sendmsg', result);
        return descriptor;
      } catch (error) {
        if (descriptor !== undefined) closeDescriptor(descriptor);
        throw error;
      }
    },
    get failure() {
      return failure;
    },
    call(name, args, where) {
      const outcome = attempt([{ name, args }]);
      if (outcome === undefined) throw stubIsGone();
      if (outcome.result < 0) throw callError(name, outcome.result, where);
      return outcome.result;
    },
    async await(call) {
      const first = takeWaiting();
      const { bytes, memories } = encodeRequest([...first, call], descriptors);
      if (!writeFully(socket, bytes) || !(await readFullyLater(socket, answer))) return undefined;
      const outcome = parseAnswer(answer);
      const memory = memories[outcome.call];
      if (memory !== undefined && !(await readFullyLater(socket, memory))) return undefined;
      return conclude(first, outcome);
    },
    close() {
      closeDescriptor(socket);
    },
  };
}
