import { loadKoffi } from '../koffi.ts';
import { bind, checked } from '../libc.ts';

const [AF_UNIX, SOCK_STREAM, SOCK_CLOEXEC] = [1, 1, 0o2000000];
const [SOL_SOCKET, SCM_RIGHTS, MSG_CMSG_CLOEXEC] = [1, 1, 0x4000_0000];

const socketpairCall = bind<[number, number, number, Buffer]>(
  'int socketpair(int domain, int type, int protocol, void *fds)',
);
const recvmsgCall = bind<[number, Buffer, number]>('long recvmsg(int fd, void *message, int flags)');

/** Makes two connected sockets, which block and are closed by execve. socketpair(2). @throws SYSTEM_CALL */
export function makeSocketPair(): readonly [number, number] {
  const fds = Buffer.alloc(8);
  checked(socketpairCall(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 'socketpair');
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

/** A byte of a socket, and the descriptor that came with it. The caller closes the descriptor. */
export interface Received {
  readonly byte: number;
  readonly descriptor: number | undefined;
}

/** Waits for a byte; undefined at the end of input. unix(7), "SCM_RIGHTS"; recvmsg(2). @throws SYSTEM_CALL */
export function receiveDescriptor(socket: number): Received | undefined {
  const [byte, range, control, message] = [Buffer.alloc(1), Buffer.alloc(16), Buffer.alloc(24), Buffer.alloc(56)];
  const { address } = loadKoffi();
  // struct iovec: address and length. struct msghdr: two words of a name, then the ranges and the control data.
  range.writeBigUInt64LE(address(byte), 0);
  range.writeBigUInt64LE(1n, 8);
  message.writeBigUInt64LE(address(range), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(address(control), 32);
  message.writeBigUInt64LE(BigInt(control.length), 40);
  if (checked(recvmsgCall(socket, message, MSG_CMSG_CLOEXEC), 'recvmsg') === 0) return undefined;
  // struct cmsghdr: its length, a level and a type; one descriptor after it.
  const hasOne = message.readBigUInt64LE(40) >= 20n && control.readInt32LE(8) === SOL_SOCKET;
  const descriptor = hasOne && control.readInt32LE(12) === SCM_RIGHTS ? control.readInt32LE(16) : undefined;
  return { byte: byte.readUInt8(0), descriptor };
}
