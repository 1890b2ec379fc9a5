import { readFile } from 'node:fs/promises';
import { messageOf, TsimgError } from '../errors.ts';

/** The text of a file of `--env-file`. @throws USAGE */
export async function readEnvFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new TsimgError('USAGE', 'the environment file cannot be read', { where: path, why: messageOf(cause), cause });
  }
}
