import { closeSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf } from '../errors.ts';
import type { ProcessHandle } from '../sys/pidfd.ts';

const readFd = promisify(read);

/**
 * Waits until the stage has become the command, which closes its `execution`; false where it wrote to it before, for then it
 * failed. Where the kernel lets nobody fetch descriptors (kernel.yama.ptrace_scope 3), it is taken for running at once.
 */
export async function awaitExecution(stage: ProcessHandle, execution: number): Promise<boolean> {
  let fd: number;
  try {
    fd = stage.takeDescriptor(execution);
  } catch (error) {
    if (errnoOf(error) === 'EPERM') return true;
    if (errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
  try {
    return (await readFd(fd, Buffer.alloc(16), 0, 16, null)).bytesRead === 0;
  } finally {
    closeSync(fd);
  }
}
