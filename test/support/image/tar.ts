/**
 * Tar archives as code. The encoder shares nothing with src/tar, so that a test of the reader proves something. It also
 * writes nonsense: hostile archives are made here.
 *
 *     tarOf(dir('etc'), file('etc/motd', 'hello\n', { mode: 0o600 }), symlink('etc/link', 'motd'), whiteout('etc/old'))
 */

/** A string stands for its UTF-8 bytes. */
type Bytes = string | Uint8Array;

interface EntryOptions {
  /** Octal; default 0644, directories 0755, symlinks 0777. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds, or seconds as PAX writes them ('-1.5'), which makes a PAX header. Default 0. */
  readonly mtime?: number | string;
  readonly uname?: string;
  readonly gname?: string;
  /** Extended attributes, as `SCHILY.xattr.NAME` in a PAX header. */
  readonly xattrs?: Readonly<Record<string, Bytes>>;
  /** Further PAX records, before the entry and as they are. */
  readonly pax?: Readonly<Record<string, Bytes>> | readonly (readonly [string, Bytes])[];
  /** Which header: `pax` (default) and `ustar` have the POSIX magic, `gnu` GNU's, `v7` none. Long names follow it. */
  readonly format?: 'pax' | 'ustar' | 'gnu' | 'v7';
  /** The value of the size field, where it is not the content's length: a number, or the 12 bytes of the field. */
  readonly size?: number | Uint8Array;
  /** Overrides the typeflag character. */
  readonly type?: string;
  readonly prefix?: Bytes;
  readonly major?: number;
  readonly minor?: number;
  readonly linkPath?: Bytes;
  /** Changes the finished 512-byte header before its checksum is made. */
  readonly patch?: (block: Buffer) => void;
}

/** Some blocks of an archive. */
export type TarPart = Buffer;

function bytesOf(value: Bytes): Buffer {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value);
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** Returns a number as a field: octal with NUL, or base-256 (GNU, two's complement) where octal is too short. */
export function numericField(value: number, width: number): Buffer {
  const field = Buffer.alloc(width);
  if (value >= 0 && value < 8 ** (width - 1)) {
    field.write(value.toString(8).padStart(width - 1, '0'), 'latin1');
    return field;
  }
  let rest = BigInt(value);
  for (let index = width - 1; index >= 0; index--) {
    field[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  field[0] = (field[0] ?? 0) | 0x80;
  return field;
}

/**
 * Writes the sum of the header's bytes, its own field counted as spaces, into the header; `signed` as old Sun tars did.
 */
export function fixChecksum(block: Buffer, signed = false): void {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block.subarray(0, 512)) sum += signed && byte > 127 ? byte - 256 : byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

function header(name: Buffer, type: string, size: number | Uint8Array, options: EntryOptions, link: Buffer): Buffer {
  const block = Buffer.alloc(512);
  const format = options.format ?? 'pax';
  name.copy(block, 0, 0, 100);
  numericField(options.mode ?? 0o644, 8).copy(block, 100);
  numericField(options.uid ?? 0, 8).copy(block, 108);
  numericField(options.gid ?? 0, 8).copy(block, 116);
  (typeof size === 'number' ? numericField(size, 12) : Buffer.from(size)).copy(block, 124);
  numericField(typeof options.mtime === 'number' ? options.mtime : 0, 12).copy(block, 136);
  block.write(type, 156, 'latin1');
  link.copy(block, 157, 0, 100);
  if (format !== 'v7') {
    block.write(format === 'gnu' ? 'ustar  \0' : 'ustar\x0000', 257, 'latin1');
    block.write(options.uname ?? '', 265, 'latin1');
    block.write(options.gname ?? '', 297, 'latin1');
    numericField(options.major ?? 0, 8).copy(block, 329);
    numericField(options.minor ?? 0, 8).copy(block, 337);
    if (options.prefix !== undefined) bytesOf(options.prefix).copy(block, 345, 0, 155);
  }
  options.patch?.(block);
  fixChecksum(block);
  return block;
}

/** Returns a PAX record, `LENGTH KEY=VALUE\n`. The length counts itself. */
export function paxRecord(key: string, value: Bytes): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), bytesOf(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** Returns an extension: header and content of typeflag `x`, `g`, `L`, `K`, … */
export function extension(type: string, content: Bytes, options: EntryOptions = {}): TarPart {
  const bytes = bytesOf(content);
  const gnu = type === 'L' || type === 'K';
  const name = gnu ? '././@LongLink' : type === 'g' ? 'pax_global_header' : 'PaxHeaders/entry';
  const block = header(
    Buffer.from(name),
    type,
    options.size ?? bytes.length,
    { format: gnu ? 'gnu' : 'pax', ...options },
    Buffer.alloc(0),
  );
  return Buffer.concat([block, padded(bytes)]);
}

/** Returns a PAX header (`x`) for the next entry. */
export function paxHeader(...records: readonly (readonly [string, Bytes])[]): TarPart {
  return extension('x', Buffer.concat(records.map(([key, value]) => paxRecord(key, value))));
}

/** Returns a global PAX header (`g`). */
export function globalHeader(...records: readonly (readonly [string, Bytes])[]): TarPart {
  return extension('g', Buffer.concat(records.map(([key, value]) => paxRecord(key, value))));
}

/** Bytes as they are. */
export function raw(content: Bytes): TarPart {
  return bytesOf(content);
}

/** Returns one entry of any type, with the extensions that its names, times and attributes need. */
export function entry(type: string, path: Bytes, content: Bytes, options: EntryOptions = {}): TarPart {
  const name = bytesOf(path);
  const link = bytesOf(options.linkPath ?? '');
  const body = bytesOf(content);
  const records: (readonly [string, Bytes])[] = [];
  const before: Buffer[] = [];
  const format = options.format ?? 'pax';
  if (format === 'gnu') {
    if (link.length > 100) before.push(extension('K', Buffer.concat([link, Buffer.alloc(1)])));
    if (name.length > 100) before.push(extension('L', Buffer.concat([name, Buffer.alloc(1)])));
  } else if (format === 'pax') {
    if (name.length > 100) records.push(['path', name]);
    if (link.length > 100) records.push(['linkpath', link]);
  }
  if (typeof options.mtime === 'string') records.push(['mtime', options.mtime]);
  for (const [key, value] of Object.entries(options.xattrs ?? {})) records.push([`SCHILY.xattr.${key}`, value]);
  const more = options.pax ?? [];
  records.push(...(Array.isArray(more) ? more : Object.entries(more)));
  if (records.length > 0) before.push(paxHeader(...records));
  return Buffer.concat([
    ...before,
    header(name, options.type ?? type, options.size ?? body.length, options, link),
    padded(body),
  ]);
}

export function file(path: Bytes, content: Bytes = '', options: EntryOptions = {}): TarPart {
  return entry('0', path, content, options);
}

export function dir(path: Bytes, options: EntryOptions = {}): TarPart {
  const name = bytesOf(path);
  const slash = name.at(-1) === 0x2f ? name : Buffer.concat([name, Buffer.from('/')]);
  return entry('5', slash, '', { mode: 0o755, ...options });
}

export function symlink(path: Bytes, target: Bytes, options: EntryOptions = {}): TarPart {
  return entry('2', path, '', { mode: 0o777, ...options, linkPath: target });
}

export function hardlink(path: Bytes, target: Bytes, options: EntryOptions = {}): TarPart {
  return entry('1', path, '', { ...options, linkPath: target });
}

export function charDevice(path: Bytes, major: number, minor: number, options: EntryOptions = {}): TarPart {
  return entry('3', path, '', { ...options, major, minor });
}

export function blockDevice(path: Bytes, major: number, minor: number, options: EntryOptions = {}): TarPart {
  return entry('4', path, '', { ...options, major, minor });
}

export function fifo(path: Bytes, options: EntryOptions = {}): TarPart {
  return entry('6', path, '', options);
}

/** Returns the whiteout that hides `path` of lower layers: `whiteout('etc/x')` is the file `etc/.wh.x`. */
export function whiteout(path: string, options: EntryOptions = {}): TarPart {
  const slash = path.lastIndexOf('/') + 1;
  return file(`${path.slice(0, slash)}.wh.${path.slice(slash)}`, '', options);
}

/** Returns the opaque whiteout of a directory, which hides all content of the directory in lower layers. */
export function opaque(directory: string, options: EntryOptions = {}): TarPart {
  return file(directory === '' ? '.wh..wh..opq' : `${directory}/.wh..wh..opq`, '', options);
}

/** Returns an archive without its end, for tests that write another end. */
export function blocksOf(...parts: readonly TarPart[]): Buffer {
  return Buffer.concat(parts);
}

/** Returns a whole archive: the parts, and two zero blocks. */
export function tarOf(...parts: readonly TarPart[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
