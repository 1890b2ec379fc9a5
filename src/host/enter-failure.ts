import { TsimgError } from '../errors.ts';
import type { ChildStart } from '../sys/child.ts';

/** Why a command did not come to be: COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED or SYSTEM_CALL. */
export function explainFailure(program: string, { failed }: Extract<ChildStart, { kind: 'failed' }>): TsimgError {
  const last = failed.at(-1);
  if (last !== undefined && last.call.name !== 'execve' && !last.tolerated) {
    const { name } = last.call;
    const facts = { call: name, errno: last.errno };
    if (name.startsWith('prlimit') && last.errno === 'EPERM') {
      const why = 'a hard limit of the caller is lower';
      return new TsimgError('LAUNCH_FAILED', 'the limit cannot be raised', { where: name, why, facts });
    }
    return new TsimgError('SYSTEM_CALL', `${name} failed`, { why: last.errno, facts });
  }
  const errnos = failed.filter(({ call }) => call.name === 'execve').map(({ errno }) => errno);
  const errno = errnos.findLast((each) => each !== 'ENOENT' && each !== 'ENOTDIR');
  if (errno === undefined) {
    const why = 'the container does not have it, or not its interpreter or loader';
    return new TsimgError('COMMAND_NOT_FOUND', 'the command was not found', { where: program, why });
  }
  const why = errno === 'ENOEXEC' ? 'it is no program for this machine, and no script' : errno;
  return new TsimgError('COMMAND_NOT_EXECUTABLE', 'the command cannot be invoked', { where: program, why });
}
