import { closeDescriptor } from '../../sys/file/files.ts';

// Descriptors of this process itself. sys/stub/call/files.ts has the same for those of a stub.

/** A descriptor as a path that the kernel goes to without looking anything up. Needs a /proc of ours. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Runs something with a descriptor that a call of ours opened, and closes it. */
export function withDescriptor<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeDescriptor(fd);
  }
}
