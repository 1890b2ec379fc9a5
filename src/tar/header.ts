/** A point in time to the nanosecond, as PAX headers give it; seconds before 1970 are negative. */
export interface Timestamp {
  /** Whole seconds since the epoch, rounded down. */
  readonly seconds: number;
  /** 0 … 999,999,999, counted forward from `seconds`. */
  readonly nanoseconds: number;
}

export type TarEntryKind = 'file' | 'hardlink' | 'symlink' | 'directory' | 'character-device' | 'block-device' | 'fifo';

/**
 * One entry of a tar archive with all extensions (PAX, GNU) applied.
 * Names are bytes, one per character (latin1): most are UTF-8, some are not, and none may be changed on the way.
 */
export interface TarHeader {
  readonly kind: TarEntryKind;
  /** As in the archive, not cleaned: may be absolute, hold `..`, `./` or doubled slashes. Bytes. */
  readonly path: string;
  /** Target of a symlink (unchanged) or name of a hard link's target. Bytes; '' for other kinds. */
  readonly linkPath: string;
  /** Permission bits with setuid, setgid and sticky: 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of the file as it must result (of a sparse file: holes counted). 0 for what has no content. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes by name (bytes), values as bytes. */
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** Bytes of the archive before this entry's first header block. */
  readonly offset: number;
}
