import { closeDescriptor } from '../file/files.ts';
import { ANSWER_SIZE } from './layout.ts';
import { callError, type Hand, handIsGone, O_CLOEXEC, openHand, readFully } from './stub.ts';

/** clone(2) */
const SIGCHLD = 17;
const [AF_UNIX, SOCK_STREAM] = [1, 1];

/** A descriptor of a hand becomes ours. */
function takeAway(hand: Hand, fd: number): number {
  const ours = hand.take(fd);
  hand.later({ name: 'close', args: [fd] });
  return ours;
}

/**
 * A pipe between a hand and us: its end there, and ours. A pipe proper: Node's "pipe" is a socket pair, whose /dev/stdout
 * nobody can open (ENXIO).
 */
export function makePipe(hand: Hand, ours: 'read' | 'write'): { readonly theirs: number; readonly ours: number } {
  const fds = Buffer.alloc(8);
  hand.call('pipe2', [{ receive: fds }, O_CLOEXEC]);
  const [read, write] = [fds.readInt32LE(0), fds.readInt32LE(4)];
  const [mine, theirs] = ours === 'read' ? [read, write] : [write, read];
  return { theirs, ours: takeAway(hand, mine) };
}

/** What a child of a hand is going to be told by: two ends, the hand's and ours. */
export interface ChildSocket {
  readonly theirs: number;
  readonly ours: number;
}

/** Made beforehand where a hand will not be able to make it when it is to have the child. @throws SYSTEM_CALL */
export function makeChildSocket(parent: Hand): ChildSocket {
  const fds = Buffer.alloc(8);
  parent.call('socketpair', [AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, { receive: fds }]);
  return { theirs: fds.readInt32LE(0), ours: takeAway(parent, fds.readInt32LE(4)) };
}

/**
 * A child of a hand, a hand itself: the first process of the PID namespace that its parent made, if it did. It has all of its
 * parent's descriptors but the one that the parent is told by. fork(2)
 */
export function forkHand(parent: Hand, { theirs, ours }: ChildSocket = makeChildSocket(parent)): Hand {
  // Only the child's result is 0, so that it alone goes on with its own descriptor.
  const outcome = parent.attempt([{ name: 'clone', args: [SIGCHLD, 0, 0, 0, 0] }], { input: theirs, output: theirs });
  if (outcome === undefined || outcome.result < 0) {
    closeDescriptor(ours);
    throw outcome === undefined ? handIsGone() : callError('clone', outcome.result);
  }
  try {
    // At once: where the child's answers end is seen only when nobody else could write there.
    parent.call('close', [theirs]);
    if (!readFully(ours, Buffer.alloc(ANSWER_SIZE))) throw handIsGone();
  } catch (error) {
    closeDescriptor(ours);
    throw error;
  }
  const child = openHand(outcome.result, theirs, ours);
  child.later({ name: 'close', args: [parent.descriptors.input] });
  return child;
}
