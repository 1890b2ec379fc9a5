import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { errnoOf, TsimgError } from '../../errors.ts';
import { createByteBudget, type ExpansionLimits, withinBudget } from '../../streams/byte-budget.ts';
import { counted } from '../../streams/counted.ts';
import { type Compression, compressionOf, MAGIC_BYTES } from '../../streams/decompress/compression.ts';
import { unwrapped } from '../../streams/decompress/unwrapped.ts';
import { peeked } from '../../streams/peeked.ts';
import { pump } from '../../streams/pump.ts';
import { readSection } from '../../streams/read-section.ts';
import { streamOf } from '../../streams/stream-of.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { openTemporaryFile, writeTemporary } from '../../sys/file/temporary.ts';
import { startProcess } from '../../sys/process/start-process.ts';
import { whileArchive } from './archive-head.ts';
import { filterFile } from './filter-file.ts';
import type { UnwrapOptions } from './unwrap-options.ts';

/** The most characters of a program's message that an error shows. */
const MAX_COMPLAINT = 1000;

/** An archive with random access: uncompressed, in the user's file or in a temporary file without a name. */
export interface ArchiveFile {
  readonly label: string;
  readonly handle: FileHandle;
  /** Bytes. */
  readonly size: number;
}

/** Decompresses a stream, within the limits. */
function bounded(stream: Readable, label: string, limits: ExpansionLimits | undefined): Readable {
  const budget = createByteBudget(limits);
  return withinBudget(unwrapped(counted(stream, budget.taken), label), budget, label);
}

async function headOf(handle: FileHandle): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}

/** Writes a stream into a file, from the file's position on. */
async function writeAll(stream: Readable, handle: FileHandle, signal: AbortSignal | undefined): Promise<void> {
  try {
    await pump([stream], (chunk) => writeTemporary(handle, chunk), signal);
  } catch (error) {
    throw filesystemError('cannot unwrap an archive', 'temporary file', error);
  }
}

const needsProgram = (compression: Compression) => compression === 'xz' || compression === 'bzip2';

/**
 * Returns the uncompressed form of an open file: the file itself where it is not compressed. Closes the file that it
 * does not return.
 */
async function plain(handle: FileHandle, label: string, { signal, limits }: UnwrapOptions): Promise<FileHandle> {
  let output: FileHandle | undefined;
  try {
    const compression = compressionOf(await headOf(handle));
    if (compression === 'none') return handle;
    output = await openTemporaryFile();
    if (compression === 'xz' || compression === 'bzip2')
      await filterFile(compression, { input: handle, output, where: label }, { signal, limits });
    else {
      const input = readSection(handle, 0, (await handle.stat()).size);
      await writeAll(bounded(input, label, limits), output, signal);
    }
    await handle.close();
    return output;
  } catch (error) {
    await handle.close();
    await output?.close();
    throw error;
  }
}

async function archiveFile(handle: FileHandle, label: string): Promise<ArchiveFile> {
  return { label, handle, size: (await handle.stat()).size };
}

/**
 * Copies a stream that can be read only once (stdin, a pipe) into a temporary file, decompressed, for as long as it can
 * be an archive.
 * @throws ARCHIVE_INVALID, FILESYSTEM, COMPRESSION_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED, and the stream's errors
 */
export async function spoolArchive(stream: Readable, label: string, options: UnwrapOptions): Promise<ArchiveFile> {
  const { signal, limits } = options;
  // Ctrl-C must end the wait for a pipe without a writer.
  if (signal !== undefined) addAbortSignal(signal, stream);
  const { head, whole } = await peeked(stream, MAGIC_BYTES);
  const output = await openTemporaryFile();
  try {
    const byProgram = needsProgram(compressionOf(head));
    const content = byProgram ? whole : bounded(whole, label, limits);
    await writeAll(byProgram ? content : streamOf(content, whileArchive(content, label)), output, signal);
  } catch (error) {
    await output.close();
    throw error;
  }
  // xz and bzip2 were copied as they came: a program of the host decompresses the file.
  return archiveFile(await plain(output, label, options), label);
}

/**
 * Opens the archive at a path of the user's: links are followed, a pipe is read to its end.
 * @throws SOURCE_NOT_FOUND, FILESYSTEM, COMPRESSION_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED
 */
export async function openArchiveFile(path: string, options: UnwrapOptions): Promise<ArchiveFile> {
  let handle: FileHandle;
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) throw new TsimgError('ARCHIVE_INVALID', 'a directory, not an archive', { where: path });
    if (!stats.isFile()) return await spoolSpecialFile(path, options);
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw filesystemError('cannot open an archive', path, error);
    throw new TsimgError('SOURCE_NOT_FOUND', 'no such file', { where: path, cause: error });
  }
  return archiveFile(await plain(handle, path, options), path);
}

/**
 * Reads a named pipe or device. Opening a pipe waits for its writer, in a thread that cannot be stopped: another
 * process waits instead, which can be killed.
 */
async function spoolSpecialFile(path: string, options: UnwrapOptions): Promise<ArchiveFile> {
  const { PATH = '/usr/bin:/bin' } = process.env;
  const reader = await startProcess('cat', ['--', path], {
    descriptors: ['ignore', 'pipe', 'pipe'],
    env: { PATH, LC_ALL: 'C' },
    ownSession: false,
  });
  let complaint = '';
  reader.stream(2).on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(0, MAX_COMPLAINT);
  });
  try {
    const archive = await spoolArchive(reader.stream(1), path, options);
    const { status } = await reader.ended;
    if (status === 0) return archive;
    await archive.handle.close();
    throw new TsimgError('FILESYSTEM', 'cannot read an archive', { where: path, why: complaint.trim() });
  } finally {
    reader.kill('SIGKILL');
  }
}
