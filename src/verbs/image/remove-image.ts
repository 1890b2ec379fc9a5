import { TsimgError, throwAll } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { recordEvent } from '../../host/state/events-file.ts';
import { listContainers } from '../../host/state/find-container.ts';
import { idPrefixOf, matchName } from '../../image/match-name.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import { optionWords } from '../../option-words.ts';
import { listStored, readStoreIndex, removeEntries, type StoredImage } from '../../store/names.ts';
import { openStore, type Store } from '../../store/open.ts';
import { type BlobReport, type SweepRules, sweep } from '../../store/sweep.ts';
import { sweepUnpacked, type UnpackedReport } from '../layers/sweep-unpacked.ts';
import { type ListedImage, listImages } from './images.ts';

/** Options of `removeImages`. */
export interface RemoveImageOptions {
  readonly storeRoot: string;
  /** Removes all names of an image that is given by its digest or ID. */
  readonly force?: boolean | undefined;
}

/** The things that were freed: blobs, unpacked layers, and leftovers of containers whose tsimg process was killed. */
export interface SweepReport extends UnpackedReport {
  readonly blobs: number;
  /** Unfinished downloads. */
  readonly unfinished: number;
}

/** The result of a removal. */
export interface RemovedImages {
  /** The names that were removed. */
  readonly untagged: readonly string[];
  /** The manifests without a name or another entry in the store now. */
  readonly removed: readonly Digest[];
  /** Undefined where nothing was freed, because of `inUse` or of a damaged image. */
  readonly swept: SweepReport | undefined;
  /** Whether another process used blobs or made a container: then a later removal or prune frees the rest. */
  readonly inUse: boolean;
}

/** Chooses the entries that an operand means: a name means one, a digest or an ID all of one image. */
function choose(images: readonly ListedImage[], wanted: string, force: boolean): readonly ListedImage[] {
  const named = images.filter(({ name }) => name !== undefined);
  const candidates = named.map((image) => ({ image, names: [image.name ?? ''], digests: [] as const }));
  const byName = matchName(candidates, wanted, { bareTags: false }).map(({ image }) => image);
  if (byName.length > 0) return byName;

  const all = images.map((image) => ({
    image,
    names: image.name === undefined ? [] : [image.name],
    digests: [image.digest, image.manifestDigest, ...image.manifests],
  }));
  const byDigest = matchName(all, wanted, { bareTags: false }).map(({ image }) => image);
  const prefix = idPrefixOf(wanted);
  const byId = images.filter(
    ({ imageId, manifestDigest, manifests, digest }) =>
      prefix !== undefined &&
      [imageId, manifestDigest, ...manifests, digest].some((id) => id !== undefined && hexOf(id).startsWith(prefix)),
  );
  const chosen = byDigest.length > 0 ? byDigest : byId;
  const names = [...new Set(chosen.flatMap(({ name }) => name ?? []))];
  // Images of one index for several platforms are one image where they are named by the index.
  const distinct = new Set(chosen.map(({ digest }) => digest)).size;
  if (distinct > 1 || (names.length > 1 && !force)) {
    throw new TsimgError('IMAGE_AMBIGUOUS', distinct > 1 ? 'several images' : 'an image with several names', {
      where: wanted,
      why: names.join(', '),
      hint: distinct > 1 ? 'name one of them, or give more digits' : 'name one of them, or remove all with --force',
      facts: { images: names },
    });
  }
  return chosen;
}

const MAX_WARNINGS = 5;

/** Frees blobs. Damaged images do not make the verb fail: a warning for each says how to mend or remove it. */
async function sweepBlobs(store: Store, rules: SweepRules, { onEvent }: Context): Promise<BlobReport | undefined> {
  const report = await sweep(store, rules);
  for (const { image, problem } of (report?.damaged ?? []).slice(0, MAX_WARNINGS)) {
    const name = image.name ?? image.descriptor.digest;
    const ways = `${optionWords('tsimg store check --repair, tsimg pull or tsimg load mends it, tsimg rmi')} ${name} removes it`;
    onEvent?.({ kind: 'warning', message: `no blob is freed while ${name} is damaged (${problem.message}); ${ways}` });
  }
  return report;
}

async function sweepAll(
  store: Store,
  { endedContainers, age }: { readonly endedContainers: boolean } & SweepRules,
  context: Context,
): Promise<Pick<RemovedImages, 'swept' | 'inUse'>> {
  const unpacked = await sweepUnpacked(store, { endedContainers }, context);
  const blobs = await sweepBlobs(store, { age }, context);
  const { layers = 0, containers = 0, bytes = 0 } = unpacked ?? {};
  const { unfinished = 0 } = blobs ?? {};
  const swept = { blobs: blobs?.blobs ?? 0, unfinished, layers, containers, bytes: (blobs?.bytes ?? 0) + bytes };
  const any = Object.values(swept).some((count) => count > 0);
  const isComplete = blobs !== undefined && blobs.damaged.length === 0;
  return { swept: any || isComplete ? swept : undefined, inUse: unpacked === undefined || blobs === undefined };
}

/** Returns the names of the containers of each image, by the digest of its manifest. Damaged records are left out. */
async function imageUsers(
  storeRoot: string,
  counts: (container: FoundContainer) => boolean,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const users = new Map<string, string[]>();
  for (const container of await listContainers(containersFolder(storeRoot), () => undefined)) {
    const { image, name } = container.record;
    if (image === undefined || !counts(container)) continue;
    users.set(image.digest, [...(users.get(image.digest) ?? []), name]);
  }
  return users;
}

/**
 * Returns a function that tells by its digest whether an entry is an image of a container, or has one among its images.
 */
function usedEntries(
  images: readonly ListedImage[],
  users: ReadonlyMap<string, readonly string[]>,
): (digest: Digest) => boolean {
  const used = images.filter(({ manifests }) => manifests.some((digest) => users.has(digest)));
  const digests = new Set(used.map(({ manifestDigest }) => manifestDigest));
  // An entry that came after the list, or that cannot be read, is known by its own digest alone.
  return (digest) => digests.has(digest) || users.has(digest);
}

/** Records removed entries as events. An image of which another entry is left has lost a name, and is not removed. */
async function recordRemoval(
  store: Store,
  gone: readonly StoredImage[],
): Promise<Pick<RemovedImages, 'untagged' | 'removed'>> {
  const left = new Set((await listStored(store)).map(({ descriptor }) => descriptor.digest));
  const untagged = gone.flatMap(({ name }) => name ?? []);
  const digests = new Set(gone.map(({ descriptor }) => descriptor.digest));
  const removed = [...digests].filter((digest) => !left.has(digest));
  for (const name of untagged)
    recordEvent(store.root, { type: 'image', action: 'untag', id: name, attributes: { name } });
  for (const id of removed) recordEvent(store.root, { type: 'image', action: 'delete', id, attributes: {} });
  return { untagged, removed };
}

/**
 * Removes images from the store and frees what nothing else needs. An image that is given by name stays while it has
 * other names; an image can also be given by digest or ID. All operands are looked up before the first image is
 * removed. The last entry of an image that a container was made of is refused; with `force` it only loses its name.
 * @throws IMAGE_NOT_FOUND, IMAGE_IN_USE, IMAGE_AMBIGUOUS, an AggregateError of these for several operands;
 * STORE_INVALID, FILESYSTEM; what sweepUnpacked throws
 */
export async function removeImages(
  wanted: readonly string[],
  { storeRoot, force = false }: RemoveImageOptions,
  context: Context = {},
): Promise<RemovedImages> {
  const { signal } = context;
  const images = await listImages(storeRoot, context);
  const failures: unknown[] = [];
  const chosen = wanted.flatMap((text) => {
    try {
      const found = choose(images, text, force);
      if (found.length > 0) return found;
      throw new TsimgError('IMAGE_NOT_FOUND', `no image ${text} in the store`, {
        where: storeRoot,
        hint: 'tsimg images lists the images of the store',
      });
    } catch (error) {
      failures.push(error);
      return [];
    }
  });
  const keys = new Set(chosen.map(({ name, manifestDigest }) => `${manifestDigest} ${name}`));
  const users = await imageUsers(storeRoot, () => true);
  const staying = new Set(
    images.filter((image) => !keys.has(`${image.manifestDigest} ${image.name}`)).flatMap(({ manifests }) => manifests),
  );
  for (const { name, manifestDigest, manifests } of force ? [] : chosen) {
    const names = manifests.filter((digest) => !staying.has(digest)).flatMap((digest) => users.get(digest) ?? []);
    if (names.length === 0) continue;
    failures.push(
      new TsimgError('IMAGE_IN_USE', 'the image is used by a container', {
        where: name ?? manifestDigest,
        why: names.join(', '),
        hint: 'remove the container first (tsimg rm), or only the name with --force',
        facts: { containers: names },
      }),
    );
  }
  throwAll(failures);
  const store = await openStore(storeRoot, signal);
  const gone = await removeEntries(store, ({ name, descriptor }) => keys.has(`${descriptor.digest} ${name}`), {
    needed: ({ descriptor }) => usedEntries(images, users)(descriptor.digest),
    signal,
  });
  const told = await recordRemoval(store, gone);
  return { ...told, ...(await sweepAll(store, { endedContainers: false }, context)) };
}

/** Options of `pruneImages`. */
export interface PruneOptions {
  readonly storeRoot: string;
  /** Removes images with names too; by default only images without a name. */
  readonly all?: boolean | undefined;
  /** Removes containers that are not running too. */
  readonly endedContainers?: boolean | undefined;
}

/**
 * Removes images without a name, or all, that no container is made of. Frees what nothing needs, and leftovers of
 * writes that were cut short. Warnings say what is damaged in the store, and how to mend it.
 * @throws STORE_INVALID, FILESYSTEM; what sweepUnpacked throws
 */
export async function pruneImages(
  { storeRoot, all = false, endedContainers = false }: PruneOptions,
  context: Context = {},
): Promise<RemovedImages> {
  const store = await openStore(storeRoot, context.signal);
  try {
    await readStoreIndex(store);
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code !== 'STORE_INVALID') throw error;
    const hint = error.hint === undefined ? '' : `; ${error.hint}`;
    context.onEvent?.({ kind: 'warning', message: `no image is removed: ${error.message}${hint}` });
    const report = await sweepUnpacked(store, { endedContainers, needed: 'all' }, context);
    return {
      untagged: [],
      removed: [],
      swept: report && { blobs: 0, unfinished: 0, ...report },
      inUse: report === undefined,
    };
  }
  // An ended container that is removed too does not keep its image, unless some of its processes could not be ended.
  const users = await imageUsers(storeRoot, ({ alive, left }) => alive || left !== undefined || !endedContainers);
  const isUsed = usedEntries(await listImages(storeRoot, { signal: context.signal }), users);
  const gone = await removeEntries(
    store,
    ({ name, descriptor }) => (all || name === undefined) && !isUsed(descriptor.digest),
    { signal: context.signal },
  );
  const told = await recordRemoval(store, gone);
  return { ...told, ...(await sweepAll(store, { endedContainers, age: 0 }, context)) };
}
