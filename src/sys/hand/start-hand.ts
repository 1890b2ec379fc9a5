import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { TsimgError } from '../../errors.ts';
import { spawnBare } from '../spawn-bare.ts';
import { type StartedProcess, startProcess } from '../start-process.ts';
import { type Hand, O_CLOEXEC, openHand, openPipeOf, takeAnswer } from './hand.ts';
import { type Call, encodeRequest } from './request.ts';
import { becomeSealed } from './sealed.ts';

/** The hand's program, which the build writes beside this file. */
const PROGRAM = fileURLToPath(new URL(`./hand-${process.arch}`, import.meta.url));

/** The socket that it is spoken to at first. */
const SOCKET = 3;

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

export interface HandOptions {
  /**
   * Its program lies in sealed memory: for a hand whose /proc/PID/exe may be seen by those who would write to it, and could
   * to the file (CVE-2019-5736).
   */
  readonly sealed?: boolean;
  /** Descriptors 0, 1 and 2; /dev/null where absent. */
  readonly standard?: readonly ('ignore' | 'inherit' | 'pipe')[];
  /**
   * So many descriptors from 4 on are pipes of ours, for the program that it becomes. Then the socket, descriptor 3, which it is
   * spoken to at first, stays open for that program too.
   */
  readonly pipes?: number;
  /** It stays in our session and working directory, as a command of the user's in front of the terminal. */
  readonly foreground?: boolean;
}

/** A hand that is a child of this process, and dies with it. */
export interface StartedHand {
  readonly hand: Hand;
  readonly process: StartedProcess;
}

function isAnswered(socket: Duplex): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
}

/** Has pipes made, because a hand is waited for: Node's sockets never block. `first` is the first descriptor that is not in use. */
async function openPipes({ pid }: StartedProcess, socket: Duplex, first: number): Promise<Hand> {
  // With nothing else open the kernel gives these numbers, for requests and for answers.
  const [requests, ourRequests, ourAnswers, answers] = [first, first + 1, first + 2, first + 3];
  const calls: readonly Call[] = [
    { name: 'prctl', args: [PR_SET_PDEATHSIG, SIGKILL] },
    { name: 'close_range', args: [first, 0xffff_ffff, 0] },
    { name: 'pipe2', args: [{ receive: Buffer.alloc(8) }, O_CLOEXEC] },
    { name: 'pipe2', args: [{ receive: Buffer.alloc(8) }, O_CLOEXEC] },
  ];
  socket.write(encodeRequest(calls, { input: SOCKET, output: SOCKET }).bytes);
  if (!(await isAnswered(socket))) {
    const why = 'the program that makes containers ended at once';
    throw new TsimgError('LAUNCH_FAILED', 'the container could not be started', { where: PROGRAM, why });
  }
  const ends = { requests: openPipeOf(pid, ourRequests, 'write'), answers: openPipeOf(pid, ourAnswers, 'read') };
  const hand = openHand(pid, { input: requests, output: answers }, ends);
  const closing = [ourRequests, ourAnswers].map((fd): Call => ({ name: 'close', args: [fd] }));
  socket.write(encodeRequest(closing, hand.descriptors).bytes);
  takeAnswer(ends.answers);
  return hand;
}

/** Starts one that needs nothing but a socket: Node's way to start it takes 14 ms more. @throws SYSTEM_CALL */
function startBareHand(): StartedHand {
  const { process, socket } = spawnBare(PROGRAM);
  const hand = openHand(process.pid, { input: SOCKET, output: SOCKET }, { requests: socket, answers: socket });
  hand.later({ name: 'prctl', args: [PR_SET_PDEATHSIG, SIGKILL] });
  hand.later({ name: 'close_range', args: [SOCKET + 1, 0xffff_ffff, 0] });
  hand.later({ name: 'chdir', args: ['/'] });
  return { hand, process };
}

/** Starts a hand: with nothing of ours open, in a session of its own, its working directory the root. @throws SYSTEM_CALL, LAUNCH_FAILED */
export async function startHand(options: HandOptions = {}): Promise<StartedHand> {
  if (Object.keys(options).length === 0) return startBareHand();
  const { standard = ['ignore', 'ignore', 'ignore'], pipes = 0, foreground = false, sealed = false } = options;
  const more = Array.from({ length: pipes }, () => 'pipe' as const);
  const process = await startProcess(PROGRAM, [], {
    descriptors: [...standard, 'pipe', ...more],
    env: {},
    cwd: foreground ? undefined : '/',
    ownSession: !foreground,
  });
  const socket = process.stream(SOCKET);
  socket.on('error', () => {});
  const first = SOCKET + 1 + pipes;
  try {
    let hand = await openPipes(process, socket, first);
    if (sealed) {
      becomeSealed(hand, readFileSync(PROGRAM));
      hand.close();
      hand = await openPipes(process, socket, first);
    }
    if (pipes === 0) {
      hand.later({ name: 'close', args: [SOCKET] });
      socket.destroy();
    }
    return { hand, process };
  } catch (error) {
    process.kill('SIGKILL');
    socket.destroy();
    throw error;
  }
}
