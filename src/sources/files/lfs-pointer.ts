import { TsimgError } from '../../errors.ts';
import { type Files, readWhole } from './files.ts';

/** The beginning of a Git LFS pointer (git-lfs, docs/spec.md), which has less than 1024 bytes. */
const BEGIN = /^version https:\/\/(?:git-lfs\.github\.com\/spec|hawser\.github\.com\/spec)\/v1\n/;
const MAX_POINTER = 1024;

/**
 * Refuses a Git LFS pointer, which stands in a repository for a large file that was not fetched: it would look like
 * damage.
 * @param bytes the file, or its beginning
 * @throws ARCHIVE_INVALID
 */
export function refuseLfsPointer(bytes: Buffer, where: string): void {
  if (!BEGIN.test(bytes.toString('latin1', 0, MAX_POINTER))) return;
  throw new TsimgError('ARCHIVE_INVALID', 'a Git LFS pointer, not the file itself', {
    where,
    hint: 'run git lfs pull in its repository',
  });
}

/**
 * The same for one of several files; a larger or missing file is not read.
 * @throws ARCHIVE_INVALID
 */
export async function refuseLfsPointerAt(files: Files, name: string, signal?: AbortSignal): Promise<void> {
  const size = await files.size(name);
  if (size === undefined || size >= MAX_POINTER) return;
  const bytes = await readWhole(files, name, MAX_POINTER, signal);
  if (bytes !== undefined) refuseLfsPointer(bytes, `${files.label} ${name}`);
}
