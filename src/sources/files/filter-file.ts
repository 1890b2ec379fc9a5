import { fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { createByteBudget, type ExpansionLimits } from '../../streams/byte-budget.ts';
import type { Compression } from '../../streams/decompress/compression.ts';
import { compressionInvalid } from '../../streams/decompress/compression.ts';
import { startProcess } from '../../sys/process/start-process.ts';
import type { UnwrapOptions } from './unwrap-options.ts';

/** What it may say when it fails: bytes. */
const MAX_COMPLAINT = 4096;

export interface FilteredFiles {
  readonly input: FileHandle;
  readonly output: FileHandle;
  /** The name of the archive in errors. */
  readonly where: string;
}

/**
 * Decompresses one open file into another by a program of the host: formats that Node has not. The program gets the two
 * descriptors and nothing else; the input is read from its beginning, the output written from its position on.
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
  // The file was written through this descriptor, whose position is at its end, and Node has no lseek: opened again.
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

/** How often the program's output is looked at: milliseconds. It writes some 100 MB meanwhile. */
const WATCH_INTERVAL = 100;

/** Looks at the size of what another process writes, and tells when the limits are passed; how to stop looking. */
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
