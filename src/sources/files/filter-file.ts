import { fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { createByteBudget, type ExpansionLimits } from '../../streams/byte-budget.ts';
import type { Compression } from '../../streams/decompress/compression.ts';
import { compressionInvalid } from '../../streams/decompress/compression.ts';
import { startProcess } from '../../sys/process/start-process.ts';
import type { UnwrapOptions } from './unwrap-options.ts';

/** The most bytes of the program's error message. */
const MAX_COMPLAINT = 4096;

export interface FilteredFiles {
  readonly input: FileHandle;
  readonly output: FileHandle;
  /** The name of the archive in errors. */
  readonly where: string;
}

/**
 * Decompresses one open file into another with a program of the host, for formats that Node lacks. The program gets
 * these two descriptors and no others; the input is read from its beginning, the output written from its position on.
 * @throws FORMAT_UNSUPPORTED when the program is not installed, COMPRESSION_INVALID when it fails, an AbortError on
 * `signal`
 */
export async function filterFile(
  program: Extract<Compression, 'xz' | 'bzip2'>,
  files: FilteredFiles,
  { signal, limits }: UnwrapOptions = {},
): Promise<void> {
  const { input, output, where } = files;
  signal?.throwIfAborted();
  // The position of this descriptor is at the end of the file, and Node has no lseek: open the file again.
  await using beginning = await open(`/proc/self/fd/${input.fd}`);
  const { PATH = '/usr/bin:/bin' } = process.env;
  const started = startProcess(program, ['-dc'], {
    descriptors: [beginning.fd, output.fd, 'pipe'],
    env: { PATH, LC_ALL: 'C' },
    ownSession: false,
  });
  const child = await started.catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new TsimgError('FORMAT_UNSUPPORTED', `${program} compression needs the program ${program}`, {
      where,
      hint: `install ${program}`,
      cause: error,
    });
  });
  let failure: unknown;
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  const stopWatching = watchSize(files, limits, (error) => {
    failure = error;
    kill();
  });
  let complaint = '';
  for await (const chunk of child.stream(2)) complaint = `${complaint}${chunk}`.slice(0, MAX_COMPLAINT);
  const { status } = await child.ended;
  stopWatching();
  if (failure !== undefined) throw failure;
  signal?.removeEventListener('abort', kill);
  signal?.throwIfAborted();
  if (status !== 0) throw compressionInvalid(program, where, complaint.trim().split('\n')[0] ?? `status ${status}`);
}

/** Milliseconds between two looks at the size of the output. The program writes some 100 MB in that time. */
const WATCH_INTERVAL = 100;

/**
 * Watches the size of a file that another process writes, and calls back when a limit is exceeded. Returns the function
 * that ends the watch.
 */
function watchSize(
  { input, output, where }: FilteredFiles,
  limits: ExpansionLimits | undefined,
  onExceeded: (error: unknown) => void,
): () => void {
  const budget = createByteBudget(limits);
  budget.taken(fstatSync(input.fd).size);
  let seen = 0;
  const look = () => {
    const { size } = fstatSync(output.fd);
    try {
      budget.given(size - seen, where);
      seen = size;
    } catch (error) {
      clearInterval(timer);
      onExceeded(error);
    }
  };
  const timer = setInterval(look, WATCH_INTERVAL);
  return () => {
    clearInterval(timer);
    look();
  };
}
