import { readSync } from 'node:fs';
import { TsimgError } from '../errors.ts';
import { answeredErrno } from '../linux/rtnetlink.ts';
import { ERRNO_NAMES } from './errno.data.ts';
import { closeDescriptor } from './file/files.ts';
import { bind, checked } from './libc.ts';
import { refusedCall } from './refused-call.ts';
import { takeAway } from './stub/fork-stub.ts';
import type { Stub } from './stub/stub.ts';

const [AF_NETLINK, SOCK_RAW, SOCK_CLOEXEC, NETLINK_ROUTE] = [16, 3, 0o2000000, 0];

const sendtoCall = bind<[fd: number, bytes: Buffer, size: number, flags: number, address: Buffer, length: number]>(
  'long sendto(int fd, void *bytes, size_t size, int flags, void *address, uint32_t length)',
);

/** A socket of rtnetlink(7) in a network namespace. */
export interface NetlinkSocket extends Disposable {
  /**
   * Sends a message of linux/rtnetlink and waits for its answer.
   * @param what names the change in errors
   * @throws SYSTEM_CALL
   */
  send(message: Buffer, what: string): void;
}

/**
 * Opens a socket in the network namespace of a stub, for this process. For a message that is sent with an address, the
 * kernel checks the rights of its sender alone, not those of the process that opened the socket. So an ordinary user,
 * who has all rights over user namespaces of its own, can connect network namespaces of two of them, though no process
 * in one has a right over the other.
 * @throws SYSTEM_CALL
 */
export function openNetlink(stub: Stub): NetlinkSocket {
  const socket = takeAway(stub, stub.call('socket', [AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE]));
  const kernel = Buffer.alloc(12);
  kernel.writeUInt16LE(AF_NETLINK);
  return {
    send(message, what) {
      checked(sendtoCall(socket, message, message.length, 0, kernel, kernel.length), 'sendto', what);
      const answer = Buffer.alloc(8192);
      const errno = answeredErrno(answer.subarray(0, readSync(socket, answer)));
      if (errno === undefined) throw new TsimgError('SYSTEM_CALL', 'rtnetlink has not answered', { where: what });
      if (errno !== 0) throw refusedCall('rtnetlink', ERRNO_NAMES[errno] ?? `errno ${errno}`, what);
    },
    [Symbol.dispose]: () => closeDescriptor(socket),
  };
}
