import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export interface ReplaceOptions {
  /** Permission bits, whatever the umask. */
  readonly mode: number;
  /** Where it is written first, on the same file system: `PATH.new`, unless several processes may replace it at once. */
  readonly temporary?: string | undefined;
}

/**
 * Replaces a small file in one step: a reader, and a process that is killed, see the old file or the new one. Unlike `replaceFile`, it
 * does not wait for the disk, so a power cut may leave the file empty.
 * @throws Node's errors; then the old file is still there
 */
export function replaceFileSync(path: string, content: string | Uint8Array, options: ReplaceOptions): void {
  const { mode, temporary = `${path}.new` } = options;
  try {
    writeFileSync(temporary, content, { mode });
    chmodSync(temporary, mode);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
