import { BLOCK_BYTES, checksumOf, paddingOf } from '../block.ts';
import type { TarEntryKind, TarHeader, Timestamp } from '../header.ts';

/** A {@link TarHeader} to write, which has no place in an archive yet. */
export type TarHeaderToWrite = Omit<TarHeader, 'offset'>;

/** Two zero blocks. */
export const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK_BYTES);

const TYPEFLAGS: Readonly<Record<TarEntryKind, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};

/** The largest values of the octal fields: 7 and 11 digits. */
const MAX_7 = 8 ** 7 - 1;
const MAX_11 = 8 ** 11 - 1;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/**
 * Returns the header blocks of an entry in POSIX form: a ustar header, and before it a PAX header for values that ustar
 * cannot hold. These are names that are long or not ASCII, large IDs and sizes, times before 1970 or with fractions,
 * and extended attributes (as bytes). The same header always gives the same bytes. The content, `header.size` bytes,
 * and its padding follow.
 */
export function encodeHeader(header: TarHeaderToWrite): Buffer {
  const records: [string, string][] = [];
  const name = splitName(header.path);
  if (name === undefined) records.push(['path', header.path]);
  if (!fits(header.linkPath)) records.push(['linkpath', header.linkPath]);
  if (records.some(([, value]) => !isUtf8(value))) records.unshift(['hdrcharset', 'BINARY']);
  if (header.size > MAX_11) records.push(['size', String(header.size)]);
  if (header.uid > MAX_7) records.push(['uid', String(header.uid)]);
  if (header.gid > MAX_7) records.push(['gid', String(header.gid)]);
  const { seconds, nanoseconds } = header.mtime;
  if (nanoseconds !== 0 || seconds < 0 || seconds > MAX_11) records.push(['mtime', formatTime(header.mtime)]);
  if (header.deviceMajor > MAX_7) records.push(['SCHILY.devmajor', String(header.deviceMajor)]);
  if (header.deviceMinor > MAX_7) records.push(['SCHILY.devminor', String(header.deviceMinor)]);
  for (const [key, value] of [...header.xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    records.push([`SCHILY.xattr.${key.replace(/[%=]/g, quote)}`, value.toString('latin1')]);
  }
  const block = encodeBlock(header, name ?? { prefix: '', name: header.path });
  if (records.length === 0) return block;
  const content = encodePax(records);
  const extension: TarHeaderToWrite = {
    ...header,
    kind: 'file',
    linkPath: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: content.length,
    mtime: { seconds: 0, nanoseconds: 0 },
    deviceMajor: 0,
    deviceMinor: 0,
  };
  const base = header.path
    .replace(/\/+$/, '')
    .replace(/^.*\//s, '')
    .replace(/[^ -~]/g, '_')
    .slice(0, 80);
  const pax = encodeBlock(extension, { prefix: '', name: `PaxHeaders.0/${base}` }, 'x');
  return Buffer.concat([pax, content, Buffer.alloc(paddingOf(content.length)), block]);
}

interface SplitName {
  readonly prefix: string;
  readonly name: string;
}

function encodeBlock(header: TarHeaderToWrite, { prefix, name }: SplitName, typeflag?: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name.slice(0, NAME_BYTES), 0, 'latin1');
  writeOctal(block, 100, 8, header.mode & 0o7777);
  writeOctal(block, 108, 8, header.uid > MAX_7 ? 0 : header.uid);
  writeOctal(block, 116, 8, header.gid > MAX_7 ? 0 : header.gid);
  writeOctal(block, 124, 12, header.size > MAX_11 ? 0 : header.size);
  const { seconds } = header.mtime;
  writeOctal(block, 136, 12, seconds < 0 || seconds > MAX_11 ? 0 : seconds);
  block.write(typeflag ?? TYPEFLAGS[header.kind], 156, 'latin1');
  block.write(header.linkPath.slice(0, NAME_BYTES), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  writeOctal(block, 329, 8, header.deviceMajor > MAX_7 ? 0 : header.deviceMajor);
  writeOctal(block, 337, 8, header.deviceMinor > MAX_7 ? 0 : header.deviceMinor);
  block.write(prefix, 345, 'latin1');
  block.write(`${checksumOf(block, 0).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function writeOctal(block: Buffer, at: number, width: number, value: number): void {
  block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
}

/** Splits a name for the fields of ustar; undefined where it needs PAX. */
function splitName(path: string): SplitName | undefined {
  if (fits(path)) return { prefix: '', name: path };
  if (!isAscii(path) || path.length > PREFIX_BYTES + 1 + NAME_BYTES) return undefined;
  // The prefix ends at a slash, and the name must not be empty.
  const slash = path.indexOf('/', path.length - NAME_BYTES - 1);
  if (slash <= 0 || slash > PREFIX_BYTES || slash === path.length - 1) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

/**
 * Whether a name can stand in a field of ustar: ASCII, or bytes that are no UTF-8, which every reader leaves unchanged
 * there. A PAX header would declare them as UTF-8.
 */
function fits(name: string): boolean {
  return name.length <= NAME_BYTES && (isAscii(name) || !isUtf8(name));
}

function isAscii(text: string): boolean {
  return /^[\x01-\x7f]*$/.test(text);
}

function isUtf8(bytes: string): boolean {
  const buffer = Buffer.from(bytes, 'latin1');
  return isAscii(bytes) || buffer.equals(Buffer.from(buffer.toString('utf8'), 'utf8'));
}

/**
 * Returns the content of a PAX header: records of `LENGTH KEY=VALUE\n`, where the length counts its own digits. Strings
 * are bytes (latin1). POSIX.1-2017 pax, "pax Extended Header".
 */
function encodePax(records: readonly (readonly [string, string])[]): Buffer {
  return Buffer.from(records.map(([key, value]) => encodeRecord(` ${key}=${value}\n`)).join(''), 'latin1');
}

function encodeRecord(rest: string): string {
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/** Quotes a character of an attribute name as GNU tar does. */
function quote(character: string): string {
  return character === '=' ? '%3D' : '%25';
}

/** Formats a time for PAX, as seconds with a fraction: half a second after -2 is -1.5. */
function formatTime({ seconds, nanoseconds }: Timestamp): string {
  const negative = seconds < 0 && nanoseconds > 0;
  const whole = negative ? seconds + 1 : seconds;
  const fraction = String(negative ? 1e9 - nanoseconds : nanoseconds)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const sign = negative && whole === 0 ? '-' : '';
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
