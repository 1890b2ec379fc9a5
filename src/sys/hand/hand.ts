import { closeSync, constants, openSync, read, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf, TsimgError } from '../../errors.ts';
import { ERRNO_NAMES } from '../errno.data.ts';
import { refusedCall } from '../refused-call.ts';
import type { CallName } from './call-number.data.ts';
import { ANSWER_SIZE } from './layout.ts';
import { type Argument, type Call, encodeRequest, type HandDescriptors } from './request.ts';

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

/** A process that performs system calls for us. It is an ordinary process with a single thread and descriptors of its own. */
export interface Hand {
  /** Its process ID as we see it. */
  readonly pid: number;
  /** Performs a call. @throws SYSTEM_CALL with `facts.errno`, LAUNCH_FAILED when the hand is gone */
  call(name: CallName, args: readonly Argument[], where?: string): number;
  /**
   * Performs calls until one fails; undefined when the hand is gone, or has become another program. A hand in which the last
   * returns 0 goes on with the descriptors `then`, its own where it is absent.
   */
  attempt(calls: readonly Call[], then?: HandDescriptors): Outcome | undefined;
  /** Its ends of the pipes that it is told by. */
  readonly descriptors: HandDescriptors;
  /**
   * Performs a call right before the next one, in the same turn. When it fails nothing is performed any more: the next call and
   * all that follow throw its error, which is `failure` then, for those who catch it take it for another's.
   */
  later(call: LaterCall): void;
  readonly failure: TsimgError | undefined;
  /** Performs one call that takes long, while we do other things; undefined when the hand is gone. */
  await(call: Call): Promise<Outcome | undefined>;
  /** Closes our ends: it exits. */
  close(): void;
}

/** Our ends of a hand's descriptors. */
export interface HandEnds {
  readonly requests: number;
  readonly answers: number;
}

/** An errno's name, such as ENOENT, of a negative result. */
export function errnoName(result: number): string {
  return ERRNO_NAMES[-result] ?? `errno ${-result}`;
}

/** The error for a system call that a hand could not perform. */
export function callError(name: string, result: number, where?: string): TsimgError {
  return refusedCall(name, errnoName(result), where);
}

function handIsGone(): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'the container could not be started', {
    why: 'its first process ended while it was prepared',
    facts: { handIsGone: true },
  });
}

/** Whether that is how a socket tells that a hand ended which had not read all. @throws any other error */
function isReset(error: unknown): boolean {
  if (errnoOf(error) === 'ECONNRESET') return true;
  throw error;
}

/** Fills the buffer; false when the stream ends before. */
function readFully(fd: number, buffer: Buffer): boolean {
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

/** Takes an answer that says nothing new. @throws LAUNCH_FAILED */
export function takeAnswer(answers: number): void {
  if (!readFully(answers, Buffer.alloc(ANSWER_SIZE))) throw handIsGone();
}

/** An answer's result and the call that it is of. */
function parseAnswer(answer: Buffer): Outcome {
  return { result: Number(answer.readBigInt64LE(0)), call: Number(answer.readBigUInt64LE(8)) };
}

/** A hand that runs and that reads requests from `descriptors`, of which `ends` are ours. */
export function openHand(pid: number, descriptors: HandDescriptors, ends: HandEnds): Hand {
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
  const attempt = (calls: readonly Call[], then?: HandDescriptors): Outcome | undefined => {
    const first = takeWaiting();
    const { bytes, memories } = encodeRequest([...first, ...calls], descriptors, then);
    if (!writeFully(ends.requests, bytes) || !readFully(ends.answers, answer)) return undefined;
    const outcome = parseAnswer(answer);
    const memory = memories[outcome.call];
    if (memory !== undefined && !readFully(ends.answers, memory)) return undefined;
    return conclude(first, outcome);
  };
  return {
    pid,
    descriptors,
    attempt,
    later(call) {
      waiting.push(call);
    },
    get failure() {
      return failure;
    },
    call(name, args, where) {
      const outcome = attempt([{ name, args }]);
      if (outcome === undefined) throw handIsGone();
      if (outcome.result < 0) throw callError(name, outcome.result, where);
      return outcome.result;
    },
    async await(call) {
      const first = takeWaiting();
      const { bytes, memories } = encodeRequest([...first, call], descriptors);
      if (!writeFully(ends.requests, bytes) || !(await readFullyLater(ends.answers, answer))) return undefined;
      const outcome = parseAnswer(answer);
      const memory = memories[outcome.call];
      if (memory !== undefined && !(await readFullyLater(ends.answers, memory))) return undefined;
      return conclude(first, outcome);
    },
    close() {
      for (const fd of new Set([ends.requests, ends.answers])) closeSync(fd);
    },
  };
}

/** Our own open file on a pipe that a hand has. proc_pid_fd(5). @throws what `openSync` throws */
export function openPipeOf(pid: number, fd: number, ours: 'read' | 'write'): number {
  return openSync(`/proc/${pid}/fd/${fd}`, ours === 'read' ? constants.O_RDONLY : constants.O_WRONLY);
}

/** fcntl(2), the same everywhere. */
export const O_CLOEXEC = 0o2000000;
/** clone(2) */
const SIGCHLD = 17;

/**
 * A pipe between a hand and us: its end there, and ours. A pipe proper: Node's "pipe" is a socket pair, whose /dev/stdout
 * nobody can open (ENXIO).
 */
export function makePipe(hand: Hand, ours: 'read' | 'write'): { readonly theirs: number; readonly ours: number } {
  const fds = Buffer.alloc(8);
  hand.call('pipe2', [{ receive: fds }, O_CLOEXEC]);
  const [read, write] = [fds.readInt32LE(0), fds.readInt32LE(4)];
  const [mine, theirs] = ours === 'read' ? [read, write] : [write, read];
  const fd = openPipeOf(hand.pid, mine, ours);
  hand.later({ name: 'close', args: [mine] });
  return { theirs, ours: fd };
}

/** What a child of a hand is going to be told by. */
export interface ChildPipes {
  readonly descriptors: HandDescriptors;
  readonly ends: HandEnds;
}

/** Made beforehand where the parent's descriptors will be closed to us when it is to have the child. */
export function makeChildPipes(parent: Hand): ChildPipes {
  const requests = makePipe(parent, 'write');
  const answers = makePipe(parent, 'read');
  return {
    descriptors: { input: requests.theirs, output: answers.theirs },
    ends: { requests: requests.ours, answers: answers.ours },
  };
}

/**
 * A child of a hand, a hand itself: the first process of the PID namespace that its parent made, if it did. It has all of its
 * parent's descriptors but those that the parent is told by. fork(2)
 */
export function forkHand(parent: Hand, { descriptors, ends }: ChildPipes = makeChildPipes(parent)): Hand {
  // Only the child's result is 0, so that it alone goes on with its own descriptors.
  const outcome = parent.attempt([{ name: 'clone', args: [SIGCHLD, 0, 0, 0, 0] }], descriptors);
  if (outcome === undefined || outcome.result < 0) {
    closeSync(ends.requests);
    closeSync(ends.answers);
    throw outcome === undefined ? handIsGone() : callError('clone', outcome.result);
  }
  const child = openHand(outcome.result, descriptors, ends);
  // At once: where the child's answers end is seen only when nobody else could write there.
  parent.later({ name: 'close', args: [descriptors.input] });
  parent.call('close', [descriptors.output]);
  takeAnswer(ends.answers);
  const { input, output } = parent.descriptors;
  for (const fd of new Set([input, output])) child.later({ name: 'close', args: [fd] });
  return child;
}
