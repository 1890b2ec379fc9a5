/** A point in time to the nanosecond, as in PAX headers; seconds before 1970 are negative. */
export interface Timestamp {
  /** Whole seconds since the epoch, rounded down. */
  readonly seconds: number;
  /** 0 … 999,999,999, counted forward from `seconds`. */
  readonly nanoseconds: number;
}

/** The kind of a file in a tar archive. */
export type TarEntryKind = 'file' | 'hardlink' | 'symlink' | 'directory' | 'character-device' | 'block-device' | 'fifo';

/**
 * One entry of a tar archive with all extensions (PAX, GNU) applied.
 * Names are bytes, one per character (latin1): most are UTF-8, some are not, and none may be changed on the way.
 */
export interface TarHeader {
  readonly kind: TarEntryKind;
  /** As in the archive, not cleaned: it may be absolute, or have `..`, `./` or doubled slashes. Bytes. */
  readonly path: string;
  /** Target of a symlink (unchanged) or name of a hard link's target. Bytes; '' for other kinds. */
  readonly linkPath: string;
  /** Permission bits with setuid, setgid and sticky: 0 … 0o7777. */
  readonly mode: number;
  /** The owner's user ID, as in the archive. */
  readonly uid: number;
  /** The owner's group ID, as in the archive. */
  readonly gid: number;
  /** Bytes of the resulting file, with the holes of a sparse file. 0 for an entry without content. */
  readonly size: number;
  /** The time of the last modification. */
  readonly mtime: Timestamp;
  /** Of a device; 0 for other kinds, as `deviceMinor`. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes by name (bytes), values as bytes. */
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** Bytes of the archive before this entry's first header block. */
  readonly offset: number;
}
