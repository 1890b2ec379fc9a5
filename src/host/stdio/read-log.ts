import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../errors.ts';
import { LOG_FILE, OLD_LOG_FILE } from './log-file.ts';

/** A piece of a container's output: a line with its end, or a part of a line. */
export interface LogEntry {
  readonly stream: 'stdout' | 'stderr';
  /** The time of the write, RFC 3339. */
  readonly time: string;
  readonly text: Buffer;
  /** Whether the line ends here; then `text` ends with its line feed. */
  readonly ends: boolean;
}

/** Yielded between entries while a log is followed: all entries so far have been read. */
export const CAUGHT_UP = 'caught up';

const CHUNK = 64 * 1024;
/** Milliseconds between two reads while a log is followed. */
const PAUSE = 100;

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Parses `TIME stdout F text`; undefined for a damaged line, which a crash may leave. */
function parseEntry(line: Buffer): LogEntry | undefined {
  const head = /^(\S+) (stdout|stderr) ([FP]) /.exec(line.toString('latin1', 0, 64));
  if (head === null) return undefined;
  const [prefix, time = '', stream, tag] = head;
  const text = line.subarray(prefix.length);
  const ends = tag === 'F';
  return {
    time,
    stream: stream === 'stderr' ? 'stderr' : 'stdout',
    text: ends ? Buffer.concat([text, Buffer.from('\n')]) : text,
    ends,
  };
}

/** A log file that is read. `rest` keeps the start of an entry whose end is not written yet. */
interface Reading {
  readonly handle: FileHandle;
  readonly rest: { bytes: Buffer };
}

/** Yields the new entries of a file. @throws an AbortError on `signal`, after the entries that were read */
async function* readOn({ handle, rest }: Reading, signal: AbortSignal | undefined): AsyncGenerator<LogEntry> {
  for (;;) {
    signal?.throwIfAborted();
    const chunk = Buffer.alloc(CHUNK);
    const { bytesRead } = await handle.read(chunk, 0, CHUNK, null);
    if (bytesRead === 0) return;
    let bytes = Buffer.concat([rest.bytes, chunk.subarray(0, bytesRead)]);
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a)) {
      const entry = parseEntry(bytes.subarray(0, end));
      bytes = bytes.subarray(end + 1);
      if (entry !== undefined) yield entry;
    }
    rest.bytes = bytes;
  }
}

function isSame(one: Stats, other: Stats | undefined): boolean {
  return other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

/**
 * Yields a container's log, the oldest entry first. With `isAlive`, the log is followed while that returns true.
 * @throws Node's errors of the file system; an AbortError on `signal`
 */
export async function* readLog(
  directory: string,
  isAlive?: (() => Promise<boolean>) | undefined,
  signal?: AbortSignal,
): AsyncGenerator<LogEntry | typeof CAUGHT_UP> {
  const path = join(directory, LOG_FILE);
  const old = await openIfThere(join(directory, OLD_LOG_FILE));
  if (old !== undefined) {
    try {
      yield* readOn({ handle: old, rest: { bytes: Buffer.alloc(0) } }, signal);
    } finally {
      await old.close();
    }
  }
  let handle = await openIfThere(path);
  let rest = { bytes: Buffer.alloc(0) };
  try {
    for (;;) {
      // Asked before the read, so that the last read comes after the container's end.
      const alive = (await isAlive?.()) ?? false;
      if (handle !== undefined) yield* readOn({ handle, rest }, signal);
      const now = await stat(path).catch(() => undefined);
      if (now !== undefined && (handle === undefined || !isSame(await handle.stat(), now))) {
        // The log was renamed, after its last entry was written: read the rest of it, then the new file.
        if (handle !== undefined) yield* readOn({ handle, rest }, signal);
        await handle?.close();
        handle = await openIfThere(path);
        rest = { bytes: Buffer.alloc(0) };
        continue;
      }
      if (!alive) return;
      yield CAUGHT_UP;
      await sleep(PAUSE, undefined, { signal });
    }
  } finally {
    await handle?.close();
  }
}
