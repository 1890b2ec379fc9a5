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
  /** Only entries that were written until this time; with `follow` it ends then. */
  readonly until?: Date | undefined;
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

/** Leaves out entries that were written before `since`, and ends at those after `until`. */
async function* writtenIn(
  entries: LogStream,
  { since, until }: Pick<LogOptions, 'since' | 'until'>,
): AsyncGenerator<LogEntry | typeof CAUGHT_UP> {
  for await (const entry of entries) {
    const time = entry === CAUGHT_UP ? new Date() : new Date(entry.time);
    if (until !== undefined && time > until) return;
    if (entry === CAUGHT_UP || since === undefined || time >= since) yield entry;
  }
}

/**
 * Yields the output of a detached container, entry by entry.
 * @throws CONTAINER_NOT_FOUND; CONTAINER_STATE for a container in the foreground, which has no log; an AbortError on
 * `signal`
 */
export async function* containerLog(
  wanted: string,
  { follow = false, tail, since, until }: LogOptions,
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
  const entries = writtenIn(readLog(directory, follow ? isAlive : undefined, signal), { since, until });
  if (tail !== undefined) return yield* lastLines(entries, tail);
  for await (const entry of entries) if (entry !== CAUGHT_UP) yield entry;
}
