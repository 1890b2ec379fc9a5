import { TsimgError } from '../../errors.ts';
import type { ArchiveDestination } from '../../sinks/archive-output.ts';

/**
 * Returns where an archive goes: a file, or standard output for `-` and undefined, but not a terminal.
 * @throws USAGE
 */
export function archiveOutput(path: string | undefined): ArchiveDestination {
  if (path === '') throw new TsimgError('USAGE', 'the archive has no name', { hint: 'name a file' });
  if (path !== undefined && path !== '-') return { path };
  if (!process.stdout.isTTY) return { stream: process.stdout };
  throw new TsimgError('USAGE', 'an archive is not written to a terminal', {
    hint: 'name a file with -o, or redirect the output',
  });
}
