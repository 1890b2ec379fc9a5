import { constants, fchmodSync, fchownSync, fstatSync, ftruncateSync, type Stats, writeSync } from 'node:fs';
import { type Body, type Bucket, nameInPool } from '../../rootfs/body.ts';
import { type RealAttributes, realAttributes } from '../../rootfs/fold/real-attributes.ts';
import { isName, pathText } from '../../rootfs/path.ts';
import { chmodAt, closeDescriptor, makeDirectoryAt, openAt, setTimes } from '../../sys/file/files.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { lastErrno } from '../../sys/libc.ts';
import type { TarHeader } from '../../tar/header.ts';
import { check, refusal } from '../directory/check.ts';
import { type BodyPool, isFinishedIn } from './body-pool.ts';

/** The attributes that a new file has. */
type Natural = Pick<Stats, 'uid' | 'gid' | 'mode'>;

/** A body that is being written. */
export interface OpenBody {
  readonly body: Body;
  readonly descriptor: number;
  /** The entry that the body belongs to. */
  readonly entry: TarHeader;
  /** The attributes to set when the body is complete; undefined where they are set later, or not at all. */
  readonly attributes: RealAttributes | undefined;
  readonly natural: Natural;
  /** Bytes up to the end of the last write: a hole may follow. */
  written: number;
}

/** Writes bodies into a pool. */
export interface BodyWriter {
  /**
   * Makes an empty file in the pool, a directory that only tsimg writes into. At most the last component of the entry's
   * name is used, in a bucket of tsimg's own: the archive gets no other names until the whole tree is known.
   * @param number no other body of the pool has it
   * @throws FILESYSTEM
   */
  create(number: number, entry: TarHeader): OpenBody;
  /** Writes bytes at an offset of the body; bytes that are never written stay a hole. @throws FILESYSTEM */
  write(body: OpenBody, chunk: Buffer, position: number): void;
  /** Gives a body its size and attributes, and closes it. @throws FILESYSTEM */
  finish(body: OpenBody): void;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
const PRIVATE = 0o600;
const PERMISSIONS = 0o777;
const MODE = 0o7777;

export function bodyWriter(pool: BodyPool): BodyWriter {
  /**
   * The attributes of new files, by the requested mode. The umask, an inherited ACL or the file system may change the
   * mode and the owner, but they do the same to every file of the pool.
   */
  const naturals = new Map<number, Natural>();
  /** The buckets, by the name of the directory as the archive spells it; undefined where no bucket can be made. */
  const buckets = new Map<string, Bucket | undefined>();

  function attributesOf(entry: TarHeader): RealAttributes | undefined {
    const attributes = pool.finish && realAttributes({ kind: 'file', attributes: entry }, pool.finish.form);
    return attributes !== undefined && isFinishedIn(pool, attributes) ? attributes : undefined;
  }

  function bucketOf(parent: string, number: number, path: string): Bucket | undefined {
    if (buckets.has(parent)) return buckets.get(parent);
    const name = `d${number}`;
    const made = makeDirectoryAt(pool.directory, name, 0o700) >= 0;
    // A file system may limit the number of subdirectories
    if (!made && lastErrno() !== 'EMLINK') throw refusal('cannot store a file', lastErrno(), pathText(path));
    // Adds the bits that the umask removed
    if (made) check(chmodAt(pool.directory, name, 0o700), 'set the mode', path);
    const bucket = made ? { name, files: 0 } : undefined;
    buckets.set(parent, bucket);
    return bucket;
  }

  /** Makes a file in the bucket, under the last component of the entry's name; undefined where that is not possible. */
  function createInBucket(
    number: number,
    { path }: TarHeader,
    mode: number,
  ): { descriptor: number; body: Body } | undefined {
    const slash = path.lastIndexOf('/') + 1;
    const name = path.slice(slash);
    if (pool.finish === undefined || !isName(name)) return undefined;
    const bucket = bucketOf(path.slice(0, slash), number, path);
    if (bucket === undefined) return undefined;
    const body = { bucket, name };
    const descriptor = openAt(pool.directory, nameInPool(body), CREATE, mode);
    // A layer may have a name twice
    if (descriptor < 0 && lastErrno() === 'EEXIST') return undefined;
    bucket.files += 1;
    return { descriptor: check(descriptor, 'store a file', path), body };
  }

  function createNumbered(number: number, { path }: TarHeader, mode: number) {
    const body: Body = { bucket: undefined, name: String(number) };
    return { descriptor: check(openAt(pool.directory, body.name, CREATE, mode), 'store a file', path), body };
  }

  return {
    create(number, entry) {
      const attributes = attributesOf(entry);
      const mode = (attributes?.mode ?? PRIVATE) & PERMISSIONS;
      const { descriptor, body } = createInBucket(number, entry, mode) ?? createNumbered(number, entry, mode);
      let natural = naturals.get(mode);
      if (natural === undefined) {
        natural = fstatSync(descriptor);
        naturals.set(mode, natural);
      }
      return { body, descriptor, entry, attributes, natural, written: 0 };
    },
    write(body, chunk, position) {
      try {
        for (let done = 0; done < chunk.length; ) {
          done += writeSync(body.descriptor, chunk, done, chunk.length - done, position + done);
        }
      } catch (error) {
        throw cannotStore(body, error);
      }
      body.written = position + chunk.length;
    },
    finish(body) {
      const { descriptor, entry, attributes, natural } = body;
      try {
        if (body.written !== entry.size) ftruncateSync(descriptor, entry.size);
        if (attributes === undefined) return;
        const { owner, mode, mtime } = attributes;
        const isOwner = owner === undefined || (owner.uid === natural.uid && owner.gid === natural.gid);
        // chown clears setuid bits, and both calls change the times of the file
        if (!isOwner) fchownSync(descriptor, owner.uid, owner.gid);
        if (mode !== undefined && !(isOwner && mode === (natural.mode & MODE))) fchmodSync(descriptor, mode);
        check(setTimes(descriptor, mtime.seconds, mtime.nanoseconds), 'set the time', entry.path);
      } catch (error) {
        throw cannotStore(body, error);
      } finally {
        closeDescriptor(descriptor);
      }
    },
  };
}

function cannotStore({ entry }: OpenBody, error: unknown): unknown {
  return filesystemError('cannot store a file', pathText(entry.path), error);
}

/** Closes an incomplete body. */
export function closeBody(body: OpenBody): void {
  closeDescriptor(body.descriptor);
}
