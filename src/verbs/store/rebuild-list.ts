import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { containersFolder } from '../../host/state/container.ts';
import { listContainers } from '../../host/state/find-container.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { type ImageIndex, parseImageIndex } from '../../oci/image-index.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { readAttached } from '../../store/attached.ts';
import { checkBlob } from '../../store/blobs.ts';
import { changeIndexFile } from '../../store/index-file.ts';
import { blobPath, LAYOUT } from '../../store/layout-names.ts';
import { namesIn } from '../../store/list-folder.ts';
import { readStoreIndex, storedName } from '../../store/names.ts';
import type { Store } from '../../store/open.ts';
import { STORE_NAME } from '../../store-layout.ts';
import { acquireLock } from '../../sys/file/lock.ts';
import { openRegularFile } from '../../sys/file/regular-file.ts';

/** A document that was found among the blobs. `lost`: the bytes look like a manifest or an index, and are not one. */
type FoundDocument = { readonly descriptor: Descriptor } & (
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly index: ImageIndex }
  | { readonly kind: 'lost' }
);

/** Bytes of the largest document that is looked for: users may allow documents of more than 4 MiB. */
const MAX_FOUND_BYTES = 64 * 1024 * 1024;
/** The first byte of a JSON object; layers begin with others. */
const BRACE = 0x7b;
/** A member that configs do not have. */
const DOCUMENT_MEMBER = /"(?:schemaVersion|manifests|layers)"\s*:/;

/** Describes a damaged manifest or index; undefined for bytes that look like neither. */
function lostDocument(bytes: Buffer, digest: Digest): FoundDocument | undefined {
  const text = bytes.toString('latin1');
  if (!DOCUMENT_MEMBER.test(text)) return undefined;
  const mediaType = text.includes('"manifests"') ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest;
  return { kind: 'lost', descriptor: { mediaType, digest, size: bytes.length } };
}

/** Parses a blob of the right digest as a manifest or an index; undefined for anything else. */
function parseFound(bytes: Buffer, digest: Digest): FoundDocument | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const isIndex = 'manifests' in value;
  if (!isIndex && !('layers' in value && 'config' in value)) return undefined;
  const own = 'mediaType' in value && typeof value.mediaType === 'string' ? value.mediaType : '';
  const mediaType = own || (isIndex ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest);
  const descriptor = { mediaType, digest, size: bytes.length };
  try {
    return isIndex
      ? { kind: 'index', descriptor, index: parseImageIndex(bytes, mediaType, digest) }
      : { kind: 'manifest', descriptor, manifest: parseManifest(bytes, mediaType, digest) };
  } catch (error) {
    if (error instanceof TsimgError) return lostDocument(bytes, digest);
    throw error;
  }
}

/** Finds all manifests and indexes among the blobs, and what damage has left of some. */
async function findDocuments(store: Store): Promise<ReadonlyMap<Digest, FoundDocument>> {
  const found = new Map<Digest, FoundDocument>();
  for (const algorithm of ['sha256', 'sha512']) {
    for (const name of await namesIn(join(store.root, LAYOUT.blobs, algorithm))) {
      const digest = `${algorithm}:${name}`;
      if (!isDigest(digest)) continue;
      const bytes = await readObject(blobPath(store.root, digest));
      if (bytes === undefined) continue;
      const isRight = (await checkBlob(store, { digest, size: bytes.length })) === 'right';
      const document = isRight ? parseFound(bytes, digest) : lostDocument(bytes, digest);
      if (document !== undefined) found.set(digest, document);
    }
  }
  return found;
}

/** Reads a blob that begins as a JSON object; undefined for any other, and for one that cannot be read. */
async function readObject(path: string): Promise<Buffer | undefined> {
  try {
    const file = await openRegularFile(path);
    if (file === undefined) return undefined;
    await using handle = file.handle;
    const first = Buffer.alloc(1);
    await handle.read(first, 0, 1, 0);
    if (first[0] !== BRACE || (await handle.stat()).size > MAX_FOUND_BYTES) return undefined;
    return await handle.readFile();
  } catch (error) {
    if (error instanceof TsimgError || errnoOf(error) === 'EIO') return undefined;
    throw error;
  }
}

/** The digests of what is attached to images: these are no images of their own. */
async function attachedDigests(store: Store): Promise<ReadonlySet<Digest>> {
  const digests = new Set<Digest>();
  for (const name of await namesIn(join(store.root, STORE_NAME.attached))) {
    const subject = name.replace('-', ':');
    if (!isDigest(subject)) continue;
    // The check tells of a damaged record; the documents that it named become images without a name.
    const attached = await readAttached(store, subject).catch((error: unknown) => {
      if (error instanceof TsimgError) return [];
      throw error;
    });
    for (const { descriptor } of attached) digests.add(descriptor.digest);
  }
  return digests;
}

/** The names that containers remember of their images, by the digest of the manifest. */
async function rememberedNames(store: Store): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const { record } of await listContainers(containersFolder(store.root), () => undefined)) {
    if (record.image === undefined) continue;
    try {
      names.set(record.image.digest, storedName(record.image.name));
    } catch {
      // A container of an image that was named by its ID remembers no name.
    }
  }
  return names;
}

function withName(descriptor: Descriptor, name: string | undefined, chosenFrom: Digest | undefined): Descriptor {
  const annotations = {
    ...(chosenFrom === undefined ? {} : { [ANNOTATION.chosenFrom]: chosenFrom }),
    ...(name === undefined ? {} : { [ANNOTATION.refName]: name, [ANNOTATION.containerdName]: name }),
  };
  return { ...descriptor, annotations };
}

/**
 * The entries of a new list: each manifest that no whole index leads to, and each whole index that no other leads to. A
 * lost document has an entry too, unless a manifest needs it as its config or as a layer: as long as it has one, no
 * blob is removed, because those that it named are unknown. Pure.
 */
function entriesOf(
  documents: ReadonlyMap<Digest, FoundDocument>,
  attached: ReadonlySet<Digest>,
  names: ReadonlyMap<string, string>,
): readonly Descriptor[] {
  const led = new Set<Digest>();
  const members = new Map<Digest, Descriptor & { readonly chosenFrom: Digest }>();
  const whole = new Set<Digest>();
  const content = new Set<Digest>();
  for (const document of documents.values()) {
    if (document.kind === 'manifest') {
      const { config, layers } = document.manifest;
      for (const { digest } of [config, ...layers]) content.add(digest);
    }
    if (document.kind !== 'index') continue;
    const { manifests } = document.index;
    const isWhole = manifests.length > 0 && manifests.every(({ digest }) => documents.has(digest));
    if (isWhole) whole.add(document.descriptor.digest);
    for (const child of manifests) {
      if (isWhole) led.add(child.digest);
      else members.set(child.digest, { ...child, chosenFrom: document.descriptor.digest });
    }
  }
  const entries: Descriptor[] = [];
  for (const { kind, descriptor } of documents.values()) {
    const { digest } = descriptor;
    if (led.has(digest) || attached.has(digest) || (kind === 'index' && !whole.has(digest))) continue;
    if (kind === 'lost' && content.has(digest)) continue;
    const member = members.get(digest);
    // The rest of a lost document may have another size, and another media type.
    const known = kind === 'lost' && member !== undefined ? member : descriptor;
    const { mediaType, size } = known;
    const own = { mediaType, digest, size, ...(member?.platform && { platform: member.platform }) };
    entries.push(withName(own, names.get(digest), member?.chosenFrom));
  }
  return entries;
}

/** The entries that were added to the list of images. */
export interface RebuiltList {
  readonly images: number;
  /** How many of them have a name again. */
  readonly named: number;
}

/**
 * Makes the list of images again from the documents among the blobs. Names are kept nowhere else, but a container
 * remembers that of its image. A damaged list is moved to `index.json.damaged`; a list that another process has made
 * meanwhile is kept, and what it lacks is added.
 * @throws FILESYSTEM
 */
export async function rebuildList(store: Store, signal?: AbortSignal): Promise<RebuiltList> {
  const documents = await findDocuments(store);
  const entries = entriesOf(documents, await attachedDigests(store), await rememberedNames(store));
  const path = join(store.root, LAYOUT.index);
  await using _lock = await acquireLock(store.indexLock, 'exclusive', { signal });
  try {
    await readStoreIndex(store);
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code !== 'STORE_INVALID') throw error;
    await rename(path, `${path}.damaged`);
  }
  let added: readonly Descriptor[] = [];
  await changeIndexFile(store, (before) => {
    const there = new Set(before.map(({ digest }) => digest));
    added = entries.filter(({ digest }) => !there.has(digest));
    return [...before, ...added];
  });
  const named = added.filter(({ annotations }) => annotations?.[ANNOTATION.refName] !== undefined).length;
  return { images: added.length, named };
}
