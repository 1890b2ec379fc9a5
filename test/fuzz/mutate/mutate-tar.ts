import { fixChecksum, numericField, paxRecord } from '../../support/image/tar.ts';
import { mutateBytes } from './mutate-bytes.ts';
import type { Random } from './random.ts';

// Changes to an archive after which it passes the first checks of a reader.

const BLOCK = 512;
const TYPES = ['\0', '0', '1', '2', '3', '4', '5', '6', '7', 'D', 'K', 'L', 'S', 'V', 'X', 'g', 'x', 'z'];
const MAGICS = ['ustar\x0000', 'ustar  \0', '\0\0\0\0\0\0\0\0'];

/** Names as in attacks and accidents. */
export const NAMES = [
  '',
  '.',
  '..',
  '/',
  './',
  '../outside/secret',
  '../../../../../../../../run/tsimg-conformance/outside/secret',
  '/run/tsimg-conformance/outside/secret',
  '/run/tsimg-conformance/place/secret',
  '../rootfs-sibling/secret',
  '../secret',
  'dir',
  'dir/inside',
  'dir/../..',
  'link',
  'link/secret',
  'link/dir/inside',
  'a',
  'b',
  'a/b',
  'a/b/',
  'a//b/./c',
  '.wh.a',
  'a/.wh.b',
  '.wh..wh..opq',
  'a/.wh..wh..opq',
  '.wh.',
  '.wh..',
  '.wh...',
  '.wh..wh.plnk/x',
  'n\xff\n\xfe',
  `${'d'.repeat(60)}/${'e'.repeat(30)}`,
];

/** Start, length and values of header fields. POSIX.1-2017 pax, "ustar Interchange Format". */
const FIELDS: readonly (readonly [start: number, length: number, values: readonly number[]])[] = [
  [100, 8, [0, 0o644, 0o7777, 0o777, -1]],
  [108, 8, [0, 1, 65534, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 31, -1]],
  [116, 8, [0, 1, 65534, 2 ** 32 - 2, 2 ** 32 - 1, -1]],
  [124, 12, [0, 1, 511, 512, 513, 1024, 2 ** 20, 2 ** 33, 2 ** 53, -1]],
  [136, 12, [0, 1, 2 ** 31, 2 ** 33, 2 ** 53, -1, -(2 ** 40)]],
  [329, 8, [0, 1, 0xfff, 0x1000, 2 ** 32]],
  [337, 8, [0, 3, 0xfffff, 0x100000, 2 ** 32]],
  [386, 12, [0, 1, 512, 2 ** 40]],
  [398, 12, [0, 1, 5, 512]],
  [483, 12, [0, 5, 100, 2 ** 40]],
];

const PAX_KEYS = [
  'path',
  'linkpath',
  'size',
  'mtime',
  'uid',
  'gid',
  'comment',
  'hdrcharset',
  'SCHILY.xattr.user.a',
  'SCHILY.xattr.trusted.overlay.opaque',
  'LIBARCHIVE.xattr.user.b',
  'SCHILY.devmajor',
  'GNU.sparse.major',
  'GNU.sparse.minor',
  'GNU.sparse.size',
  'GNU.sparse.realsize',
  'GNU.sparse.numblocks',
  'GNU.sparse.offset',
  'GNU.sparse.numbytes',
  'GNU.sparse.map',
  'GNU.sparse.name',
];
const PAX_VALUES = [
  '',
  '0',
  '1',
  '5',
  '512',
  '-1',
  '1.5',
  '-0.25',
  '1e3',
  '08',
  '0,1',
  '0,2,50,3',
  'a',
  'YQ==',
  '99999999999999999999',
];

function isHeader(block: Buffer): boolean {
  return block.length === BLOCK && block.toString('latin1', 257, 262) === 'ustar';
}

/** Returns where headers begin, by a guess that does not read the archive. */
function headersIn(archive: Buffer): readonly number[] {
  const found: number[] = [];
  for (let at = 0; at + BLOCK <= archive.length; at += BLOCK) {
    if (isHeader(archive.subarray(at, at + BLOCK))) found.push(at);
  }
  return found;
}

export function mutatePaxRecord(random: Random): Buffer {
  const key = random.pick(PAX_KEYS);
  const isName = key === 'path' || key === 'linkpath' || key === 'GNU.sparse.name';
  const value = isName ? random.pick(NAMES) : random.pick(PAX_VALUES);
  const record = paxRecord(key, Buffer.from(value, 'latin1'));
  return random.once(6) ? Buffer.concat([Buffer.from('0'), record]) : record;
}

/** Returns header and content of an extension for the next entry. */
function extension(type: string, content: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(type === 'L' || type === 'K' ? '././@LongLink' : 'PaxHeaders/x', 'latin1');
  numericField(0o644, 8).copy(block, 100);
  numericField(content.length, 12).copy(block, 124);
  block.write(type, 156, 'latin1');
  block.write(type === 'L' || type === 'K' ? 'ustar  \0' : 'ustar\x0000', 257, 'latin1');
  fixChecksum(block);
  return Buffer.concat([block, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}

function newExtension(random: Random): Buffer {
  const type = random.pick(['x', 'x', 'x', 'x', 'g', 'L', 'K']);
  if (type === 'L' || type === 'K') return extension(type, Buffer.from(`${random.pick(NAMES)}\0`, 'latin1'));
  const records = Array.from({ length: 1 + random.below(4) }, () => mutatePaxRecord(random));
  return extension(type, Buffer.concat(records));
}

/** Changes a field of a header and makes its checksum right. */
function editHeader(block: Buffer, random: Random): void {
  switch (random.below(5)) {
    case 0: {
      const [start, length, values] = random.pick(FIELDS);
      numericField(random.pick(values), length).copy(block, start, 0, length);
      break;
    }
    case 1:
      block.write(random.pick(TYPES), 156, 'latin1');
      break;
    case 2:
    case 3: {
      const start = random.once(2) ? 0 : 157;
      block.fill(0, start, start + 100);
      block.write(random.pick(NAMES).slice(0, 100), start, 'latin1');
      break;
    }
    default:
      if (random.once(3)) block.write(random.pick(MAGICS), 257, 'latin1');
      else if (random.once(2)) block.write(random.pick(NAMES), 345, 155, 'latin1');
      else block[random.below(BLOCK)] = random.below(256);
  }
  fixChecksum(block);
}

/** Returns the blocks from one header to the next, mostly an entry. */
function entryAt(headers: readonly number[], index: number, archive: Buffer): Buffer {
  return archive.subarray(headers[index], headers[index + 1] ?? archive.length);
}

function once(archive: Buffer, other: Buffer, random: Random): Buffer {
  const headers = headersIn(archive);
  if (headers.length === 0) return mutateBytes(archive, other, random);
  const index = random.below(headers.length);
  const at = headers[index] ?? 0;
  const insert = (bytes: Uint8Array) => Buffer.concat([archive.subarray(0, at), bytes, archive.subarray(at)]);
  switch (random.below(12)) {
    case 0: {
      const copy = mutateBytes(archive, other, random);
      if (random.once(2)) for (const header of headersIn(copy)) fixChecksum(copy.subarray(header, header + BLOCK));
      return copy;
    }
    case 1:
      return archive.subarray(0, random.once(2) ? at : random.below(archive.length));
    case 2:
      return insert(newExtension(random));
    case 3:
      return insert(entryAt(headers, random.below(headers.length), archive));
    case 4: {
      const others = headersIn(other);
      return insert(entryAt(others, random.below(others.length), other));
    }
    case 5:
      return Buffer.concat([archive.subarray(0, at), archive.subarray(headers[index + 1] ?? archive.length)]);
    case 6:
      return insert(Buffer.alloc(BLOCK * (1 + random.below(2))));
    default: {
      const copy = Buffer.from(archive);
      editHeader(copy.subarray(at, at + BLOCK), random);
      return copy;
    }
  }
}

/** Makes several changes to an archive, with parts of another archive. */
export function mutateTar(seed: Buffer, other: Buffer, random: Random): Buffer {
  let archive = seed;
  for (let count = 1 + random.below(5); count > 0; count--) archive = once(archive, other, random);
  return archive;
}
