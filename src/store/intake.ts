import * as fs from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { checkContent, digestMismatch, isMismatch, sameDigest, sizeMismatch } from '../crypto/digest.ts';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import { algorithmOf } from '../oci/digest.ts';
import type { OpenRest } from '../streams/content.ts';
import { createHasher } from '../streams/hashing.ts';
import { pump } from '../streams/pump.ts';
import { readSection } from '../streams/read-section.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { acquireLockName, type Lock } from '../sys/file/lock.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';
import { syncData } from '../sys/file/sync.ts';
import { clearWay, hasBlob, isSmall, type LayoutDirectory, type PromisedBlob } from './blobs.ts';
import { blobPath, partialPath } from './layout-names.ts';

/** The permission bits of a blob, whatever the umask. */
const BLOB_MODE = 0o644;

const writeInThread = promisify(fs.write);

/** Bytes in memory, a stream, or a function that opens the content at an offset. */
type Arrival = Uint8Array | Readable | OpenRest;

/** A blob on its way: its file, which this process has locked. */
interface Arriving extends Context {
  readonly blob: PromisedBlob;
  readonly fd: number;
  /** The name of the file. */
  readonly path: string;
  /** The name of the content in errors. */
  readonly where: string;
}

/**
 * Writes bytes to the page cache. Those of a small blob take less than the trip to a thread of Node; those of a large
 * one are written while this thread digests the next ones.
 */
async function writeAt({ fd, blob }: Arriving, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const place = [done, chunk.length - done, position + done] as const;
    done += isSmall(blob) ? fs.writeSync(fd, chunk, ...place) : (await writeInThread(fd, chunk, ...place)).bytesWritten;
  }
}

async function takeEach(
  chunks: AsyncIterable<Buffer>,
  take: (chunk: Buffer) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    await take(chunk);
  }
}

/**
 * Reads the first `kept` bytes of the file, appends the rest of the content, and verifies the whole.
 * @throws SIZE_MISMATCH, DIGEST_MISMATCH, the errors of the content and of the disk
 */
async function complete(arriving: Arriving, content: Exclude<Arrival, Uint8Array>, kept: number): Promise<void> {
  const { blob, path, where, signal } = arriving;
  const hasher = createHasher(algorithmOf(blob.digest));
  if (kept > 0) {
    await using file = await open(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    await pump([readSection(file, 0, kept)], async (chunk) => hasher.update(chunk), signal);
  }
  if (kept < blob.size || kept === 0) {
    const rest = typeof content === 'function' ? await content(kept) : content;
    let waiting: Uint8Array[] = [];
    let written = hasher.size;
    const write = async () => {
      const [first = Buffer.alloc(0), ...more] = waiting;
      const bytes = more.length === 0 ? first : Buffer.concat(waiting);
      waiting = [];
      await writeAt(arriving, bytes, written);
      written += bytes.length;
    };
    const take = async (chunk: Buffer) => {
      hasher.update(chunk);
      // At the first byte too many, so that no more than the blob's size is ever written
      if (hasher.size > blob.size) throw sizeMismatch(blob.size, hasher.size, where);
      waiting.push(chunk);
      if (!isSmall(blob)) await write();
    };
    // What arrived before an error is kept too.
    const taking = rest instanceof Readable ? pump([rest], take, signal) : takeEach(rest, take, signal);
    await taking.finally(write);
  }
  if (hasher.size !== blob.size) throw sizeMismatch(blob.size, hasher.size, where);
  const found = hasher.digest();
  if (!sameDigest(blob.digest, found)) throw digestMismatch(blob.digest, found, where);
}

/** Fills the file: from where an earlier writer was cut short, or from the start. */
async function fill(arriving: Arriving, content: Arrival): Promise<void> {
  const { fd, blob, where, onEvent } = arriving;
  if (content instanceof Uint8Array) {
    checkContent(content, { ...blob, mediaType: '' }, where);
    fs.ftruncateSync(fd, 0);
    await writeAt(arriving, content, 0);
    return;
  }
  const { size } = fs.fstatSync(fd);
  // A stream that is open already begins at the start.
  const kept = typeof content === 'function' && size <= blob.size ? size : 0;
  if (kept < size) fs.ftruncateSync(fd, kept);
  try {
    return await complete(arriving, content, kept);
  } catch (error) {
    if (kept === 0 || !isMismatch(error)) throw error;
  }
  const message = `${blob.digest}: what an earlier download left does not fit, and the whole is fetched`;
  onEvent?.({ kind: 'detail', message });
  fs.ftruncateSync(fd, 0);
  await complete(arriving, content, 0);
}

/** The descriptor of a lock, or where that cannot be written to, a further one of the same file. */
function openLocked(path: string, { fd, isWritable }: Lock): number {
  // Taking the lock needs no permission to write. Writing does: without it, this call fails and says so.
  const own = isWritable ? fd : fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NOFOLLOW);
  if (fs.fstatSync(own).isFile()) return own;
  if (own !== fd) fs.closeSync(own);
  throw new TsimgError('FILESYSTEM', 'not a regular file', { where: path, hint: `remove it: rm ${path}` });
}

/**
 * Keeps the bytes of a writer that was cut short, for the next writer. Wrong content is removed, and so is an empty
 * file.
 */
async function keepOrRemove({ fd, path }: Arriving, error: unknown): Promise<void> {
  if (isMismatch(error) || fs.fstatSync(fd).size === 0) await rm(path, { force: true });
}

/** Gives a complete file the name of its blob. */
async function nameBlob(layout: LayoutDirectory, { digest }: PromisedBlob, temporary: string): Promise<void> {
  const path = blobPath(layout.root, digest);
  try {
    return fs.renameSync(temporary, path);
  } catch (error) {
    // Its folder is missing, or a folder has its name.
    if (!['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errnoOf(error) ?? '')) throw error;
  }
  await makeDirectory(dirname(path));
  await clearWay(layout, digest);
  fs.renameSync(temporary, path);
}

/** What is received, and the lock on its file that this process holds. */
interface Reception {
  readonly blob: PromisedBlob;
  readonly content: Arrival;
  readonly lock: Lock;
}

/** Receives a blob into its file, and gives the file its name. */
async function receive(layout: LayoutDirectory, { blob, content, lock }: Reception, context: Context): Promise<void> {
  const temporary = partialPath(layout.partial, blob.digest);
  const path = blobPath(layout.root, blob.digest);
  const fd = openLocked(temporary, lock);
  const arriving = { ...context, blob, fd, path: temporary, where: path };
  try {
    await fill(arriving, content);
    fs.fchmodSync(fd, BLOB_MODE);
    // Without this, a power cut after the rename can leave a file of the right name without content.
    await syncData(fd, temporary);
    await nameBlob(layout, blob, temporary);
  } catch (error) {
    await keepOrRemove(arriving, error);
    throw error;
  } finally {
    if (fd !== lock.fd) fs.closeSync(fd);
  }
}

/**
 * Writes content under its digest. Idempotent and atomic: a damaged blob is replaced, and of several writers of one
 * blob, in whatever process, one reads its content and the others wait for it. Size and digest of the whole are
 * verified before the blob becomes visible. The bytes of a writer that failed or was killed stay in `partial`, and the
 * next writer goes on there, where its content can be opened at an offset.
 * @throws SIZE_MISMATCH, DIGEST_MISMATCH, FILESYSTEM; BUSY where a stopped process writes the blob; the errors of the
 * stream
 */
export async function writeBlob(
  layout: LayoutDirectory,
  blob: PromisedBlob,
  content: Arrival,
  context: Context = {},
): Promise<void> {
  const { signal } = context;
  // A stream that fails before it is read gives its error to the reader later, and must not end the process.
  if (content instanceof Readable) content.on('error', () => {});
  try {
    if (await hasBlob(layout, blob, signal)) return;
    await using lock = await acquireLockName(partialPath(layout.partial, blob.digest), 'exclusive', {
      ...context,
      isOptional: layout.locksAreOptional,
    });
    if (await hasBlob(layout, blob, signal)) {
      await rm(partialPath(layout.partial, blob.digest), { force: true });
      return;
    }
    await receive(layout, { blob, content, lock }, context);
  } catch (error) {
    throw storeError(error, blobPath(layout.root, blob.digest), 'blobsLock' in layout);
  } finally {
    if (content instanceof Readable) content.destroy();
  }
}

/** Adds to the error of a full disk what helps: unfinished downloads take room too. */
function storeError(error: unknown, path: string, isStore: boolean): unknown {
  const failure = filesystemError('cannot write a blob', path, error);
  const errno = errnoOf(error);
  if (!(failure instanceof TsimgError) || failure === error || (errno !== 'ENOSPC' && errno !== 'EDQUOT'))
    return failure;
  const { code, what, where, why, facts, cause } = failure;
  // The hint is for a store, which keeps unfinished blobs. Another layout removes them with its room.
  if (!isStore) return failure;
  const hint = 'make room and try again: a download goes on where it ended; tsimg prune removes unfinished blobs';
  return new TsimgError(code, what, { where, why, hint, facts, cause });
}
