import { TsimgError } from '../../errors.ts';
import type { TarEntryKind, TarHeader } from '../header.ts';
import type { TarLimits } from './limits.ts';
import { type PaxRecords, parsePaxNumber, parsePaxTime } from './pax.ts';
import { type Place, tarInvalid } from './place.ts';
import type { RawHeader } from './raw-header.ts';
import { type PaxSparse, paxSparseOf } from './sparse.ts';
import { xattrsOf } from './xattrs.ts';

/** The extensions before the header of an entry. Strings are bytes (latin1). */
export interface Extensions {
  readonly longName?: string;
  readonly longLink?: string;
  readonly pax?: PaxRecords;
}

/** An entry with its extensions applied. */
export interface ResolvedEntry {
  /** `size` is the stored one; for a sparse file the size of its map replaces it later. */
  readonly header: TarHeader;
  /** Bytes in the archive after the header (and old GNU extension blocks), without padding. */
  readonly storedBytes: number;
  /** False for stored bytes that are no content of the entry: a directory listing of GNU tar. */
  readonly hasContent: boolean;
  readonly sparse: PaxSparse | undefined;
}

/** The largest ID of a file: 2^32-1 means "leave as it is" to chown(2). */
const MAX_ID = 2 ** 32 - 2;
const MAX_DEVICE = 2 ** 32 - 1;

const KINDS: Readonly<Record<string, TarEntryKind>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  // Contiguous files, for systems that had them
  '7': 'file',
  // A directory with the listing that GNU tar --incremental stores
  D: 'directory',
  // Old GNU sparse files
  S: 'file',
};

/** The place of an entry, and the limits for it. */
export interface EntryContext {
  /** Where its first header begins. */
  readonly offset: number;
  readonly limits: TarLimits;
  readonly place: Place;
}

/**
 * Makes an entry of a header and its extensions. PAX wins over the long names of GNU, and these win over the header; an
 * empty PAX value leaves the field of the header. Only files have content: the size of links, directories and devices
 * is ignored (as in POSIX, Go and, for links, GNU tar), and the PAX size is the size of the content of this entry
 * alone.
 * @throws TAR_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED
 */
export function resolveEntry(
  raw: RawHeader,
  extensions: Extensions,
  { offset, limits, place }: EntryContext,
): ResolvedEntry {
  const { pax } = extensions;
  const get = (key: string): string | undefined => pax?.values.get(key) || undefined;
  const number = (key: string, fallback: number): number => {
    const text = get(key);
    return text === undefined ? fallback : parsePaxNumber(text, key, place);
  };
  const sparse = pax === undefined ? undefined : paxSparseOf(pax, limits, place);
  const path = sparse?.name ?? chooseName({ pax: get('path'), gnu: extensions.longName, field: raw.path }, place);
  const kind = kindOf(raw, path, place);
  const isLink = kind === 'hardlink' || kind === 'symlink';
  if (sparse !== undefined && (kind !== 'file' || raw.typeflag === 'S'))
    throw tarInvalid(place, 'a sparse map stands where none belongs');
  const hasContent = kind === 'file';
  const storedBytes = hasContent || raw.typeflag === 'D' ? number('size', raw.size) : 0;
  const mtime = get('mtime');
  const isDevice = kind === 'character-device' || kind === 'block-device';
  const header: TarHeader = {
    kind,
    path,
    linkPath: isLink ? chooseName({ pax: get('linkpath'), gnu: extensions.longLink, field: raw.linkPath }, place) : '',
    mode: raw.mode & 0o7777,
    uid: inRange(number('uid', raw.uid), MAX_ID, 'the uid', place),
    gid: inRange(number('gid', raw.gid), MAX_ID, 'the gid', place),
    size: hasContent ? storedBytes : 0,
    mtime: mtime === undefined ? { seconds: raw.mtime, nanoseconds: 0 } : parsePaxTime(mtime, 'mtime', place),
    deviceMajor: isDevice ? inRange(number('SCHILY.devmajor', raw.deviceMajor), MAX_DEVICE, 'the device', place) : 0,
    deviceMinor: isDevice ? inRange(number('SCHILY.devminor', raw.deviceMinor), MAX_DEVICE, 'the device', place) : 0,
    xattrs: xattrsOf(pax?.values, place),
    offset,
  };
  return { header, storedBytes, hasContent, sparse };
}

/** A name, as each part of an entry gives it. */
interface GivenNames {
  readonly pax: string | undefined;
  readonly gnu: string | undefined;
  readonly field: string;
}

function chooseName({ pax, gnu, field }: GivenNames, place: Place): string {
  // Go takes the name of GNU, GNU tar the name of PAX: an archive with both is ambiguous on purpose
  if (pax !== undefined && gnu !== undefined && pax !== gnu) throw tarInvalid(place, 'an entry has two names');
  return pax ?? gnu ?? field;
}

function kindOf(raw: RawHeader, path: string, place: Place): TarEntryKind {
  const kind = KINDS[raw.typeflag];
  if (kind === undefined || (raw.typeflag === 'S' && raw.format !== 'gnu')) {
    throw new TsimgError('FORMAT_UNSUPPORTED', `tar entries of type "${raw.typeflag}" are not supported`, {
      where: place.where,
      why: `"${Buffer.from(path, 'latin1').toString()}" is one (at byte ${place.offset})`,
      facts: { type: raw.typeflag, path, offset: place.offset },
    });
  }
  // v7 tars had no type for directories
  return raw.typeflag === '\0' && path.endsWith('/') ? 'directory' : kind;
}

function inRange(value: number, maximum: number, what: string, place: Place): number {
  if (value < 0 || value > maximum) throw tarInvalid(place, `${what} ${value} is out of range`);
  return value;
}
