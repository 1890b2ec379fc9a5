import { closeDescriptor } from '../file/files.ts';
import { O_CLOEXEC } from '../file/open-how.ts';
import { ANSWER_SIZE } from './layout.ts';
import { callError, openStub, readFully, type Stub, stubIsGone } from './stub.ts';

/** clone(2) */
const SIGCHLD = 17;
const [AF_UNIX, SOCK_STREAM] = [1, 1];

/** A descriptor of a stub becomes ours. */
function takeAway(stub: Stub, fd: number): number {
  const ours = stub.take(fd);
  stub.later({ name: 'close', args: [fd] });
  return ours;
}

/**
 * A pipe between a stub and us: its end there, and ours. A pipe proper: Node's "pipe" is a socket pair, whose
 * /dev/stdout nobody can open (ENXIO).
 */
export function makePipe(stub: Stub, ours: 'read' | 'write'): { readonly theirs: number; readonly ours: number } {
  const fds = Buffer.alloc(8);
  stub.call('pipe2', [{ receive: fds }, O_CLOEXEC]);
  const [read, write] = [fds.readInt32LE(0), fds.readInt32LE(4)];
  const [mine, theirs] = ours === 'read' ? [read, write] : [write, read];
  return { theirs, ours: takeAway(stub, mine) };
}

/** What a child of a stub is going to be told by: two ends, the stub's and ours. */
export interface ChildSocket {
  readonly theirs: number;
  readonly ours: number;
}

/** Made beforehand where a stub will not be able to make it when it is to have the child. @throws SYSTEM_CALL */
export function makeChildSocket(parent: Stub): ChildSocket {
  const fds = Buffer.alloc(8);
  parent.call('socketpair', [AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, { receive: fds }]);
  return { theirs: fds.readInt32LE(0), ours: takeAway(parent, fds.readInt32LE(4)) };
}

/**
 * A child of a stub, a stub itself: the first process of the PID namespace that its parent made, if it did. It has all
 * of its parent's descriptors but the one that the parent is told by. fork(2)
 */
export function forkStub(parent: Stub, { theirs, ours }: ChildSocket = makeChildSocket(parent)): Stub {
  // Only the child's result is 0, so that it alone goes on with its own descriptor.
  const outcome = parent.attempt([{ name: 'clone', args: [SIGCHLD, 0, 0, 0, 0] }], { input: theirs, output: theirs });
  if (outcome === undefined || outcome.result < 0) {
    closeDescriptor(ours);
    throw outcome === undefined ? stubIsGone() : callError('clone', outcome.result);
  }
  try {
    // At once: where the child's answers end is seen only when nobody else could write there.
    parent.call('close', [theirs]);
    if (!readFully(ours, Buffer.alloc(ANSWER_SIZE))) throw stubIsGone();
  } catch (error) {
    closeDescriptor(ours);
    throw error;
  }
  const child = openStub(outcome.result, theirs, ours);
  child.later({ name: 'close', args: [parent.descriptors.input] });
  return child;
}
