import { errnoOf } from '../../errors.ts';

/** The working directory of this process; '' where it was removed, which concerns nobody who names absolute paths. getcwd(2) */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
