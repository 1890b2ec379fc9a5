import { readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { errnoOf, TsimgError } from '../../errors.ts';
import { ERRNO_NAMES } from '../errno.data.ts';
import { closeDescriptor } from '../file/files.ts';
import { O_CLOEXEC } from '../file/open-how.ts';
import { receiveDescriptor } from '../process/socket-pair.ts';
import { refusedCall } from '../refused-call.ts';
import type { CallName } from './call-number.data.ts';
import { ANSWER_SIZE } from './layout.ts';
import { type Argument, type Call, type EncodedRequest, encodeRequest, type StubDescriptors } from './request.ts';

const [F_SETFD, FD_CLOEXEC] = [2, 1];

/** The outcome of a request's calls. */
export interface Outcome {
  /** The index of the last call that was made: the first that failed, or the last of all. */
  readonly call: number;
  /** Its result; a negative one is an errno. */
  readonly result: number;
}

/** The outcome of several calls whose results are all known. */
export interface Performed extends Outcome {
  /** The results by the number of the call; undefined for those that were not made. */
  readonly results: readonly (number | undefined)[];
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
  /** Performs calls until one fails; undefined when the stub is gone or has become another program. */
  attempt(calls: readonly Call[]): Outcome | undefined;
  /** As `attempt`, and tells the results of all calls. */
  perform(calls: readonly Call[]): Performed | undefined;
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
  /** Closes this process's end of the socket, and so ends the stub. Closes it once, however often it is called. */
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

/** Gives each buffer of a request its part of the answer's last range. */
function fill({ received }: EncodedRequest, area: Buffer): void {
  for (const [at, buffer] of received) area.copy(buffer, 0, at);
}

/** Reads what follows the result in an answer: the memory that calls wrote to. */
function readMemory(fd: number, request: EncodedRequest, { call }: Outcome): boolean {
  const exchanged = request.exchanged[call];
  if (exchanged !== undefined && !readFully(fd, exchanged)) return false;
  if (request.area === 0) return true;
  const [only, ...others] = request.received;
  // Most requests have one such buffer.
  if (only !== undefined && others.length === 0 && only[1].length === request.area) return readFully(fd, only[1]);
  const area = Buffer.alloc(request.area);
  if (!readFully(fd, area)) return false;
  fill(request, area);
  return true;
}

/**
 * Returns the results of the calls that were made, by a table of all: it stops at the last one, and leaves out those that
 * an expected result skipped.
 */
function resultsMade(calls: readonly Call[], last: number, table: Buffer): readonly (number | undefined)[] {
  const results: (number | undefined)[] = calls.map(() => undefined);
  for (let index = 0; index <= last && index < calls.length; index += 1) {
    const result = Number(table.readBigInt64LE(index * 8));
    results[index] = result;
    const { expected } = calls[index] ?? {};
    if (expected?.result === result) index += expected.skip;
  }
  return results;
}

/**
 * Reads a pipe to its end, at most the buffer's length; false when it ends first. It occupies no thread of Node's:
 * these are four, and commands run for days.
 */
async function readFullyLater(fd: number, buffer: Buffer): Promise<boolean> {
  const pipe = new Socket({ fd, readable: true, writable: false });
  let size = 0;
  for await (const chunk of pipe) {
    size += Buffer.from(chunk).copy(buffer, size);
    if (size === buffer.length) return true;
  }
  return false;
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
  let isOpen = true;
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
  const exchange = (calls: readonly Call[], results?: Buffer): Outcome | undefined => {
    const request = encodeRequest(calls, descriptors, results);
    if (!writeFully(socket, request.bytes) || !readFully(socket, answer)) return undefined;
    const outcome = parseAnswer(answer);
    return readMemory(socket, request, outcome) ? outcome : undefined;
  };
  const attempt = (calls: readonly Call[]): Outcome | undefined => {
    const first = takeWaiting();
    const outcome = exchange([...first, ...calls]);
    return outcome && conclude(first, outcome);
  };
  const perform = (calls: readonly Call[]): Performed | undefined => {
    const first = takeWaiting();
    const results = Buffer.alloc((first.length + calls.length) * 8);
    const outcome = exchange([...first, ...calls], results);
    if (outcome === undefined) return undefined;
    const concluded = conclude(first, outcome);
    return { ...concluded, results: resultsMade(calls, concluded.call, results.subarray(first.length * 8)) };
  };
  return {
    pid,
    descriptors,
    attempt,
    perform,
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
      // The answer comes by a pipe of its own: the socket blocks.
      const fds = Buffer.alloc(8);
      this.call('pipe2', [{ receive: fds }, O_CLOEXEC]);
      const [read, write] = [fds.readInt32LE(0), fds.readInt32LE(4)];
      const pipe = this.take(read);
      this.later({ name: 'close', args: [read] });
      // A call that returns 0, after which the stub answers there.
      const back: Call = { name: 'fcntl', args: [write, F_SETFD, FD_CLOEXEC] };
      const toPipe = { input: theirs, output: write };
      const turn: Call = { ...back, turnTo: toPipe };
      const isTurned =
        writeFully(socket, encodeRequest([...takeWaiting(), turn], descriptors).bytes) && readFully(pipe, answer);
      const request = encodeRequest([call], toPipe);
      if (!isTurned || !writeFully(socket, request.bytes)) {
        closeDescriptor(pipe);
        return undefined;
      }
      const whole = Buffer.alloc(ANSWER_SIZE + request.area);
      if (!(await readFullyLater(pipe, whole))) return undefined;
      fill(request, whole.subarray(ANSWER_SIZE));
      // Back to the socket.
      attempt([back]);
      this.later({ name: 'close', args: [write] });
      return parseAnswer(whole);
    },
    close() {
      if (isOpen) closeDescriptor(socket);
      isOpen = false;
    },
  };
}
