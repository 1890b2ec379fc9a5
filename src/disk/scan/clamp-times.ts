import type { TarEntryToWrite } from '../../tar/write/tar-chunks.ts';

/**
 * Gives entries that are newer than a time this time, as GNU tar does with `--clamp-mtime`.
 * @param newest seconds since 1970; undefined leaves all times
 */
export async function* clampTimes(
  entries: AsyncIterable<TarEntryToWrite>,
  newest: number | undefined,
): AsyncGenerator<TarEntryToWrite> {
  for await (const { header, content } of entries) {
    const { seconds, nanoseconds } = header.mtime;
    const isNewer = newest !== undefined && (seconds > newest || (seconds === newest && nanoseconds > 0));
    const mtime = isNewer ? { seconds: newest, nanoseconds: 0 } : header.mtime;
    yield { header: { ...header, mtime }, content };
  }
}
