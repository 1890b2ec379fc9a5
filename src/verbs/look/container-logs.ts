import { TsimgError } from '../../errors.ts';
import { containersFolder, readContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { CAUGHT_UP, type LogEntry, readLog } from '../../host/stdio/read-log.ts';
import type { ContainersContext } from '../places.ts';

export interface LogOptions {
  /** Goes on for as long as the container lives. */
  readonly follow?: boolean | undefined;
  /** Only so many of the last lines. */
  readonly tail?: number | undefined;
  /** Only what was written since then. */
  readonly since?: Date | undefined;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `--since`: an RFC 3339 time, seconds since 1970, or how long ago (`90s`, `1h30m`). @throws USAGE */
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
  throw new TsimgError('USAGE', 'not a time', { where: text, hint: 'such as 2024-01-31T12:00:00Z, 90s or 1h30m' });
}

type LogStream = AsyncIterable<LogEntry | typeof CAUGHT_UP>;

/** The last `count` lines of those that are there already, then whatever comes. */
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
      // A line may have several entries, and the last one need not have ended.
      while (held.length > 0 && (lines > count || (lines === count && !entry.ends))) {
        if (held.shift()?.ends) lines -= 1;
      }
    }
  }
  yield* held;
}

/** Without what was written before, and without the marks. */
async function* writtenSince(entries: LogStream, since: Date | undefined): AsyncGenerator<LogEntry | typeof CAUGHT_UP> {
  for await (const entry of entries) {
    if (entry === CAUGHT_UP || since === undefined || new Date(entry.time) >= since) yield entry;
  }
}

/**
 * What a detached container wrote, entry by entry.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE where its output went to whoever ran it; an AbortError on `signal`
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
      why: 'it was run in the foreground: its output went to whoever ran it',
      hint: 'a log is kept of containers that are run with -d',
    });
  }
  const isAlive = async () => (await readContainer(folder, record.id))?.alive ?? false;
  const entries = writtenSince(readLog(directory, follow ? isAlive : undefined, signal), since);
  if (tail !== undefined) return yield* lastLines(entries, tail);
  for await (const entry of entries) if (entry !== CAUGHT_UP) yield entry;
}
