import { callError, type Stub } from '../stub.ts';

const [P_PID, WEXITED, WNOWAIT] = [1, 0x4, 0x0100_0000];
const CLD_EXITED = 1;

/**
 * Waits for the end of a stub's child. Returns its status as a shell reports it: its exit code, or 128 and the number
 * of the signal that killed it; undefined when the stub ends first. The child is not reaped, so no other process gets
 * its number. waitid(2)
 * @param onKilled called with the number of the signal that killed it
 * @throws SYSTEM_CALL
 */
export async function awaitEnd(
  stub: Stub,
  pid: number,
  onKilled?: (signal: number) => void,
): Promise<number | undefined> {
  const information = Buffer.alloc(128);
  const args = [P_PID, pid, { receive: information }, WEXITED | WNOWAIT, null];
  const outcome = await stub.await({ name: 'waitid', args });
  if (outcome === undefined) return undefined;
  if (outcome.result < 0) throw callError('waitid', outcome.result);
  const [code, status] = [information.readInt32LE(8), information.readInt32LE(24)];
  if (code === CLD_EXITED) return status;
  onKilled?.(status);
  return 128 + status;
}

/** Reaps a child that has ended; its process ID may become another's. @throws SYSTEM_CALL */
export function reap(stub: Stub, pid: number): void {
  stub.call('waitid', [P_PID, pid, null, WEXITED, null]);
}
