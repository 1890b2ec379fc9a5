import { TsimgError } from '../../errors.ts';
import { containersFolder, readContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { CAUGHT_UP, type LogEntry, readLog } from '../../host/stdio/read-log.ts';
import type { ContainersContext } from '../places.ts';

/** Options of `containerLog`. */
export interface LogOptions {
  /** Goes on until the container has ended. */
  readonly follow?: boolean | undefined;
  /** Only this many of the last lines. */
  readonly tail?: number | undefined;
  /** Only entries that were written since this time. */
  readonly since?: Date | undefined;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Parses `--since`: an RFC 3339 time, seconds since 1970, or a time span before now (`90s`, `1h30m`). @throws USAGE */
export function parseSince(text: string, now: Date): Date {
  if (/^[0-9]+(\.[0-9]+)?$/.test(text)) return new Date(Number(text) * 1000);
  if (/^([0-9]+[smhd])+$/.test(text)) {
    const seconds = [...text.matchAll(/([0-9]+)([smhd])/g)].reduce(
      (sum, [, count, unit = 's']) => sum + Number(count) * (UNITS[unit] ?? 1),
      0,
    );
    return new Date(now.getTime() - seconds * 1000);
  }
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new TsimgError('USAGE', 'not a time', {
    where: text,
    hint: 'write it like 2024-01-31T12:00:00Z, 90s or 1h30m',
  });
}

type LogStream = AsyncIterable<LogEntry | typeof CAUGHT_UP>;

/** Yields the last `count` lines of the log so far, then all later entries. */
async function* lastLines(entries: LogStream, count: number): AsyncGenerator<LogEntry> {
  const held: LogEntry[] = [];
  let lines = 0;
  let following = false;
  for await (const entry of entries) {
    if (entry === CAUGHT_UP) {
      following = true;
      yield* held.splice(0);
    } else if (following) {
      yield entry;
    } else {
      held.push(entry);
      if (entry.ends) lines += 1;
      // A line may have several entries, and the last line may be incomplete.
      while (held.length > 0 && (lines > count || (lines === count && !entry.ends))) {
        if (held.shift()?.ends) lines -= 1;
      }
    }
  }
  yield* held;
}

/** Leaves out entries that were written before `since`. */
async function* writtenSince(entries: LogStream, since: Date | undefined): AsyncGenerator<LogEntry | typeof CAUGHT_UP> {
  for await (const entry of entries) {
    if (entry === CAUGHT_UP || since === undefined || new Date(entry.time) >= since) yield entry;
  }
}

/**
 * Yields the output of a detached container, entry by entry.
 * @throws CONTAINER_NOT_FOUND; CONTAINER_STATE for a container in the foreground, which has no log; an AbortError on
 * `signal`
 */
export async function* containerLog(
  wanted: string,
  { follow = false, tail, since }: LogOptions,
  { stateRoot, signal }: ContainersContext,
): AsyncGenerator<LogEntry> {
  const { folder, directory, record } = await findContainer(containersFolder(stateRoot), wanted);
  if (!record.detached) {
    throw new TsimgError('CONTAINER_STATE', 'the container has no log', {
      where: record.name,
      why: 'it was run in the foreground, so its output went to the terminal or program that ran it',
      hint: 'run a container with -d to keep its log',
    });
  }
  const isAlive = async () => (await readContainer(folder, record.id))?.alive ?? false;
  const entries = writtenSince(readLog(directory, follow ? isAlive : undefined, signal), since);
  if (tail !== undefined) return yield* lastLines(entries, tail);
  for await (const entry of entries) if (entry !== CAUGHT_UP) yield entry;
}
