import { TsimgError } from '../../errors.ts';

/**
 * The exit status of `run` and `exec` for a thrown value, as docker's: 127 not found, 126 cannot be executed, 125 any
 * other error.
 */
export function launchExitStatus(error: unknown): 125 | 126 | 127 {
  if (!(error instanceof TsimgError)) return 125;
  if (error.code === 'COMMAND_NOT_FOUND') return 127;
  return error.code === 'COMMAND_NOT_EXECUTABLE' ? 126 : 125;
}
