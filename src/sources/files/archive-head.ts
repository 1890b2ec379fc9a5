import { TsimgError } from '../../errors.ts';
import { hasChecksum } from '../../tar/block.ts';
import { refuseLfsPointer } from './lfs-pointer.ts';

/** Bytes at the beginning of an archive that tell its format. */
export const ARCHIVE_HEAD_BYTES = 2048;

const BLOCK = 512;
/** The most padding behind an empty archive: more than any padding to whole records. */
const MAX_PADDING = 16 * 1024 * 1024;

/** Other formats that an error can name. */
const OTHER_FORMATS: readonly (readonly [offset: number, magic: string, what: string])[] = [
  [0, 'hsqs', 'a squashfs image'],
  [32, 'SIF_MAGIC', 'a Singularity image'],
  [1024, '\xe2\xe1\xf5\xe0', 'an EROFS image'],
  [0, '7z\xbc\xaf', 'a 7z archive'],
  [0, 'PK\x03\x04', 'a zip archive'],
];

const isZero = (bytes: Buffer) => bytes.every((byte) => byte === 0);

/**
 * Refuses a file that is no tar archive, so that it is not taken for a damaged one.
 * @param head the first bytes of the file, fewer where it has no more
 * @throws ARCHIVE_INVALID, FORMAT_UNSUPPORTED
 */
export function checkArchiveHead(head: Buffer, label: string): void {
  if (head.length === 0) throw new TsimgError('ARCHIVE_INVALID', 'an empty file, not an archive', { where: label });
  for (const [offset, magic, what] of OTHER_FORMATS) {
    if (head.toString('latin1', offset, offset + magic.length) !== magic) continue;
    throw new TsimgError('FORMAT_UNSUPPORTED', `${what}, not an archive of an image`, { where: label });
  }
  refuseLfsPointer(head, label);
  const block = head.subarray(0, BLOCK);
  const checksum = Number.parseInt(block.toString('latin1', 148, 156).replace(/[\0 ]+/g, ''), 8);
  if (block.length === BLOCK && (hasChecksum(block, 0, checksum) || isZero(block))) return;
  throw new TsimgError('ARCHIVE_INVALID', 'not an archive', {
    where: label,
    why: 'it is neither a tar archive nor a compressed one',
    hint: 'name an archive of docker save, an OCI layout, or a tar of a root filesystem',
  });
}

/**
 * Passes an uncompressed archive on for as long as it can be one: an endless stream must not fill the disk.
 * @throws ARCHIVE_INVALID, FORMAT_UNSUPPORTED
 */
export async function* whileArchive(chunks: AsyncIterable<Buffer>, label: string): AsyncGenerator<Buffer, void> {
  let head = Buffer.alloc(0);
  let size = 0;
  let isEmpty = false;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (head.length < ARCHIVE_HEAD_BYTES) {
      head = Buffer.concat([head, chunk.subarray(0, ARCHIVE_HEAD_BYTES - head.length)]);
      if (head.length === ARCHIVE_HEAD_BYTES) checkArchiveHead(head, label);
      isEmpty = head.length >= 2 * BLOCK && isZero(head.subarray(0, 2 * BLOCK));
    }
    if (isEmpty && size > MAX_PADDING) {
      throw new TsimgError('ARCHIVE_INVALID', 'an archive with nothing in it', {
        where: label,
        why: `it begins with its end, and more than ${MAX_PADDING} bytes follow`,
      });
    }
    yield chunk;
  }
}
