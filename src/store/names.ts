import { join } from 'node:path';
import { TsimgError } from '../errors.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import type { ImageIndex } from '../oci/image-index.ts';
import { formatPlatform } from '../oci/platform.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import { readIndexFile, updateIndexFile } from './index-file.ts';
import { LAYOUT } from './layout-names.ts';
import type { Store } from './open.ts';

/** An entry of the store's index: a manifest under one name, or under none. */
export interface StoredImage {
  /** Complete: `docker.io/library/alpine:3.9`, or `…/alpine@sha256:…`. */
  readonly name: string | undefined;
  /** The descriptor of the manifest. */
  readonly descriptor: Descriptor;
  /** The digest that the name has at its registry, when it is the digest of an index. */
  readonly chosenFrom: Digest | undefined;
}

/**
 * Returns the form of a name in the store: complete, and without the tag where it has a digest, because the digest
 * decides. @throws REFERENCE_INVALID
 */
export function storedName(text: string): string {
  const reference = parseReference(text);
  return formatReference(reference.digest === undefined ? reference : { ...reference, tag: undefined });
}

function storedImage(descriptor: Descriptor): StoredImage {
  const { annotations = {} } = descriptor;
  const chosenFrom = annotations[ANNOTATION.chosenFrom];
  return {
    name: annotations[ANNOTATION.refName],
    descriptor,
    chosenFrom: chosenFrom !== undefined && isDigest(chosenFrom) ? chosenFrom : undefined,
  };
}

function entryOf(descriptor: Descriptor, name: string | undefined): Descriptor {
  const { chosenFrom } = ANNOTATION;
  const from = descriptor.annotations?.[chosenFrom];
  const annotations = {
    ...(from === undefined ? {} : { [chosenFrom]: from }),
    ...(name === undefined ? {} : { [ANNOTATION.refName]: name, [ANNOTATION.containerdName]: name }),
  };
  return { ...descriptor, annotations };
}

const nameOf = (entry: Descriptor): string | undefined => entry.annotations?.[ANNOTATION.refName];

/** Removes entries without a name whose manifest has a name in another entry, and duplicates of them. */
function withoutIdleEntries(entries: readonly Descriptor[]): readonly Descriptor[] {
  const named = new Set(entries.filter((entry) => nameOf(entry) !== undefined).map((entry) => entry.digest));
  const seen = new Set<Digest>();
  return entries.filter((entry) => {
    if (nameOf(entry) !== undefined) return true;
    if (named.has(entry.digest) || seen.has(entry.digest)) return false;
    seen.add(entry.digest);
    return true;
  });
}

/**
 * Reads the list of the store. Names are kept nowhere else.
 * @throws STORE_INVALID with a way out when the list is damaged; FILESYSTEM
 */
export async function readStoreIndex({ root }: Store): Promise<ImageIndex | undefined> {
  try {
    return await readIndexFile(root);
  } catch (error) {
    if (!(error instanceof TsimgError) || !/^(DOCUMENT_INVALID|LIMIT_EXCEEDED)$/.test(error.code)) throw error;
    const path = join(root, LAYOUT.index);
    throw new TsimgError('STORE_INVALID', 'the list of images is damaged', {
      where: path,
      why: error.why ?? error.what,
      hint: 'put back a copy, or let tsimg store check --repair make it again',
      cause: error,
    });
  }
}

/**
 * Lists all entries, in the order in which they were added. A missing store has none. @throws STORE_INVALID, FILESYSTEM
 */
export async function listStored(store: Store): Promise<readonly StoredImage[]> {
  return ((await readStoreIndex(store))?.manifests ?? []).map(storedImage);
}

const chosenFromOf = (entry: Descriptor): string | undefined => entry.annotations?.[ANNOTATION.chosenFrom];

const platformOf = ({ platform }: Descriptor): string | undefined => platform && formatPlatform(platform);

/** Whether an entry is the index that an image was chosen from, or an image of that index for another platform. */
function goesWith(entry: Descriptor, added: Descriptor): boolean {
  const index = chosenFromOf(added);
  if (index === undefined || entry.digest === added.digest) return false;
  if (entry.digest === index) return true;
  const [one, other] = [platformOf(entry), platformOf(added)];
  return chosenFromOf(entry) === index && one !== undefined && other !== undefined && one !== other;
}

/** Returns the entries that replace one whose name is given to others. */
function displaced(entry: Descriptor, added: readonly Descriptor[]): readonly Descriptor[] {
  if (added.every((other) => goesWith(entry, other))) return [entry];
  // The index that has the name now leads to the image.
  if (added.some(({ digest }) => digest === chosenFromOf(entry))) return [];
  return [entryOf(entry, undefined)];
}

/**
 * Gives a manifest these names, or keeps it without a name. A name moves from another manifest, which stays without a
 * name until it is pruned; but images of one index for several platforms share their name, an entry for each, and where
 * the name is the index's, the index leads to them. Several manifests are given their names together.
 * @throws REFERENCE_INVALID, STORE_INVALID, FILESYSTEM
 */
export async function addNames(
  store: Store,
  given: Descriptor | readonly Descriptor[],
  names: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const descriptors = 'digest' in given ? [given] : given;
  const stored = [...new Set(names.map(storedName))];
  const moved = new Set(stored);
  await readStoreIndex(store);
  await updateIndexFile(
    store,
    store.indexLock,
    (before) => {
      const rest = before.flatMap((entry) => (moved.has(nameOf(entry) ?? '') ? displaced(entry, descriptors) : entry));
      const isLedTo = (name: string, descriptor: Descriptor) =>
        rest.some((entry) => nameOf(entry) === name && entry.digest === chosenFromOf(descriptor));
      const added = descriptors.flatMap((descriptor) =>
        stored.length === 0
          ? [entryOf(descriptor, undefined)]
          : stored.flatMap((name) => (isLedTo(name, descriptor) ? [] : entryOf(descriptor, name))),
      );
      return withoutIdleEntries([...rest, ...added]);
    },
    signal,
  );
}

export interface RemoveOptions {
  /** Picks images that must stay, without a name. Default: none. */
  readonly needed?: ((image: StoredImage) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Removes the entries that `unwanted` picks; where `needed` picks an entry too, only its name is removed. The blobs
 * stay until the next sweep. Returns the picked entries.
 * @throws STORE_INVALID, FILESYSTEM
 */
export async function removeEntries(
  store: Store,
  unwanted: (image: StoredImage) => boolean,
  { needed = () => false, signal }: RemoveOptions = {},
): Promise<readonly StoredImage[]> {
  let removed: readonly StoredImage[] = [];
  await readStoreIndex(store);
  await updateIndexFile(
    store,
    store.indexLock,
    (before) => {
      removed = before.map(storedImage).filter(unwanted);
      if (removed.length === 0) return before;
      return withoutIdleEntries(
        before.flatMap((entry) => {
          const image = storedImage(entry);
          if (!unwanted(image)) return [entry];
          return needed(image) ? [entryOf(entry, undefined)] : [];
        }),
      );
    },
    signal,
  );
  return removed;
}
