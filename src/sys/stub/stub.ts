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

/** The outcome of a request's calls. */
export interface Outcome {
  /** The index of the last call that was made: the first that failed, or the last of all. */
  readonly call: number;
  /** Its result; a negative one is an errno. */
  readonly result: number;
}

/** A delayed call, with the details for its error. */
export interface LaterCall extends Call {
  readonly where?: string | undefined;
  /** Makes a better error of SYSTEM_CALL. */
  readonly explain?: ((error: TsimgError) => TsimgError) | undefined;
}

/** A process that performs system calls for this one. It has a single thread, and descriptors of its own. */
export interface Stub {
  /** Its process ID in this process's PID namespace. */
  readonly pid: number;
  /** Performs a call. @throws SYSTEM_CALL with `facts.errno`, LAUNCH_FAILED when the stub is gone */
  call(name: CallName, args: readonly Argument[], where?: string): number;
  /**
   * Performs calls until one fails; undefined when the stub is gone or has become another program. If the last call
   * returns 0, the stub goes on with the descriptors `then`, or with its own.
   */
  attempt(calls: readonly Call[], then?: StubDescriptors): Outcome | undefined;
  /** The stub's own descriptors for requests and answers. */
  readonly descriptors: StubDescriptors;
  /**
   * Delays a call: it is sent with the next one. If it fails, no later call is performed; the next call and all that
   * follow throw its error. Code that catches errors would take that for an error of its own call, so `failure` has it
   * too.
   */
  later(call: LaterCall): void;
  /**
   * Returns a copy of one of its descriptors, which the caller closes. The stub sends it, for no other process may open
   * it.
   *
   * @throws SYSTEM_CALL, LAUNCH_FAILED when the stub is gone
   */
  take(fd: number): number;
  readonly failure: TsimgError | undefined;
  /** Performs a long call asynchronously; undefined when the stub is gone. */
  await(call: Call): Promise<Outcome | undefined>;
  /** Closes this process's end of the socket, and so ends the stub. */
  close(): void;
}

/** The name of the errno in a negative result, such as ENOENT. */
export function errnoName(result: number): string {
  return ERRNO_NAMES[-result] ?? `errno ${-result}`;
}

/** The error for a failed system call of a stub. */
export function callError(name: string, result: number, where?: string): TsimgError {
  return refusedCall(name, errnoName(result), where);
}

/** The error for a stub that ended too early. */
export function stubIsGone(): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'the container could not be started', {
    why: 'its first process ended while it was prepared',
    facts: { stubIsGone: true },
  });
}

/** Whether an error means that the stub ended before it read all. @throws any other error */
function isReset(error: unknown): boolean {
  if (errnoOf(error) === 'ECONNRESET') return true;
  throw error;
}

/** Fills the buffer; false when the stream ends first. */
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

/** Fills the buffer asynchronously; false when the stream ends first. */
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

/** Decodes an answer: the result, and the number of its call. */
function parseAnswer(answer: Buffer): Outcome {
  return { result: Number(answer.readBigInt64LE(0)), call: Number(answer.readBigUInt64LE(8)) };
}

/** The call by which a stub sends a copy of one of its descriptors, with one byte. unix(7), "SCM_RIGHTS" */
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

/**
 * Returns a running stub. It reads requests from its end of a socket, `theirs`, and answers there; `socket` is this
 * process's end.
 */
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
  /** Evaluates an answer: an error of a delayed call becomes `failure`. */
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
      // If an earlier call failed, no descriptor was sent, and the byte is the first of the answer.
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
