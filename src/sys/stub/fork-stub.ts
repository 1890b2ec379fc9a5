import { closeDescriptor } from '../file/files.ts';
import { O_CLOEXEC } from '../file/open-how.ts';
import { ANSWER_SIZE } from './layout.ts';
import { callError, openStub, readFully, type Stub, stubIsGone } from './stub.ts';

/** clone(2) */
const [SIGCHLD, CLONE_PARENT_SETTID] = [17, 0x10_0000];
const [AF_UNIX, SOCK_STREAM] = [1, 1];

/** Takes a descriptor of a stub, and closes it there. @throws as `Stub.take` */
export function takeAway(stub: Stub, fd: number): number {
  const ours = stub.take(fd);
  stub.later({ name: 'close', args: [fd] });
  return ours;
}

/**
 * Makes a pipe between a stub and this process. It is a real pipe: Node's "pipe" is a socket pair, which cannot be
 * opened as /dev/stdout (ENXIO).
 */
export function makePipe(stub: Stub, ours: 'read' | 'write'): { readonly theirs: number; readonly ours: number } {
  const fds = Buffer.alloc(8);
  stub.call('pipe2', [{ receive: fds }, O_CLOEXEC]);
  const [read, write] = [fds.readInt32LE(0), fds.readInt32LE(4)];
  const [mine, theirs] = ours === 'read' ? [read, write] : [write, read];
  return { theirs, ours: takeAway(stub, mine) };
}

/** The socket for a future child of a stub: the stub's end and this process's. */
export interface ChildSocket {
  readonly theirs: number;
  readonly ours: number;
}

/** Makes the socket early, for a stub that may not be able to make one when it forks. @throws SYSTEM_CALL */
export function makeChildSocket(parent: Stub): ChildSocket {
  const fds = Buffer.alloc(8);
  parent.call('socketpair', [AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, { receive: fds }]);
  return { theirs: fds.readInt32LE(0), ours: takeAway(parent, fds.readInt32LE(4)) };
}

/**
 * Forks a stub. The child is a stub too, and the first process of a PID namespace that its parent has made. It has all
 * descriptors of its parent except the parent's end of its own socket. fork(2)
 */
export function forkStub(parent: Stub, { theirs, ours }: ChildSocket = makeChildSocket(parent)): Stub {
  const pid = Buffer.alloc(8);
  const outcome = parent.attempt([
    {
      name: 'clone',
      args: [SIGCHLD | CLONE_PARENT_SETTID, 0, { receive: pid }, 0, 0],
      // It returns 0 in the child only, so the child alone goes on with the new socket, and closes nothing.
      turnTo: { input: theirs, output: theirs },
      expected: { result: 0, skip: 1 },
    },
    // The parent closes its copy now: the end of the child's answers is seen only when no other process has the socket
    // open.
    { name: 'close', args: [theirs] },
  ]);
  if (outcome === undefined || outcome.result < 0) {
    closeDescriptor(ours);
    throw outcome === undefined ? stubIsGone() : callError('clone', outcome.result);
  }
  // The child answers the same request, with a copy of the parent's memory.
  if (!readFully(ours, Buffer.alloc(ANSWER_SIZE + pid.length))) {
    closeDescriptor(ours);
    throw stubIsGone();
  }
  const child = openStub(pid.readInt32LE(0), theirs, ours);
  child.later({ name: 'close', args: [parent.descriptors.input] });
  return child;
}
