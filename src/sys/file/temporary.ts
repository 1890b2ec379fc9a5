import { constants } from 'node:fs';
import { access, type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, TsimgError } from '../../errors.ts';
import { filesystemError } from './filesystem-error.ts';

/**
 * Returns the directory for large temporary files: $TMPDIR, or else /var/tmp, which is seldom in memory, unlike /tmp.
 */
async function temporaryRoot(): Promise<string> {
  if (process.env.TMPDIR) return process.env.TMPDIR;
  try {
    await access('/var/tmp', constants.W_OK | constants.X_OK);
    return '/var/tmp';
  } catch {
    return tmpdir();
  }
}

/** A private directory (0700). Disposing of it removes it with its content. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** An error about temporary files. Their place is no operand of the user's, so it says how another one is chosen. */
function temporaryError(what: string, where: string, error: unknown): unknown {
  const made = filesystemError(what, where, error);
  if (!(made instanceof TsimgError) || made === error) return made;
  const hint = 'make room there, or name another directory by $TMPDIR';
  return new TsimgError(made.code, what, { where, why: messageOf(error), hint, facts: made.facts, cause: error });
}

/** Makes a temporary directory. @throws FILESYSTEM */
export async function makeTemporaryDirectory(): Promise<TemporaryDirectory> {
  const root = await temporaryRoot();
  try {
    const path = await mkdtemp(join(root, 'tsimg-'));
    return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
  } catch (error) {
    throw temporaryError('cannot make a temporary directory', root, error);
  }
}

/**
 * Opens a file without a name, for reading and writing. It is gone when it is closed, also when this process is killed.
 * @throws FILESYSTEM
 */
export async function openTemporaryFile(): Promise<FileHandle> {
  await using directory = await makeTemporaryDirectory();
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return await open(join(directory.path, 'spool'), flags, 0o600);
  } catch (error) {
    throw temporaryError('cannot make a temporary file', directory.path, error);
  }
}

/** Appends to a file of `openTemporaryFile`. @throws FILESYSTEM with the directory: the file itself has no name */
export async function writeTemporary(file: FileHandle, chunk: Uint8Array): Promise<void> {
  try {
    await file.writeFile(chunk);
  } catch (error) {
    throw temporaryError('cannot write a temporary file', await temporaryRoot(), error);
  }
}
