import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export interface ReplaceOptions {
  /** Permission bits, whatever the umask. */
  readonly mode: number;
  /**
   * The path where the file is written first, on the same file system. Default `PATH.new`; several processes that
   * replace it at once need different names.
   */
  readonly temporary?: string | undefined;
}

/**
 * Replaces a small file in one step: a reader sees the old file or the new one, and so does a crash of this process.
 * Unlike `replaceText`, it does not wait for the disk, so a power cut may leave the file empty.
 * @throws Node's errors; the old file is still there then
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
