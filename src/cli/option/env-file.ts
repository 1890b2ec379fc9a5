import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { messageOf, TsimgError } from '../../errors.ts';

/** The largest environment file, in bytes. The kernel accepts no larger environment. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Reads a file or pipe to its end; undefined where it is longer than `MAX_BYTES`. */
async function readBounded(path: string): Promise<Buffer | undefined> {
  const file = await open(path);
  try {
    const chunks: Buffer[] = [];
    for (let size = 0; size <= MAX_BYTES; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024));
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

/** Reads the text of a file of `--env-file`. @throws USAGE */
export async function readEnvFile(path: string): Promise<string> {
  const fail = (why: string, cause?: unknown) =>
    new TsimgError('USAGE', 'the environment file cannot be read', {
      where: path,
      why,
      hint: '--env-file takes a text file with NAME=value in each line',
      cause,
    });
  let bytes: Buffer | undefined;
  try {
    bytes = await readBounded(path);
  } catch (cause) {
    throw fail(messageOf(cause), cause);
  }
  if (bytes === undefined) throw fail('it is longer than 4 MiB');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const lines = bytes.toString('latin1').split('\n');
  const wrong = lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')));
  throw fail(`line ${wrong + 1} is not UTF-8`);
}
