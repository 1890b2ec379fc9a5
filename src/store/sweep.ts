import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkContent } from '../crypto/digest.ts';
import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, isDigest } from '../oci/digest.ts';
import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';
import { parseImageIndex } from '../oci/image-index.ts';
import { parseManifest } from '../oci/manifest.ts';
import { documentKindOf } from '../oci/media-type.ts';
import { PARTIAL_BLOB, STORE_NAME } from '../store-layout.ts';
import { tryLock } from '../sys/file/lock.ts';
import { readAttached } from './attached.ts';
import { checkBlob } from './blobs.ts';
import { forgetDropped, listDropped } from './dropped.ts';
import { blobPath, LAYOUT } from './layout-names.ts';
import { namesIn } from './list-folder.ts';
import { listStored, type StoredImage } from './names.ts';
import type { Store } from './open.ts';
import { readLayoutFile } from './read-layout-file.ts';
import { removeUnfinished, UNFINISHED_AGE } from './unfinished.ts';

export interface BlobReport {
  readonly blobs: number;
  /** Bytes that were freed. */
  readonly bytes: number;
  /** Unfinished downloads that were removed. */
  readonly unfinished: number;
  /** Images with a missing or damaged document: the blobs of such an image are unknown, so no blob is removed. */
  readonly damaged: readonly DamagedImage[];
}

export interface DamagedImage {
  readonly image: StoredImage;
  readonly problem: TsimgError;
}

/** What is kept. A kept blob may be a document that was not followed: an index that an image was chosen from. */
interface Reached {
  readonly reachable: Set<Digest>;
  /** Documents whose content is kept, too, each with an image that leads to it. */
  readonly followed: Map<Digest, StoredImage>;
  /** The image that is marked. */
  readonly image: StoredImage;
}

/** Adds the digests that a document leads to. A child of an index that is not in the store leads nowhere. */
async function mark(store: Store, descriptor: Descriptor, reached: Reached): Promise<void> {
  const { reachable, followed, image } = reached;
  reachable.add(descriptor.digest);
  const kind = documentKindOf(descriptor.mediaType);
  if ((kind !== 'index' && kind !== 'manifest') || followed.has(descriptor.digest)) return;
  followed.set(descriptor.digest, image);
  const path = blobPath(store.root, descriptor.digest);
  // A larger document was allowed by its user.
  const bytes = await readLayoutFile(path, Math.max(descriptor.size, MAX_DOCUMENT_BYTES));
  if (bytes === undefined) return;
  checkContent(bytes, descriptor, path);
  if (kind === 'index') {
    for (const child of parseImageIndex(bytes, descriptor.mediaType, path).manifests) {
      await mark(store, child, reached);
    }
    return;
  }
  const manifest = parseManifest(bytes, descriptor.mediaType, path);
  for (const blob of [manifest.config, ...manifest.layers]) reachable.add(blob.digest);
}

async function removeFile(path: string): Promise<number> {
  const { size } = await lstat(path);
  await rm(path, { recursive: true });
  return size;
}

/** Marks the blobs of an image, whose manifest must be in the store. @returns its damage, if any */
async function markImage(store: Store, reached: Reached): Promise<readonly DamagedImage[]> {
  const { image } = reached;
  const { descriptor } = image;
  const where = blobPath(store.root, descriptor.digest);
  try {
    await mark(store, descriptor, reached);
    if ((await checkBlob(store, descriptor)) !== 'missing') return [];
    return [{ image, problem: new TsimgError('BLOB_NOT_FOUND', 'a blob is missing', { where }) }];
  } catch (error) {
    if (!(error instanceof TsimgError)) throw error;
    return [{ image, problem: error }];
  }
}

/**
 * Marks the documents that are attached to an image, to an index or its members, or to another attached document: they
 * are kept as long as their subject. A damaged list is reported, and stops the removal of blobs until
 * `store check --repair` has removed the list.
 */
async function markAttached(store: Store, subject: Digest, reached: Reached): Promise<readonly DamagedImage[]> {
  try {
    for (const { descriptor } of await readAttached(store, subject)) await mark(store, descriptor, reached);
    return [];
  } catch (error) {
    if (!(error instanceof TsimgError)) throw error;
    return [{ image: reached.image, problem: error }];
  }
}

/** Removes the lists of attached documents of images that are gone; returns their bytes. */
async function removeAttached(store: Store, reachable: ReadonlySet<Digest>): Promise<number> {
  const folder = join(store.root, STORE_NAME.attached);
  let bytes = 0;
  for (const name of await namesIn(folder)) {
    const subject = name.replace('-', ':');
    if (!isDigest(subject) || !reachable.has(subject)) bytes += await removeFile(join(folder, name));
  }
  return bytes;
}

/** The rules of a sweep. */
export interface SweepRules {
  /** Milliseconds since the last write after which an unfinished blob is removed; 0 for all. Default: a week. */
  readonly age?: number | undefined;
}

/**
 * Removes blobs that no entry of the index leads to, and files of unfinished writes. Undefined when another process is
 * reading or writing the store: then nothing is removed, and a later sweep does it. While a document is damaged, only
 * files of unfinished writes are removed, because the blobs that the document names are unknown.
 * @throws FILESYSTEM, STORE_INVALID
 */
export async function sweep(store: Store, { age = UNFINISHED_AGE }: SweepRules = {}): Promise<BlobReport | undefined> {
  await using lock = await tryLock(store.blobsLock, 'exclusive');
  if (lock === undefined) return undefined;
  const reachable = new Set<Digest>();
  const followed = new Map<Digest, StoredImage>();
  const damaged: DamagedImage[] = [];
  for (const image of await listStored(store)) {
    const reached: Reached = { reachable, followed, image };
    damaged.push(...(await markImage(store, reached)));
    const { chosenFrom } = image;
    if (chosenFrom === undefined) continue;
    reachable.add(chosenFrom);
    damaged.push(...(await markAttached(store, chosenFrom, reached)));
  }
  // A map goes on with what is added while it is read: attached documents may have others attached to them.
  for (const [subject, image] of followed) {
    damaged.push(...(await markAttached(store, subject, { reachable, followed, image })));
  }
  let blobs = 0;
  let bytes = 0;
  for (const algorithm of damaged.length > 0 ? [] : ['sha256', 'sha512']) {
    const directory = join(store.root, LAYOUT.blobs, algorithm);
    for (const name of await namesIn(directory)) {
      const digest = `${algorithm}:${name}`;
      if (!isDigest(digest) || algorithmOf(digest) !== algorithm || reachable.has(digest)) continue;
      bytes += await removeFile(join(directory, name));
      blobs += 1;
    }
  }
  if (damaged.length === 0) {
    bytes += await removeAttached(store, reachable);
    for (const digest of await listDropped(store)) if (!reachable.has(digest)) await forgetDropped(store, digest);
  }
  const unfinished = await removeUnfinished(store.partial, age);
  for (const each of unfinished) bytes += each.bytes;
  bytes += await removeDocuments(store);
  return { blobs, bytes, unfinished: unfinished.length, damaged };
}

/** The start of the name of a damaged blob that was moved away: a reader may be at it. */
const DAMAGED = 'damaged.';

/** Removes what killed writers of small files have left, where no other writes one. @throws FILESYSTEM */
export async function removeLeftDocuments(store: Store): Promise<void> {
  const isLeft = (name: string) => !PARTIAL_BLOB.test(name) && !name.startsWith(DAMAGED);
  if (!(await namesIn(store.partial)).some(isLeft)) return;
  await removeDocuments(store, isLeft);
}

/** Removes small files of killed writers, and damaged blobs that were moved away; returns their bytes. */
async function removeDocuments(store: Store, isWanted: (name: string) => boolean = () => true): Promise<number> {
  // Those that write a list of the store hold this lock, and not always `blobsLock`.
  await using lock = await tryLock(store.indexLock, 'exclusive');
  if (lock === undefined) return 0;
  let bytes = 0;
  for (const name of await namesIn(store.partial)) {
    if (!PARTIAL_BLOB.test(name) && isWanted(name)) bytes += await removeFile(join(store.partial, name));
  }
  return bytes;
}
