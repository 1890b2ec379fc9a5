import { takeAway } from '../fork-stub.ts';
import type { Call } from '../request.ts';
import { callError, type Stub, stubIsGone } from '../stub.ts';
import { closeCall } from './file-calls.ts';

// Sockets of IPv4 in a stub's network namespace.

const AF_INET = 2;
const [SOCK_STREAM, SOCK_DGRAM] = [1, 2];
const [SOCK_NONBLOCK, SOCK_CLOEXEC] = [0o4000, 0o2000000];
/** netdevice(7) */
const [SIOCSIFFLAGS, SIOCGIFINDEX] = [0x8914, 0x8933];
const IFF_UP = 1;
/** struct ifreq: 16 bytes of name, then a union. */
const IFREQ_SIZE = 40;
/** Connections that wait to be accepted. */
const BACKLOG = 128;

/**
 * The calls that bring the loopback device up, which is down in a new network namespace, without any other flag that a
 * process can set. netdevice(7)
 */
export function raiseLoopbackCalls(): readonly Call[] {
  const socket: Call = { name: 'socket', args: [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0] };
  const request = Buffer.alloc(IFREQ_SIZE);
  request.write('lo');
  request.writeInt16LE(IFF_UP, 16);
  return [socket, { name: 'ioctl', args: [{ resultOf: socket }, SIOCSIFFLAGS, request] }, closeCall(socket)];
}

/** Brings the loopback device up. netdevice(7) @throws SYSTEM_CALL */
export function raiseLoopback(stub: Stub): void {
  const outcome = stub.attempt(raiseLoopbackCalls());
  if (outcome === undefined) throw stubIsGone();
  if (outcome.result < 0) throw callError(outcome.call === 0 ? 'socket' : 'ioctl', outcome.result, 'lo');
}

/** Returns the index of a device in the stub's network namespace. @throws SYSTEM_CALL */
export function deviceIndex(stub: Stub, name: string): number {
  const socket = stub.call('socket', [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0]);
  const request = Buffer.alloc(IFREQ_SIZE);
  request.write(name);
  stub.call('ioctl', [socket, SIOCGIFINDEX, { exchange: request }], name);
  stub.later({ name: 'close', args: [socket] });
  return request.readInt32LE(16);
}

/** Opens a socket in the stub's network namespace, for this process; it does not block. @throws SYSTEM_CALL */
export function openSocketIn(stub: Stub, kind: 'tcp' | 'udp'): number {
  const type = (kind === 'tcp' ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return takeAway(stub, stub.call('socket', [AF_INET, type, 0]));
}

/** Opens a socket for this process that listens on 127.0.0.1 in the stub's network namespace. @throws SYSTEM_CALL */
export function listenOnLoopback(stub: Stub, port: number): number {
  const socket = stub.call('socket', [AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0]);
  // struct sockaddr_in: port and address in network order.
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  address.writeUInt32BE(0x7f00_0001, 4);
  stub.call('bind', [socket, address, address.length], `127.0.0.1:${port}`);
  stub.call('listen', [socket, BACKLOG]);
  return takeAway(stub, socket);
}
