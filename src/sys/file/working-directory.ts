import { errnoOf } from '../../errors.ts';

/**
 * Returns the working directory of this process; empty where it was removed, because absolute paths do not need it.
 * getcwd(2)
 */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
