import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { listContainers } from '../../host/state/find-container.ts';
import { idPrefixOf, matchName } from '../../image/match-name.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import { readStoreIndex, removeEntries } from '../../store/names.ts';
import { openStore, type Store } from '../../store/open.ts';
import { type BlobReport, sweep } from '../../store/sweep.ts';
import { sweepUnpacked, type UnpackedReport } from '../layers/sweep-unpacked.ts';
import { type ListedImage, listImages } from './images.ts';

export interface RemoveImageOptions {
  readonly storeRoot: string;
  /** Removes all names of an image that was asked for by its digest or ID. */
  readonly force?: boolean | undefined;
}

/** What was freed: blobs, unpacked layers, and leftovers of containers whose tsimg was killed. */
export interface SweepReport extends UnpackedReport {
  readonly blobs: number;
}

export interface RemovedImages {
  /** Names that are no more. */
  readonly untagged: readonly string[];
  /** Manifests that no name or entry leads to any more. */
  readonly removed: readonly Digest[];
  /** What was freed; undefined when nothing was, because of `inUse` or of an image that is damaged. */
  readonly swept: SweepReport | undefined;
  /** Whether somebody else used blobs, or made a container: a later removal or prune frees the rest. */
  readonly inUse: boolean;
}

/** The entries that were meant: by a name one, by a digest or an ID all of one image. */
function choose(images: readonly ListedImage[], wanted: string, force: boolean): readonly ListedImage[] {
  const named = images.filter(({ name }) => name !== undefined);
  const candidates = named.map((image) => ({ image, names: [image.name ?? ''], digests: [] as const }));
  const byName = matchName(candidates, wanted, { bareTags: false }).map(({ image }) => image);
  if (byName.length > 0) return byName;

  const all = images.map((image) => ({
    image,
    names: image.name === undefined ? [] : [image.name],
    digests: [image.digest, image.manifestDigest],
  }));
  const byDigest = matchName(all, wanted, { bareTags: false }).map(({ image }) => image);
  const prefix = idPrefixOf(wanted);
  const byId = images.filter(
    ({ imageId, manifestDigest, digest }) =>
      prefix !== undefined &&
      [imageId, manifestDigest, digest].some((id) => id !== undefined && hexOf(id).startsWith(prefix)),
  );
  const chosen = byDigest.length > 0 ? byDigest : byId;
  const names = chosen.flatMap(({ name }) => name ?? []);
  const distinct = new Set(chosen.map(({ manifestDigest }) => manifestDigest)).size;
  if (distinct > 1 || (names.length > 1 && !force)) {
    throw new TsimgError('IMAGE_AMBIGUOUS', distinct > 1 ? 'several images' : 'an image with several names', {
      where: wanted,
      why: names.join(', '),
      hint: distinct > 1 ? 'name one of them, or give more of the ID' : 'name one of them, or remove all with --force',
      facts: { images: names },
    });
  }
  return chosen;
}

const MAX_WARNINGS = 5;

/** Damage is no reason to fail: what was asked for is done. Each image that is damaged is told with its ways out. */
async function sweepBlobs(store: Store, { onEvent }: Context): Promise<BlobReport | undefined> {
  const report = await sweep(store);
  for (const { image, problem } of (report?.damaged ?? []).slice(0, MAX_WARNINGS)) {
    const name = image.name ?? image.descriptor.digest;
    const ways = `tsimg pull or load ${name} mends it, tsimg rmi ${name} gives it up`;
    onEvent?.({ kind: 'warning', message: `no blob is freed while ${name} is damaged (${problem.message}); ${ways}` });
  }
  return report;
}

async function sweepAll(
  store: Store,
  endedContainers: boolean,
  context: Context,
): Promise<Pick<RemovedImages, 'swept' | 'inUse'>> {
  const unpacked = await sweepUnpacked(store, { endedContainers }, context);
  const blobs = await sweepBlobs(store, context);
  const { layers = 0, containers = 0, bytes = 0 } = unpacked ?? {};
  const swept = { blobs: blobs?.blobs ?? 0, layers, containers, bytes: (blobs?.bytes ?? 0) + bytes };
  const any = Object.values(swept).some((count) => count > 0);
  const isComplete = blobs !== undefined && blobs.damaged.length === 0;
  return { swept: any || isComplete ? swept : undefined, inUse: unpacked === undefined || blobs === undefined };
}

/** The names of the containers that were made of each image, by the digest of its manifest. A damaged record cannot tell. */
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
 * Removes images from the store, each by a name (then the image stays as long as it has others), a digest or an ID, and frees
 * what nothing needs any more. All are looked for before the first is removed. The last entry of an image that a container was
 * made of is refused; with `force` it loses its name only.
 * @throws IMAGE_NOT_FOUND, IMAGE_IN_USE, IMAGE_AMBIGUOUS, STORE_INVALID, FILESYSTEM; what sweepUnpacked throws
 */
export async function removeImages(
  wanted: readonly string[],
  { storeRoot, force = false }: RemoveImageOptions,
  context: Context = {},
): Promise<RemovedImages> {
  const { signal } = context;
  const images = await listImages(storeRoot, context);
  const chosen = wanted.flatMap((text) => {
    const found = choose(images, text, force);
    if (found.length > 0) return found;
    throw new TsimgError('IMAGE_NOT_FOUND', `no image ${text} in the store`, {
      where: storeRoot,
      hint: 'tsimg images lists what there is',
    });
  });
  const keys = new Set(chosen.map(({ name, manifestDigest }) => `${manifestDigest} ${name}`));
  const users = await imageUsers(storeRoot, () => true);
  const staying = new Set(
    images
      .filter((image) => !keys.has(`${image.manifestDigest} ${image.name}`))
      .map(({ manifestDigest }) => manifestDigest),
  );
  const used = chosen.find(({ manifestDigest }) => users.has(manifestDigest) && !staying.has(manifestDigest));
  if (used !== undefined && !force) {
    const names = users.get(used.manifestDigest) ?? [];
    throw new TsimgError('IMAGE_IN_USE', 'a container is made of the image', {
      where: used.name ?? used.manifestDigest,
      why: names.join(', '),
      hint: 'remove the container before (tsimg rm), or only the name with --force',
      facts: { containers: names },
    });
  }
  const store = await openStore(storeRoot, signal);
  const gone = await removeEntries(store, ({ name, descriptor }) => keys.has(`${descriptor.digest} ${name}`), {
    needed: ({ descriptor }) => users.has(descriptor.digest),
    signal,
  });
  const left = new Set((await listImages(storeRoot, context)).map(({ manifestDigest }) => manifestDigest));
  const digests = new Set(gone.map(({ descriptor }) => descriptor.digest));
  return {
    untagged: gone.flatMap(({ name }) => name ?? []),
    removed: [...digests].filter((digest) => !left.has(digest)),
    ...(await sweepAll(store, false, context)),
  };
}

export interface PruneOptions {
  readonly storeRoot: string;
  /** Images with names too, of which none is kept; by default only those without a name. */
  readonly all?: boolean | undefined;
  /** Containers too that do not run. */
  readonly endedContainers?: boolean | undefined;
}

/**
 * Removes images without a name (or all) that no container is made of, and frees what nothing needs, and what writes that
 * were cut short have left. What is damaged in the store is told by warnings with the ways out.
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
    return { untagged: [], removed: [], swept: report && { blobs: 0, ...report }, inUse: report === undefined };
  }
  // Containers that have ended go with this, where that was asked for; what is left of them keeps theirs.
  const users = await imageUsers(storeRoot, ({ alive, left }) => alive || left !== undefined || !endedContainers);
  const gone = await removeEntries(
    store,
    ({ name, descriptor }) => (all || name === undefined) && !users.has(descriptor.digest),
    { signal: context.signal },
  );
  return {
    untagged: gone.flatMap(({ name }) => name ?? []),
    removed: [...new Set(gone.map(({ descriptor }) => descriptor.digest))],
    ...(await sweepAll(store, endedContainers, context)),
  };
}
