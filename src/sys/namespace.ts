import { bind, checked } from './libc.ts';

const unshareCall = bind<[number]>('int unshare(int flags)');
const sethostnameCall = bind<[string, number]>('int sethostname(const char *name, size_t length)');
const socketCall = bind<[number, number, number]>('int socket(int domain, int type, int protocol)');
const ioctlCall = bind<[number, number, Buffer]>('int ioctl(int fd, unsigned long request, void *argument)');
const closeCall = bind<[number]>('int close(int fd)');

const CLONE_NEWCGROUP = 0x0200_0000;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** struct ifreq: 16 bytes of name, then a union. */
const IFREQ_SIZE = 40;

/** From here on the cgroup that the process is in looks like the root of all. unshare(2). @throws SYSTEM_CALL */
export function enterCgroupNamespace(): void {
  checked(unshareCall(CLONE_NEWCGROUP), 'unshare(CLONE_NEWCGROUP)');
}

/** sethostname(2). @throws SYSTEM_CALL */
export function setHostname(name: string): void {
  checked(sethostnameCall(name, Buffer.byteLength(name)), 'sethostname', name);
}

/** Brings lo up, which a new network namespace has down. netdevice(7). @throws SYSTEM_CALL */
export function raiseLoopback(): void {
  const socket = checked(socketCall(AF_INET, SOCK_DGRAM_CLOEXEC, 0), 'socket');
  try {
    const request = Buffer.alloc(IFREQ_SIZE);
    request.write('lo');
    checked(ioctlCall(socket, SIOCGIFFLAGS, request), 'ioctl(SIOCGIFFLAGS)', 'lo');
    request.writeInt16LE(request.readInt16LE(16) | IFF_UP, 16);
    checked(ioctlCall(socket, SIOCSIFFLAGS, request), 'ioctl(SIOCSIFFLAGS)', 'lo');
  } finally {
    closeCall(socket);
  }
}
