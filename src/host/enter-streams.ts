import { closeSync, constants, fchownSync, fstatSync } from 'node:fs';
import { TsimgError } from '../errors.ts';
import type { ExecPlan } from '../launch/plan-exec.ts';
import type { ResolvedUser } from '../launch/user.ts';
import { makeDevice } from '../linux/device.ts';
import { openInRoot } from '../sys/open-in-root.ts';
import { unlockTerminal } from '../sys/pty.ts';
import { DESCRIPTOR } from './channel.ts';

/** To whom the streams are given. */
export type Owner = Pick<ResolvedUser, 'uid' | 'gid'>;

/** The container's own: through the host's, its root could change the device. @throws LAUNCH_FAILED */
function openNull(rootFd: number): number {
  const flags = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY;
  const fd = openInRoot(rootFd, '/dev/null', { flags, links: 'never' });
  const status = fstatSync(fd, { bigint: true });
  if (status.isCharacterDevice() && status.rdev === makeDevice(1, 3)) return fd;
  throw new TsimgError('LAUNCH_FAILED', '/dev/null is not the null device');
}

/** A new terminal on the container's own devpts, so that its name there is true. */
function openTerminal(rootFd: number, handOver: (master: number) => void): number {
  const flags = constants.O_RDWR | constants.O_NOCTTY;
  const master = openInRoot(rootFd, '/dev/pts/ptmx', { flags, links: 'never' });
  const terminal = openInRoot(rootFd, `/dev/pts/${unlockTerminal(master)}`, { flags, links: 'never' });
  handOver(master);
  closeSync(master);
  return terminal;
}

/**
 * What becomes standard input, output and error: pipes of the user's, so that /dev/stdout can be opened, a terminal of the
 * user's, or /dev/null. `handOver` lets the caller fetch the terminal's master.
 * @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function openCommandStreams(
  rootFd: number,
  { command, detached }: ExecPlan,
  user: Owner,
  handOver: (master: number) => void,
): readonly number[] {
  if (command.terminal) {
    const terminal = openTerminal(rootFd, handOver);
    fchownSync(terminal, user.uid, -1);
    return [terminal, terminal, terminal];
  }
  const { stdin, stdout, stderr } = DESCRIPTOR;
  const piped: readonly number[] = [...(command.stdin ? [stdin] : []), ...(detached ? [] : [stdout, stderr])];
  for (const fd of piped) fchownSync(fd, user.uid, user.gid);
  return [stdin, stdout, stderr].map((fd) => (piped.includes(fd) ? fd : openNull(rootFd)));
}
