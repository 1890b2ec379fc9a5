import { fileURLToPath } from 'node:url';
import { TsimgError } from '../../errors.ts';
import { type StartedProcess, startProcess } from '../start-process.ts';
import { type Hand, O_CLOEXEC, openHand, openPipeOf, takeAnswer } from './hand.ts';
import { type Call, encodeRequest } from './request.ts';

/** The hand's program, which the build writes beside this file. */
const PROGRAM = fileURLToPath(new URL(`./hand-${process.arch}`, import.meta.url));

/** The socket that it is spoken to at first. */
const SOCKET = 3;
/** The pipes that follow: with nothing else open the kernel gives these numbers, for requests and for answers. */
const [REQUESTS, OUR_REQUESTS, OUR_ANSWERS, ANSWERS] = [4, 5, 6, 7];

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/** Pipes, because a hand is waited for: Node's sockets never block. */
const FIRST: readonly Call[] = [
  { name: 'prctl', args: [PR_SET_PDEATHSIG, SIGKILL] },
  { name: 'close_range', args: [SOCKET + 1, 0xffff_ffff, 0] },
  { name: 'pipe2', args: [{ receive: Buffer.alloc(8) }, O_CLOEXEC] },
  { name: 'pipe2', args: [{ receive: Buffer.alloc(8) }, O_CLOEXEC] },
];

/** A hand that is a child of this process, and dies with it. */
export interface StartedHand {
  readonly hand: Hand;
  readonly process: StartedProcess;
}

/** Starts a hand: with nothing of ours open, in a session of its own, its working directory the root. @throws SYSTEM_CALL, LAUNCH_FAILED */
export async function startHand(): Promise<StartedHand> {
  const process = await startProcess(PROGRAM, [], {
    descriptors: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: {},
    cwd: '/',
    ownSession: true,
  });
  const socket = process.stream(SOCKET);
  socket.on('error', () => {});
  try {
    socket.write(encodeRequest(FIRST, { input: SOCKET, output: SOCKET }).bytes);
    const answered = await new Promise<boolean>((resolve) => {
      socket.once('data', () => resolve(true));
      socket.once('close', () => resolve(false));
    });
    if (!answered) {
      const why = 'the program that makes containers ended at once';
      throw new TsimgError('LAUNCH_FAILED', 'the container could not be started', { where: PROGRAM, why });
    }
    const ends = {
      requests: openPipeOf(process.pid, OUR_REQUESTS, 'write'),
      answers: openPipeOf(process.pid, OUR_ANSWERS, 'read'),
    };
    const hand = openHand(process.pid, { input: REQUESTS, output: ANSWERS }, ends);
    const closing = [OUR_REQUESTS, OUR_ANSWERS, SOCKET].map((fd): Call => ({ name: 'close', args: [fd] }));
    socket.write(encodeRequest(closing, hand.descriptors).bytes);
    takeAnswer(ends.answers);
    return { hand, process };
  } catch (error) {
    process.kill('SIGKILL');
    throw error;
  } finally {
    socket.destroy();
  }
}
